"use strict";
// One state: the current step, 0 (after the set-up) to N. Everything else is drawn from the data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (n) => data.strings[n];
  const steps = data.steps;
  const last = steps.length;
  const $ = (id) => document.getElementById(id);
  const calls = data.calls.map(([fn, parent, label, shown, file, name, from]) => ({
    fn, parent, from, label: text(label), shown: !!shown, file: text(file), name: text(name),
  }));

  function make(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === undefined || value === false) continue;
      if (name === "text") made.textContent = value;
      else if (name === "on") made.addEventListener("click", value);
      else if (name.startsWith("--")) made.style.setProperty(name, value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  const cpu = (task) => `c${task % 4}`;

  // ------------------------------------------------------------------ lanes: what has which value

  const lanes = data.lanes.map(([kind, thing, label, start, meaning], number) => ({
    number, kind, thing: text(thing), label: text(label), meaning: text(meaning),
    changes: [{ at: 0, value: text(start), task: -1 }],
  }));
  steps.forEach((step, k) => {
    const put = (lane, value) => {
      const changes = lanes[lane].changes;
      const before = changes[changes.length - 1];
      if (before.value === value) return;
      if (before.at === k + 1) before.value = value;
      else changes.push({ at: k + 1, value, task: step.t });
    };
    for (const [, , lane, value, old] of step.e || []) if (old !== undefined) put(lane, text(value));
    for (const [lane, value] of step.r || []) put(lane, text(value));
    for (const [lane, value] of step.k || []) put(lane, text(value));
  });
  function valueAt(lane, at) {
    let low = 0, high = lane.changes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lane.changes[middle].at <= at) low = middle;
      else high = middle - 1;
    }
    return lane.changes[low];
  }
  const nothing = (value) => ["0", "none", "NULL", ""].includes(value);

  // ------------------------------------------------------------------ steps, folded by function

  function shownPath(step) {
    if (step.p === undefined) return [];
    const found = [];
    for (let n = step.p; n >= 0; n = calls[n].parent) if (calls[n].shown) found.unshift(n);
    return found;
  }
  // A run is what one task does before another goes on; in it, functions nest.
  const runs = [];
  steps.forEach((step, k) => {
    const number = k + 1;
    let run = runs[runs.length - 1];
    if (!run || run.task !== step.t || run.exiting !== !!step.q) {
      run = { task: step.t, exiting: !!step.q, kids: [], first: number, depth: -1, parent: null };
      runs.push(run);
    }
    let level = run;
    for (const call of shownPath(step)) {
      const before = level.kids[level.kids.length - 1];
      if (before && before.call === call) level = before;
      else {
        const node = { call, task: step.t, kids: [], first: number, parent: level };
        level.kids.push(node);
        level = node;
      }
    }
    level.kids.push({ step: number, task: step.t, parent: level });
    for (let node = level; node; node = node.parent) {
      node.last = number;
      node.key = node.key || !!step.m || number === last;
    }
  });
  const seenCalls = new Set();
  function name(node) {
    // A function with nothing but one other in it is shown in its line.
    const names = [];
    const resumed = seenCalls.has(node.call);
    const add = (n) => { names.push(calls[n].label); seenCalls.add(n); };
    add(node.call);
    while (node.kids.length === 1 && node.kids[0].call !== undefined) {
      const kid = node.kids[0];
      add(kid.call);
      node.kids = kid.kids;
      for (const each of node.kids) each.parent = node;
    }
    node.title = names.join(" › ");
    node.short = names[names.length - 1];
    node.label = names.length > 2 ? `${names[0]} › … › ${node.short}` : node.title;
    if (resumed) node.label = `… ${node.short}`;
    node.kids.forEach((kid) => kid.call !== undefined && name(kid));
  }
  runs.forEach((run) => run.kids.forEach((kid) => kid.call !== undefined && name(kid)));

  const tree = $("tree");
  const rows = new Map(); // step -> its row
  const narrow = Math.min(34, 60 / data.tasks.length);
  document.documentElement.style.setProperty("--columns", `repeat(${data.tasks.length - 1}, ${narrow}%) minmax(0, 1fr)`);
  $("columns").append(make("span"), ...data.tasks.map((task, n) => make("span", { class: cpu(n), text: `CPU${n} ${task}` })));

  const isKey = (number) => !!steps[number - 1].m || number === last;
  function stepRows(item, depth) {
    const number = item.step, step = steps[number - 1];
    const texts = (step.x || []).map(text);
    const list = isKey(number) ? texts : texts.slice(0, 1);
    const title = texts.join("\n");
    const row = make("li", { class: `row step ${cpu(item.task)} ${isKey(number) ? "key" : "dull"}`, "--cpu": item.task, "--depth": depth, id: `step-row-${number}`, on: () => go(number) },
      make("a", { class: "n", href: `#step-${number}`, text: number, "aria-label": `Step ${number}, CPU${item.task}: ${title}` }),
      make("span", { class: "t", text: list.join("; ") || "…", title }));
    item.row = row;
    rows.set(number, item);
    return row;
  }
  function nodeRow(node, depth) {
    const count = node.last - node.first + 1;
    const mark = make("span", { class: "fold", "aria-hidden": "true" });
    const button = make("button", { class: "t", type: "button", title: node.title, "aria-expanded": "false", on: () => fold(node, !node.open) },
      mark, node.label || "", make("span", { class: "count", text: count > 1 ? `  ${count} steps` : "" }));
    const list = make("ol", { hidden: true });
    node.row = make("div", { class: `row ${cpu(node.task)}`, "--cpu": node.task, "--depth": depth },
      make("span", { class: "n", text: node.first }), button);
    Object.assign(node, { button, mark, list, depth });
    return make("li", {}, node.row, list);
  }
  function items(kids, depth) {
    // What is dull, one after the other, is one line.
    const made = [];
    let dull = [];
    const flush = () => {
      if (dull.length > 1) {
        const node = { kids: dull, task: dull[0].task, first: dull[0].first || dull[0].step, last: dull[dull.length - 1].last || dull[dull.length - 1].step, parent: dull[0].parent, isGap: true };
        const names = [...new Set(dull.map((kid) => kid.short).filter(Boolean))];
        node.label = names.length ? names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "") : "…";
        node.title = names.join(", ");
        for (const kid of dull) kid.parent = node;
        made.push(nodeRow(node, depth));
        node.key = false;
        gaps.push(node);
      } else made.push(...dull.map((kid) => item(kid, depth)));
      dull = [];
    };
    for (const kid of kids) {
      if (kid.step !== undefined ? isKey(kid.step) : kid.key) { flush(); made.push(item(kid, depth)); }
      else dull.push(kid);
    }
    flush();
    return made;
  }
  const gaps = [];
  const item = (kid, depth) => (kid.step !== undefined ? stepRows(kid, depth) : nodeRow(kid, depth));
  function fill(node) {
    if (node.filled) return;
    node.filled = true;
    const inner = node.isGap ? node.kids.map((kid) => item(kid, node.depth + 1)) : items(node.kids, node.depth + 1);
    node.list.append(...inner);
  }
  function fold(node, open) {
    fill(node);
    node.open = open;
    node.list.hidden = !open;
    node.row.classList.toggle("open", open);
    node.mark.textContent = open ? "▾" : "▸";
    node.button.setAttribute("aria-expanded", String(open));
    if (current) showCurrent(false);
  }
  const list = make("ol");
  runs.forEach((run, n) => {
    if (run.exiting && (n === 0 || !runs[n - 1].exiting)) list.append(make("li", { class: "row sep", text: "Then every process exits, one after the other:" }));
    list.append(...items(run.kids, 0));
  });
  list.append(make("li", { class: "row end", text: data.end.headline }));
  tree.append(list);
  function foldAll(open) {
    // What is unfolded is made only then, and may hold more to unfold.
    const nodes = [];
    const collect = (node) => { if (node.button) nodes.push(node); node.kids && node.kids.forEach(collect); };
    for (let round = 0, before = -1; before !== nodes.length && round < 40; round++) {
      before = nodes.length;
      nodes.length = 0;
      runs.forEach((run) => run.kids.forEach(collect));
      gaps.forEach((gap) => { nodes.push(gap); gap.kids.forEach(collect); });
      nodes.forEach((node) => fold(node, open || !!node.key));
    }
    for (const kind of ["key", "all"]) document.querySelector(`[data-do=${kind}]`).setAttribute("aria-pressed", String((kind === "all") === open));
  }

  // ------------------------------------------------------------------ the chart

  // Steps that change something are wider.
  const width = steps.map((step) => (step.m ? 5 : (step.e || []).some((e) => e[4] !== undefined && e[4] !== e[3]) ? 2.5 : 1));
  const left = [0];
  width.forEach((w) => left.push(left[left.length - 1] + w));
  const total = left[last];
  const percent = (n) => `${(100 * n / total).toFixed(4)}%`;
  let zoom = 1;

  function segment(from, to, attributes, label) {
    const made = make("div", { ...attributes, text: label });
    made.style.left = percent(left[from]);
    made.style.width = percent(left[to] - left[from]);
    return made;
  }
  function stepAt(event, box) {
    const area = box.getBoundingClientRect();
    const x = (event.clientX - area.left) / area.width * total;
    let n = 0;
    while (n < last - 1 && left[n + 1] <= x) n++;
    return n + 1;
  }
  function strip(lane) {
    const box = make("div", { class: "box" });
    lane.changes.forEach((change, n) => {
      const next = lane.changes[n + 1];
      const from = Math.max(change.at - 1, 0), to = next ? next.at - 1 : last;
      if (to <= from) return;
      const held = /CPU(\d)/.exec(change.value);
      const who = lane.kind === 3 && held ? Number(held[1]) : change.task;
      const kinds = [nothing(change.value) && "none", change.at === 0 && "start", / waits/.test(change.value) && "waits", who >= 0 && cpu(who)];
      box.append(segment(from, to, { class: `seg ${kinds.filter(Boolean).join(" ")}`, title: `${lane.thing} ${lane.label}: ${change.value || "free"}` + (change.at ? ` (step ${change.at})` : "") }, brief(lane, n)));
    });
    return make("td", { class: "strip", "aria-hidden": "true", on: (event) => go(stepAt(event, box)) }, box);
  }
  function brief(lane, n) {
    // Of flags, what comes and goes.
    const value = lane.changes[n].value;
    if (lane.label !== "flags" || !n || nothing(value)) return short(lane, value);
    const now = value.split("|"), before = lane.changes[n - 1].value.split("|");
    const come = now.filter((flag) => !before.includes(flag)), gone = before.filter((flag) => !now.includes(flag) && flag !== "none");
    if (come.length + gone.length > 3) return value;
    return [...come.map((flag) => `+${flag}`), ...gone.map((flag) => `−${flag}`)].join(" ");
  }
  const short = (lane, value) => value.replace("migration entry", "migration").replace("compound_mapcount", "compound");

  function flame(task) {
    // Functions of one task, outermost at the top.
    const box = make("div", { class: "box flame" });
    const most = $("deep").checked ? 30 : 4;
    let deepest = 0;
    const put = (node, depth) => {
      if (node.step !== undefined || node.isGap || depth >= most) return;
      deepest = Math.max(deepest, depth + 1);
      const made = segment(node.first - 1, node.last, { class: `seg ${cpu(task)}${depth % 2 ? " odd" : ""}`, title: `${node.title} (steps ${node.first} to ${node.last})` }, node.short);
      made.style.top = `${1 + depth * 15}px`;
      box.append(made);
      node.all.forEach((kid) => put(kid, depth + 1));
    };
    runs.filter((run) => run.task === task).forEach((run) => run.all.forEach((kid) => put(kid, 0)));
    box.style.height = `${Math.max(1, deepest) * 15 + 2}px`;
    return make("td", { class: "strip", "aria-hidden": "true", on: (event) => go(stepAt(event, box)) }, box);
  }
  const keepAll = (node) => { node.all = [...node.kids]; node.kids.forEach((kid) => kid.kids && keepAll(kid)); };
  runs.forEach(keepAll);

  let cells = [];
  function drawChart() {
    const still = $("still").checked;
    const table = make("table");
    const wide = make("col");
    table.append(make("colgroup", {}, make("col", { class: "name" }), make("col", { class: "value" }), wide));
    table.append(make("thead", {}, make("tr", {}, make("th", { scope: "col", text: "Field" }), make("th", { scope: "col", text: "After the step" }), make("th", { "aria-hidden": "true", text: `Steps 1 to ${last}` }))));
    const body = make("tbody");
    cells = [];
    data.tasks.forEach((task, n) => {
      const value = make("td", { class: "v" });
      cells.push({ task: n, value });
      body.append(make("tr", {}, make("th", { scope: "row", class: `thing ${cpu(n)}`, "data-cpu": n, text: `CPU${n} ${task}` }), value, flame(n)));
    });
    let kind = -1, thing = null;
    for (const lane of lanes) {
      if (lane.changes.length === 1 && !still) continue;
      if (lane.kind !== kind) {
        kind = lane.kind;
        thing = null;
        body.append(make("tr", { class: "kind" }, make("th", { scope: "rowgroup", colspan: 2, text: data.kinds[kind] }), make("td")));
      }
      if (lane.thing !== thing && lane.label) {
        body.append(make("tr", {}, make("th", { class: "thing", scope: "row", colspan: 2, text: lane.thing }), make("td", { class: "rest" })));
      }
      thing = lane.thing;
      const value = make("td", { class: "v" });
      const row = make("tr", {}, make("th", { scope: "row", class: "field", text: lane.label || lane.thing, title: lane.meaning }), value, strip(lane));
      cells.push({ lane, value, row });
      body.append(row);
    }
    table.append(body);
    const chart = $("chart");
    const room = Math.max(chart.clientWidth - 355, 200);
    table.style.width = zoom > 1 ? `${350 + room * zoom}px` : "100%";
    table.style.minWidth = "520px";
    chart.replaceChildren(table);
  }
  function updateChart(at) {
    const root = document.documentElement.style;
    root.setProperty("--x", percent(left[Math.max(at - 1, 0)]));
    root.setProperty("--w", at ? percent(width[at - 1]) : "0px");
    for (const cell of cells) {
      if (cell.lane) {
        const now = valueAt(cell.lane, at);
        cell.value.textContent = short(cell.lane, now.value) || "free";
        cell.value.title = now.value;
        cell.row.classList.toggle("new", at > 0 && now.at === at);
      } else {
        const waiting = at ? (steps[at - 1].w || []).find((w) => w[0] === cell.task) : null;
        let n = at;
        while (n > 0 && steps[n - 1].t !== cell.task) n--;
        const own = n ? shownPath(steps[n - 1]) : [];
        const where = own.length ? calls[own[own.length - 1]].name : "not begun";
        cell.value.textContent = waiting ? `waits: ${text(waiting[1])}` : where;
        cell.value.title = cell.value.textContent;
      }
    }
    const chart = $("chart");
    if (zoom > 1 && chart.firstChild) {
      const full = chart.firstChild.offsetWidth - 350;
      const x = 350 + full * left[Math.max(at - 1, 0)] / total;
      if (x < chart.scrollLeft + 370 || x > chart.scrollLeft + chart.clientWidth - 40) chart.scrollLeft = x - 350 - (chart.clientWidth - 350) / 2;
    }
  }

  // ------------------------------------------------------------------ one step

  const words = (value) => value.split(/([ |,]+)/);
  function compared(tag, value, other) {
    const known = new Set(words(other));
    const made = make("span");
    for (const word of words(value)) {
      if (known.has(word) || !word.trim() || /^[ |,]+$/.test(word)) made.append(word);
      else made.append(make(tag, { text: word }));
    }
    return made;
  }
  function table(heads, ...rows) {
    return make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col", text: head })))), make("tbody", {}, ...rows));
  }
  const full = (lane) => (lane.label ? `${lane.thing} ${lane.label}` : lane.thing);
  function changesOf(step, at) {
    const found = new Map();
    for (const [, , lane, value, old] of step.e || []) {
      if (old === undefined) continue;
      const known = found.get(lane);
      found.set(lane, { old: known ? known.old : text(old), value: text(value) });
    }
    for (const [lane, value] of step.r || []) found.set(lane, { old: valueAt(lanes[lane], at - 1).value, value: text(value) });
    return [...found].map(([lane, change]) => ({ lane: lanes[lane], ...change })).filter((c) => c.old !== c.value);
  }
  function drawStep(at) {
    const box = $("diff");
    box.replaceChildren();
    if (!at) {
      $("detail-heading").textContent = "After the set-up";
      box.append(make("p", { class: "note", text: "No step has been taken. The lanes show what the set-up left." }));
      return;
    }
    const step = steps[at - 1];
    $("detail-heading").textContent = `Step ${at}, CPU${step.t}`;
    if (at === last && data.end.splat.length) box.append(make("div", { class: "wrong" }, make("pre", { text: data.end.splat.join("\n") })));
    if (step.c) box.append(make("p", { text: `chooses alternative ${step.c}` }));
    const changes = changesOf(step, at);
    if (changes.length) {
      box.append(make("h3", { text: "Changes" }), table(["field", "before", "after"], ...changes.map(({ lane, old, value }) =>
        make("tr", {}, make("th", { scope: "row", text: full(lane), title: lane.meaning }), make("td", {}, compared("del", old, value)), make("td", {}, compared("ins", value, old))))));
    } else box.append(make("p", { class: "note", text: "Nothing in memory changes." }));
    const taken = (step.n || []).map(text);
    if (taken.length) box.append(make("h3", { text: "Locks" }), make("ul", {}, ...taken.map((t) => make("li", { text: t }))));
    const reads = new Map();
    for (const [, , lane, value, old] of step.e || []) if (old === undefined) reads.set(lane, text(value));
    if (reads.size) {
      box.append(make("h3", { text: "Reads" }), make("table", {}, make("tbody", {}, ...[...reads].map(([lane, value]) =>
        make("tr", {}, make("th", { scope: "row", text: full(lanes[lane]), title: lanes[lane].meaning }), make("td", { text: value }))))));
    }
    const held = lanes.filter((lane) => lane.kind === 3).map((lane) => [lane, valueAt(lane, at).value]).filter(([, value]) => value);
    if (held.length) {
      box.append(make("h3", { text: "Held after it" }), make("table", {}, make("tbody", {}, ...held.map(([lane, value]) =>
        make("tr", {}, make("th", { scope: "row", text: lane.thing, title: lane.meaning }), make("td", { text: value }))))));
    }
    for (const [task, where] of step.w || []) box.append(make("p", {}, make("b", { text: `CPU${task} waits` }), ` in ${text(where)}`));
  }
  function spoken(at) {
    if (!at) return "After the set-up.";
    const step = steps[at - 1];
    const path = shownPath(step);
    const changes = changesOf(step, at).slice(0, 4).map((c) => `${full(c.lane)}: ${c.old} to ${c.value}`);
    const what = changes.length ? changes.join("; ") : (step.x || []).map(text).slice(0, 2).join("; ");
    const end = at === last ? ` ${data.end.headline}` : "";
    return `Step ${at} of ${last}, CPU${step.t}, ${path.length ? calls[path[path.length - 1]].name : ""}: ${what}.${end}`;
  }

  // ------------------------------------------------------------------ the source

  const painted = new Map();
  const KEYWORDS = /^(?:and|as|assert|break|class|continue|def|elif|else|False|for|from|if|import|in|is|lambda|None|not|or|pass|return|True|while|with|yield)$/;
  function paint(fn) {
    if (painted.has(fn)) return painted.get(fn);
    let inDoc = false;
    const made = data.functions[fn].text.split("\n").map((line) => {
      const parts = make("span");
      if (inDoc || /^\s*"""/.test(line)) {
        const quotes = (line.match(/"""/g) || []).length;
        if (quotes === 1) inDoc = !inDoc;
        parts.append(make("span", { class: "r", text: line }));
        return parts;
      }
      for (const token of line.match(/#.*|"[^"]*"|'[^']*'|\w+|\s+|[^\w\s]/g) || []) {
        const kind = token[0] === "#" ? "r" : /^["']/.test(token) ? "s" : KEYWORDS.test(token) ? "w" : null;
        parts.append(kind ? make("span", { class: kind, text: token }) : token);
      }
      return parts;
    });
    painted.set(fn, made);
    return made;
  }
  function lineIn(fn, number) {
    const numbers = data.functions[fn].numbers;
    let n = numbers.findIndex((each) => each >= number);
    if (n < 0) n = numbers.length - 1;
    return n;
  }
  let chosen = null; // a frame that was asked for: its place in the stack
  function stackAt(at) {
    const own = at ? steps[at - 1].s || [] : [];
    if (at !== last || !data.end.stack.length) return own;
    return data.end.predicate ? [...own, ...data.end.stack] : data.end.stack;
  }
  function drawSource(at) {
    const stack = stackAt(at);
    const box = $("code"), path = $("path");
    path.replaceChildren();
    if (!stack.length) {
      box.replaceChildren(make("p", { class: "note", text: at ? "The task is at its end." : "" }));
      $("where").textContent = "";
      return;
    }
    let n = chosen;
    if (n === null || n >= stack.length) {
      n = stack.length - 1;
      while (n > 0 && !calls[stack[n][0]].shown) n--;
    }
    stack.forEach(([call, line], k) => {
      const checks = at === last && data.end.predicate && k === stack.length - 1;
      if (k) path.append(make("span", { class: "note", text: checks ? " then " : " › " }));
      path.append(make("button", { type: "button", class: calls[call].shown ? undefined : "inner", "aria-pressed": String(k === n), title: calls[call].label, text: calls[call].name, on: () => { chosen = k; drawSource(current); } }));
    });
    const asked = path.querySelector("[aria-pressed=true]");
    path.scrollTop = Math.max(0, asked.offsetTop - path.clientHeight + asked.offsetHeight + 4);
    const [call, line] = stack[n];
    const fn = calls[call].fn;
    if (fn < 0) { box.replaceChildren(); return; }
    const about = data.functions[fn];
    $("where").textContent = `${about.file}${line ? `:${line}` : ""}` + (calls[call].file ? `, restates ${calls[call].file}` : "");
    $("where").title = $("where").textContent;
    const near = new Set();
    if (at) {
      for (const event of steps[at - 1].e || []) {
        let [c, line] = event;
        while (c >= 0 && c !== call) { line = calls[c].from; c = calls[c].parent; }
        if (c === call) near.add(lineIn(fn, line));
      }
    }
    const here = line ? lineIn(fn, line) : -1;
    const lines = paint(fn).map((parts, k) => make("li", { class: k === here ? "here" : near.has(k) ? "near" : undefined, "aria-current": k === here ? "step" : undefined, "data-n": about.numbers[k] }, parts));
    const list = make("ol", {}, ...lines);
    box.replaceChildren(list);
    box.scrollTop = here < 0 ? 0 : Math.max(0, lines[here].offsetTop - box.clientHeight / 2);
  }

  // ------------------------------------------------------------------ going from step to step

  let current = 0;
  let marked = null;
  function visibleRow(at) {
    let found = rows.get(at);
    if (found && found.row.closest("ol[hidden]") === null) return found.row;
    // The innermost function that is shown and has the step in it.
    let best = null;
    const look = (node) => {
      if (node.step !== undefined || at < node.first || at > node.last) return;
      if (node.row && node.row.closest("ol[hidden]") === null) best = node;
      node.kids.forEach(look);
    };
    runs.forEach(look);
    gaps.forEach(look);
    return best ? best.row : null;
  }
  function showCurrent(scroll) {
    if (marked) marked.classList.remove("here");
    marked = current ? visibleRow(current) : null;
    if (!marked) { if (scroll && !current) tree.scrollTop = 0; return; }
    marked.classList.add("here");
    if (!scroll) return;
    const row = marked.getBoundingClientRect(), area = tree.getBoundingClientRect();
    if (row.top < area.top + 40 || row.bottom > area.bottom - 60) tree.scrollTop += row.top - area.top - area.height / 2;
  }
  function go(at, quietly) {
    current = Math.max(0, Math.min(last, Math.round(at) || 0));
    chosen = null;
    showCurrent(true);
    updateChart(current);
    drawStep(current);
    drawSource(current);
    $("number").value = current;
    $("now").textContent = spoken(current);
    if (quietly) return;
    $("live").textContent = spoken(current);
    history.replaceState(null, "", `#step-${current}`);
  }
  const keys = steps.map((step, k) => k + 1).filter(isKey);
  function foldHere() {
    let best = null;
    const look = (node) => {
      if (!node.button || current < node.first || current > node.last) return;
      if (node.row.closest("ol[hidden]") === null) best = node;
    };
    const all = (node) => { look(node); if (node.kids) node.kids.forEach(all); };
    runs.forEach(all);
    gaps.forEach(look);
    if (best) { fold(best, !best.open); showCurrent(true); }
  }
  const acts = {
    first: () => go(1), last: () => go(last), on: () => go(current + 1), back: () => go(current - 1),
    "on-key": () => go(keys.find((k) => k > current) || last),
    "back-key": () => go([...keys].reverse().find((k) => k < current) || 0),
    fold: foldHere, key: () => foldAll(false), all: () => foldAll(true),
    wider: () => { zoom = Math.min(zoom * 2, 32); drawChart(); updateChart(current); },
    narrower: () => { zoom = Math.max(zoom / 2, 1); drawChart(); updateChart(current); },
  };
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", acts[button.dataset.do]);
  const byKey = { j: "on", ArrowRight: "on", ArrowDown: "on", k: "back", ArrowLeft: "back", ArrowUp: "back", Home: "first", End: "last", n: "on-key", p: "back-key", f: "fold" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const act = byKey[event.key];
    if (!act) return;
    event.preventDefault();
    acts[act]();
  });
  $("number").max = last;
  $("of").textContent = `of ${last}`;
  $("number").addEventListener("change", () => go($("number").value));
  for (const id of ["still", "deep"]) $(id).addEventListener("change", () => { drawChart(); updateChart(current); });
  const asked = () => { const found = /^#step-(\d+)$/.exec(location.hash); return found ? Number(found[1]) : null; };
  window.addEventListener("hashchange", () => { if (asked() !== null) go(asked()); });
  window.addEventListener("resize", () => { drawChart(); updateChart(current); });

  $("bar").hidden = $("app").hidden = false;
  drawChart();
  foldAll(false);
  if (asked() !== null) { go(asked()); $("bar").scrollIntoView(); }
  else go(last, true);
  document.documentElement.dataset.ready = "yes";
})();
