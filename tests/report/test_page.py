"""The page in a browser: what a reader does with keys, and what a screen reader is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmspec.report.history import History
from mmspec.report.html import html

Open = Callable[..., Any]
#: Where pictures of the pages are left, to be looked at.
ARTEFACTS = Path(__file__).parents[2] / "build" / "pages"


@pytest.fixture
def opened(browser: Any, told: Callable[[str], History], tmp_path: Path) -> Iterator[Open]:
    """Opens a trace's page; at the end of a test nothing has been complained of."""
    from selenium.webdriver.common.by import By

    def open_(
        history: History | str, fragment: str = "", dark: bool = False, width: int = 1440
    ) -> Any:
        found = told(history) if isinstance(history, str) else history
        path = tmp_path / "report.html"
        path.write_text(html(found), encoding="utf-8")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get(path.as_uri() + fragment)
        assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
        return browser

    browser.get_log("browser")
    yield open_
    assert browser.get_log("browser") == []
    assert browser.find_elements(By.TAG_NAME, "img") == []


def _press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    actions = ActionChains(browser)
    for key in keys:
        actions.send_keys(key)
    actions.perform()


def _text(browser: Any, id: str) -> str:
    return str(browser.execute_script(f"return document.getElementById({id!r}).textContent"))


def _rows(browser: Any) -> int:
    script = "return [...document.querySelectorAll('.row.step')].filter(r => r.offsetHeight).length"
    return int(browser.execute_script(script))


def test_it_opens_at_the_violation(opened: Open, told: Callable[[str], History]) -> None:
    browser = opened("bug")
    ending = told("bug").ending

    assert ending.headline in browser.title
    assert browser.find_element("tag name", "h1").text == ending.headline
    assert ending.splat[-1].strip() in _text(browser, "diff")
    assert "is_hit" not in browser.find_element("id", "why").text  # said as a sentence
    assert ending.sentence in browser.find_element("id", "why").text


def test_keys_step(opened: Open) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = opened("bug")
    seen = []
    for key in (Keys.HOME, "j", Keys.ARROW_RIGHT, Keys.ARROW_DOWN, "k", Keys.ARROW_LEFT, Keys.END):
        _press(browser, key)
        seen.append(browser.execute_script("return location.hash"))

    assert seen == ["#step-1", "#step-2", "#step-3", "#step-4", "#step-3", "#step-2", "#step-159"]


def test_keys_go_from_key_step_to_key_step(opened: Open, told: Callable[[str], History]) -> None:
    browser = opened("bug", "#step-1")
    keys = [step.number for step in told("bug").steps if step.is_key]
    seen = []
    for key in ("n", "n", "p"):
        _press(browser, key)
        seen.append(int(browser.execute_script("return location.hash.slice(6)")))

    assert seen == [keys[0], keys[1], keys[0]]


def test_a_step_has_a_permalink(opened: Open, told: Callable[[str], History]) -> None:
    step = next(s for s in told("bug").steps if s.is_key and s.changes)
    browser = opened("bug", f"#step-{step.number}")
    change = step.changes[0]

    assert _text(browser, "detail-heading") == f"Step {step.number}, CPU{step.task}"
    assert change.name in _text(browser, "diff")
    assert change.value in _text(browser, "diff")
    browser.execute_script("location.hash = '#step-7'")
    assert (
        browser.execute_async_script(
            "setTimeout(() => arguments[0](document.getElementById('number').value), 50)"
        )
        == "7"
    )


def test_a_screen_reader_is_told_each_step(opened: Open) -> None:
    browser = opened("bug", "#step-1")
    _press(browser, "j")

    assert browser.find_element("id", "live").get_attribute("aria-live") == "polite"
    assert _text(browser, "live").startswith("Step 2 of 159, CPU0, ")


def test_functions_fold_and_unfold(opened: Open) -> None:
    browser = opened("bug", "#step-31")
    few = _rows(browser)
    browser.find_element("css selector", "[data-do=all]").click()
    all_ = _rows(browser)
    browser.find_element("css selector", "[data-do=key]").click()

    assert all_ == 159
    assert few < 60
    assert _rows(browser) == few
    _press(browser, "f")
    assert _rows(browser) > few
    state = browser.execute_script(
        "return document.querySelector('.row.here').querySelector('button,a').tagName"
    )
    assert state in ("A", "BUTTON")


def test_the_line_that_is_executed_is_marked(opened: Open, told: Callable[[str], History]) -> None:
    history = told("race")
    for step in history.steps[100:140:8]:
        browser = opened("race", f"#step-{step.number}")
        here = browser.find_element("css selector", "#code li[aria-current=step]")
        lines = {place.line for place in step.stack}

        assert int(here.get_attribute("data-n")) in lines


def test_state_is_that_after_the_step(opened: Open, told: Callable[[str], History]) -> None:
    history = told("bug")
    step = next(s for s in history.steps if any(c.name == "mm 0 pmd[0]" for c in s.changes))
    browser = opened("bug", f"#step-{step.number}")
    script = """
      const rows = [...document.querySelectorAll("#chart tr")];
      const row = rows.find(r => r.cells[0] && r.cells[0].textContent === "pmd[0]");
      return [row.cells[1].title, row.classList.contains("new")];
    """
    after = browser.execute_script(script)
    _press(browser, "k")
    before = browser.execute_script(script)

    change = next(c for c in step.changes if c.name == "mm 0 pmd[0]")
    assert after == [change.value, True]
    assert before == [change.before, False]


def test_fields_that_never_change_are_hidden_until_asked_for(opened: Open) -> None:
    browser = opened("bug")
    script = "return document.querySelectorAll('#chart th.field').length"
    few = browser.execute_script(script)
    browser.find_element("id", "still").click()

    assert browser.execute_script(script) > few


def test_hostile_names_do_nothing(opened: Open, hostile: History) -> None:
    browser = opened(hostile)
    browser.find_element("css selector", "[data-do=all]").click()
    _press(browser, "k", "k", "f", "n", "p")

    assert browser.execute_script("return window.hacked") is None


@pytest.mark.parametrize("name", ["bug", "deadlock", "exit", "race"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_in_light_and_dark(opened: Open, name: str, dark: bool) -> None:
    browser = opened(name, dark=dark)
    worst = browser.execute_script(_CONTRAST)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(ARTEFACTS / f"{name}-{'dark' if dark else 'light'}.png"))

    assert worst[0] >= 4.5, worst


@pytest.mark.parametrize("width", [380, 800, 1280, 1920])
def test_it_is_no_wider_than_the_window(opened: Open, width: int) -> None:
    browser = opened("race", "#step-500", width=width)

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_everything_that_can_be_used_has_a_name(opened: Open) -> None:
    browser = opened("bug")
    nameless = browser.execute_script(
        """
        const all = document.querySelectorAll("button, a, input, [role=region], section");
        return [...all].filter((e) => {
          const by = e.getAttribute("aria-labelledby");
          const label = e.closest("label");
          return e.offsetHeight && !(e.getAttribute("aria-label") || e.textContent.trim() ||
            (by && document.getElementById(by)) || (label && label.textContent.trim()));
        }).map((e) => e.outerHTML.slice(0, 80));
        """
    )

    assert nameless == []


#: The lowest contrast of any text with what is behind it (WCAG 2), and where.
_CONTRAST = """
const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colour = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
let worst = [99, ""];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walk.nextNode(); node; node = walk.nextNode()) {
  const e = node.parentElement;
  if (!node.data.trim() || !e.offsetHeight || e.closest("script, style, .hidden")) continue;
  const a = light(colour(getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst[0]) worst = [ratio, e.className + ": " + node.data.slice(0, 40)];
}
return worst;
"""
