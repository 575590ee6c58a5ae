"""What a cell of a diagram claims: a function runs, a value is written, a value is seen."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from mmspec.report.names import CALLED


class Kind(Enum):
    """What a claim is about."""

    ENTERS = "enters"
    IS_IN = "is in"
    LEAVES = "leaves"
    WAITS = "waits"
    WRITES = "writes"
    HOLDS = "holds"
    FAILS = "fails"


@dataclass(frozen=True)
class Claim:
    """One thing that a line says.

    name: of a function, of a place (`page 0 refcount`, `pmd[0]`), or what a failure is called.
    value: words that a value must have; for a function, the object it is called for, or what it
    returns. Where a task waits, name may be empty.
    """

    kind: Kind
    name: str
    value: str = ""

    def __str__(self) -> str:
        match self.kind:
            case Kind.ENTERS:
                return f"{self.name}({self.value})"
            case Kind.IS_IN:
                return f"in {self.name}({self.value})"
            case Kind.LEAVES:
                return f"{self.name}() returns {self.value}".rstrip()
            case Kind.WAITS:
                return f"waits in {self.name}()" if self.name else "waits"
            case Kind.WRITES:
                return f"{self.name} = {self.value}"
            case Kind.HOLDS:
                return f"{self.name} is {self.value}"
            case Kind.FAILS:
                return self.name


#: What is longer is not read; nor what can be taken apart in more ways.
MOST_TEXT, _MOST_WAYS = 240, 4
#: Fields of a page that a diagram may name without their page.
PAGE_FIELDS = ("refcount", "mapcount", "compound_mapcount", "flags", "mapping", "compound_head")
_THING = rf"(?:{'|'.join(CALLED.values())})"
_INDEX = r"(?:\[\d{1,4}(?:,\d{1,4})*\])"
_FIELD = rf"[a-z_]\w{{0,40}}{_INDEX}?"
_NUMBERS = r"\d{1,4}(?:,\d{1,4})*"
#: A place that is named in full, as reports do.
_FULL = re.compile(rf"{_THING}(?: {_NUMBERS})? (?:pmd{_INDEX} |pte{_INDEX} )?{_FIELD}")
#: One whose page, address space or table is left open.
_SHORT = re.compile(rf"(?:{'|'.join(PAGE_FIELDS)})|(?:pmd|pte){_INDEX}?")
_OF = re.compile(rf"({'|'.join(PAGE_FIELDS)}) of ({_THING}(?: {_NUMBERS})?)")

_CALL = re.compile(r"(?P<name>[A-Za-z_]\w{1,60}) ?\((?P<args>[^()]{0,120}(?:\([^()]*\)[^()]*)?)\)")
_NAME = re.compile(r"[A-Za-z_]\w{2,60}")
_COMMENT = re.compile(r"/\*(?P<c>.*?)\*/|//(?P<d>.*)$|\s\((?P<p>[^()]+(?:\([^()]*\))?[^()]*)\)$")
#: What a function may be said to return.
RESULT = rf"-?\d{{1,6}}|-E[A-Z]{{2,12}}|true|false|NULL|{_THING} \d{{1,4}}"
_WAITS = re.compile(
    r"(?:is waiting|waits|blocks|sleeps|is blocked|spins)(?: (?:in|on|inside) (.+))?"
    r"|(.+\)) (?:is waiting|waits|blocks|sleeps|is blocked|spins)"
)
_WRITING = {"=", ":=", "<-", "->", "is now", "becomes", "goes to", "set to", "drops to"}
_FAILS = re.compile(
    r"^(?:kernel )?(?:BUG|VM_BUG_ON\w*|BUG_ON|Oops|crash|Bad page state|Bad rss-counter|"
    r"page dumped because|deadlock|non-zero nr_ptes)\b.*",
    re.IGNORECASE,
)
_ENTRY_WORDS = (
    r"none|not present|protnone|present|migration entry|swap entry|hwpoison entry|read|write|"
    r"writable|dirty|accessed|soft-dirty|huge|pfn \d+(?:,\d+)*|slot \d+|table \d+|page table"
)
_ENTRY = re.compile(rf"(?:{_ENTRY_WORDS})(?:,? (?:{_ENTRY_WORDS}))*")
_PLAIN = re.compile(
    rf"-?\d+(?:,-?\d+)*|0x[0-9a-f]+|NULL|TAIL_MAPPING|split_queue|{_THING}(?: \d+)?"
    r"|(?:anon_vma \d+|[a-z_]+)(?:\|(?:anon|movable))+|(?:stable_nodes\[\d+\]\|)?ksm"
)
#: Other ways to say what an entry is.
_SAME = {
    "cleared": "none",
    "empty": "none",
    "pmd_none": "none",
    "pte_none": "none",
    "a migration entry": "migration entry",
    "migration": "migration entry",
    "pmd migration entry": "migration entry",
    "a page table": "page table",
    "pte table": "page table",
    "a pte table": "page table",
    "pointing to a page table": "page table",
    "trans_huge": "huge",
    "trans huge": "huge",
    "a huge pmd": "huge",
    "not none": "present",
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
}


class Vocabulary:
    """What is known: names of functions, of flags; and what a user says that a text means."""

    def __init__(
        self,
        functions: Collection[str],
        flags: Collection[str],
        meant: dict[str, str] | None = None,
    ) -> None:
        self.functions = functions
        self.flags = set(flags)
        self._read: dict[str, list[Claim] | None] = {}
        self.meant = {_spaced(k).lower(): v for k, v in (meant or {}).items()}

    # ------------------------------------------------------------------ cells

    def claims(self, text: str) -> list[Claim] | None:
        """What a cell says, in order; None if it is not understood, [] if it says nothing."""
        text = _spaced(text)
        if len(text) > MOST_TEXT:
            return None
        if text not in self._read:
            self._read[text] = self._claims(text)
        return self._read[text]

    def _claims(self, text: str) -> list[Claim] | None:
        meant = self.meant.get(text.lower())
        if meant is not None:
            if meant.strip() in ("", "-"):
                return []
            text = _spaced(meant)
        if not re.search(r"\w", text):
            return []
        if re.fullmatch(r"(?:/\*.*\*/|//.*|\(.*\)|#.*)", text):
            inner = text.strip("/*#() ")
            found = self._remark(inner)
            return [found] if found is not None else []
        made: list[Claim] = []
        for _ in range(_MOST_WAYS):
            whole = self._whole(text)
            if whole is not None:
                return [whole, *made]
            match = _COMMENT.search(text)
            if match is None:
                return None
            remark = self._remark((match["c"] or match["d"] or match["p"] or "").strip())
            if remark is not None:
                made.insert(0, remark)
            text = (text[: match.start()] + " " + text[match.end() :]).strip()
            if not text:
                return made
        return None

    def is_whole(self, text: str) -> bool:
        """Whether a text is understood as it stands."""
        return self.claims(text) is not None

    def _remark(self, text: str) -> Claim | None:
        """What a comment says of values; anything else is just a comment."""
        found = self._value(text)
        return None if found is None else Claim(Kind.HOLDS, found.name, found.value)

    def _whole(self, text: str) -> Claim | None:
        return self._failure(text) or self._value(text) or self._function(text)

    # ------------------------------------------------------------------ functions

    def _function(self, text: str) -> Claim | None:
        kind = Kind.ENTERS
        if text.startswith(("…", "...")):
            kind, text = Kind.IS_IN, text.lstrip("….").strip()
        text = text.rstrip(" ;{").strip()
        waits = _WAITS.fullmatch(text)
        if waits:
            kind, text = Kind.WAITS, (waits[1] or waits[2] or "").strip()
            if not text:
                return Claim(kind, "")
        match = re.fullmatch(r"(?:return from|leaves?|done with|end of) (.+)", text)
        after = re.fullmatch(r"(.+?\)?) (?:returns?|done|finishes|ends)", text)
        gives = re.fullmatch(rf"(.+?\)?) returns? ({RESULT})", text)
        value = ""
        if match or after or gives:
            kind, text = Kind.LEAVES, (match or after or gives)[1].strip()  # type: ignore[index]
            value = gives[2] if gives else ""
        called = re.fullmatch(
            r"(?:if |while |calls? |enters? |into |-> ?|\w+ = )?!?"
            + _CALL.pattern
            + r"(?:\s*[:;{])*",
            text,
        )
        if called:
            name, args = called["name"], called["args"].strip()
            if name not in self.functions or not self._is_list(args):
                return None
            told = re.match(rf"({_THING} {_NUMBERS})(?:,|$)", args)
            if told and kind is not Kind.LEAVES:
                value = told[1]
            return Claim(kind, name, value)
        if _NAME.fullmatch(text) and text in self.functions:
            return Claim(kind, text, value)
        return None

    @staticmethod
    def _is_list(args: str) -> bool:
        """Whether this can be what a function is called with, whole."""
        first = args.split(",")[0].strip()
        return not re.match(r"(?:page|vma|mm)\s*\w{0,3}\s", first) or bool(
            re.match(rf"{_THING} {_NUMBERS}", args)
        )

    @staticmethod
    def _failure(text: str) -> Claim | None:
        return Claim(Kind.FAILS, text) if _FAILS.match(text) else None

    # ------------------------------------------------------------------ values

    def _value(self, text: str) -> Claim | None:
        state = self._state(text)
        if state is not None:
            return state
        for match in _splits(text):
            place = place_named(match["place"])
            value = None if place is None else self._words(place, match["value"])
            if place is not None and value is not None:
                kind = Kind.WRITES if match["op"].strip() in _WRITING else Kind.HOLDS
                return Claim(kind, place, value)
        return None

    def _state(self, text: str) -> Claim | None:
        """`page is locked`, `PMD is none`, `pmd_none(*pmd)` and the like."""
        match = re.fullmatch(
            r"(!)?(Page\w+|pmd_none|pmd_trans_huge|is_pmd_migration_entry|is_swap_pmd)"
            r"\(\*?(?:\w+->)?([\w ]+)\)(?: is (true|false)| == ([01])| (?:returns )(true|false))",
            text,
        )
        if match is not None:
            no = (match[1] is not None) ^ ((match[4] or match[5] or match[6]) in ("false", "0"))
            words = {
                "PageLocked": "locked",
                "PageHead": "head",
                "PageLRU": "lru",
                "PageDirty": "dirty",
                "pmd_none": "none",
                "pmd_trans_huge": "huge",
                "is_pmd_migration_entry": "migration entry",
                "is_swap_pmd": "migration entry",
            }.get(match[2])
            if words is None:
                return None
            place = "pmd" if "pmd" in match[2] else place_named(f"{match[3]} flags")
            return None if place is None else Claim(Kind.HOLDS, place, _denied(words, no))
        match = re.fullmatch(
            rf"(?:the )?((?:huge )?page|head|page {_NUMBERS}) (?:is )?(still |not )?"
            r"(locked|unlocked|dirty|clean)",
            text,
            re.IGNORECASE,
        )
        if match is None:
            return None
        word = match[3].lower()
        no = match[2] == "not "
        if word in ("unlocked", "clean"):
            word, no = {"unlocked": "locked", "clean": "dirty"}[word], not no
        place = place_named(f"{match[1].lower()} flags")
        return None if place is None else Claim(Kind.HOLDS, place, _denied(word, no))

    def _words(self, place: str, value: str) -> str | None:
        """A value in the words of reports; None if it is none."""
        value = value.strip().rstrip(".;!").strip()
        value = _SAME.get(value.lower(), value)
        if re.fullmatch(r"(?:page .*)?flags", place):
            parts = value.replace(" ", "").split("|")
            good = all(part in self.flags for part in parts) or value == "none"
            return "|".join(parts) if good and " " not in value else None
        if _is_entry(place):
            return value if _ENTRY.fullmatch(value) or value == "0" else None
        return value if _PLAIN.fullmatch(value) else None


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _denied(words: str, no: bool) -> str:
    return f"not {words}" if no else words


def _is_entry(place: str) -> bool:
    return bool(re.search(r"(?:^|\s)(?:pmd|pte)(?:\[[\d,]+\])?$|^cpu \d+ (?:small|huge)", place))


def _splits(text: str) -> list[re.Match[str]]:
    """All ways to take a text for a place, a relation and a value."""
    found = []
    for relation in re.finditer(
        r"\s*(?:==|:=|<-|->|=|:)\s*|\s+(?:is now|becomes|goes to|set to|drops to|is still|is|was|"
        r"reads|still)\s+",
        text,
    ):
        whole = re.fullmatch(
            rf"(?P<place>.{{{relation.start()}}})(?P<op>.{{{len(relation[0])}}})(?P<value>.+)",
            text,
        )
        if whole is not None:
            found.append(whole)
        if len(found) == _MOST_WAYS:
            break
    return found


def place_named(text: str) -> str | None:
    """A place as reports name it, from how people write it; None if it is none."""
    text = _spaced(text.replace("->", " ").replace("*", "").replace("'s ", " ")).strip("() ")
    text = re.sub(r"^(?:the|its|that|now|here) ", "", text)
    text = re.sub(r"\b_(?=refcount|mapcount)", "", text)
    text = re.sub(r"\b(?:PMD|pmdp|orig_pmd|pmdval)\b", "pmd", text)
    text = re.sub(r"\b(?:PTE|ptep|pteval)\b", "pte", text)
    text = re.sub(r"^(?:page_count|page_ref_count)\s*\((.+)\)?$", r"\1 refcount", text)
    text = re.sub(r"\b(?:the )?(?:huge )?page (?=[a-z])", "page ", text)
    text = re.sub(r"\bhead (?=[a-z])", "page ", text)
    of = _OF.fullmatch(text)
    if of is not None:
        text = f"{of[2]} {of[1]}"
    if text.startswith("page ") and text[5:] in PAGE_FIELDS:
        text = text[5:]
    if re.fullmatch(rf"(?:huge |mm )?(?:pmd|pte){_INDEX}?", text):
        text = text.split(" ")[-1]
    if _FULL.fullmatch(text) or _SHORT.fullmatch(text):
        return text
    return None
