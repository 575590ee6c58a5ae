"""Names of everything that a Promela model stores, and the text of one element.

A variable is declared when it is first mentioned: what no step touches says nothing about a state.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mmspec.compiler import ir
from mmspec.compiler.system import System
from mmspec.compiler.words import Word, const, name
from mmspec.lang.context import ModelError
from mmspec.lang.ints import BOOL, U8, U16, IntType
from mmspec.lang.structs import Field, OnStack, Struct


class PromelaError(ModelError):
    """The system cannot be written in Promela, or not in this state."""


@dataclass(frozen=True)
class Place:
    """A variable, or an array if `size` is not 1. What it stands for is in the others.

    kind: type of an element. owner: the function it belongs to, for a local variable.
    """

    text: str
    kind: IntType
    size: int
    field: Field | None = None
    owner: ir.Function | None = None
    var: ir.Var | None = None
    lock: tuple[type[Struct], bool] | None = None

    def declaration(self, values: list[int]) -> str:
        """The declaration with initial values."""
        small = {1: "byte", 2: "short"}.get(self.kind.size, "int")
        if self.kind == BOOL:
            small = "bool"
        elif self.kind.size == 1 and self.kind.signed:
            small = "short"
        elif self.kind == U16:
            small = "int"
        made = f"{small} {self.text}" + (f"[{self.size}]" if self.size != 1 else "")
        if not any(values):
            return made
        # Spin takes no negative number in a list, but reads numbers modulo 2**32
        shown = [str(v % (1 << 32)) if v > (1 << 31) - 1 or v < 0 else str(v) for v in values]
        if len(set(values)) == 1:
            return f"{made} = {shown[0]}"
        return f"{made} = {{{', '.join(shown)}}}"

    def at(self, index: Word) -> Word:
        """One element."""
        text = self.text if self.size == 1 else f"{self.text}[{_bare(index.text)}]"
        return name(text, self.kind, frozenset((self.text,)) | index.reads)

    @property
    def elements(self) -> list[str]:
        """All elements, as text."""
        if self.size == 1:
            return [self.text]
        return [f"{self.text}[{k}]" for k in range(self.size)]


def _bare(text: str) -> str:
    """Without the parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for character in text[:-1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return text
    return text[1:-1]


@dataclass
class Declared:
    """What has been mentioned so far: shared by all tasks, by one task, and within a step."""

    shared: dict[str, Place] = field(default_factory=dict)
    local: dict[str, Place] = field(default_factory=dict)
    hidden: dict[str, None] = field(default_factory=dict)


class Places:
    """Names for one system; the same for every task."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.layout = system.layout
        self.declared = Declared()
        self._taken: set[str] = set()
        self._names: dict[object, str] = {}
        self.stack_vars: dict[type[OnStack], list[ir.Var]] = {}
        self.home: dict[ir.Var, ir.Function] = {}
        for f in system.module.functions:
            for var in f.vars:
                self.home[var] = f
                if var.stack is not None:
                    self.stack_vars.setdefault(var.stack, []).append(var)

    def _name(self, key: object, wanted: str) -> str:
        if key not in self._names:
            found, n = wanted, 1
            while found in self._taken:
                n += 1
                found = f"{wanted}_{n}"
            self._taken.add(found)
            self._names[key] = found
        return self._names[key]

    def kind(self, var: ir.Var) -> IntType:
        """The integer that holds a variable."""
        return U8 if var.stack is not None else self.layout.scalar_type(var.type)

    def _local(self, made: Place) -> Place:
        return self.declared.local.setdefault(made.text, made)

    # ------------------------------------------------------------------ what is stored

    def shared(self, field: Field) -> Place:
        """A field of all instances of a shared struct."""
        text = self._name(field, f"{field.owner.__name__}_{field.name}")
        size = max(1, self.layout.count[field.owner]) * field.count
        made = Place(text, self.layout.scalar(field), size, field)
        return self.declared.shared.setdefault(text, made)

    def on_stack(self, field: Field) -> Place:
        """A field of all structs of a type that functions have in their frames."""
        text = self._name(field, f"{field.owner.__name__}_{field.name}")
        size = max(1, len(self.stack_vars.get(field.owner, ()))) * field.count
        return self._local(Place(text, self.layout.scalar_type(field.elem), size, field))

    def element(self, location: ir.Location, ref: Word, k: Word) -> Word:
        """One scalar."""
        field = location.field
        place = self.shared(field) if isinstance(location, ir.Shared) else self.on_stack(field)
        return place.at(_index(ref, k, field.count))

    def slot(self, var: ir.Var) -> Place:
        """A local variable that outlives steps."""
        f = self.home[var]
        text = self._name(var, f"{f.name}_{var.name}")
        return self._local(Place(text, self.kind(var), 1, owner=f, var=var))

    def hidden(self, var: ir.Var) -> str:
        """A local variable that does not."""
        text = self._name(var, f"{self.home[var].name}_{var.name}")
        self.declared.hidden[text] = None
        return text

    def scratch(self, wanted: str) -> str:
        """A variable of the step itself."""
        text = self._name(wanted, wanted)
        self.declared.hidden[text] = None
        return text

    def return_to(self, f: ir.Function) -> Place:
        """Which call a function returns to."""
        text = self._name((f, "return"), f"{f.name}_return")
        return self._local(Place(text, U8 if len(f.callers) < 256 else U16, 1, owner=f))

    def held(self, cls: type[Struct], shared: bool) -> Place:
        """Which locks of a type the task holds."""
        text = self._name((cls, shared), f"{'shares' if shared else 'holds'}_{cls.__name__}")
        size = max(1, self.layout.count[cls])
        return self._local(Place(text, BOOL, size, lock=(cls, shared)))

    def held_tables(self, cls: type[Struct], shared: bool) -> list[Place]:
        """Where it is noted that a task holds a lock, with `shared` in any mode."""
        frames = self.system.frames
        found = [self.held(cls, False)] if cls in frames.lock_bit else []
        if shared and cls in frames.shared_bit:
            found.append(self.held(cls, True))
        return found

    # ------------------------------------------------------------------ structs on stacks

    def struct(self, var: ir.Var) -> Word:
        """A pointer to a struct in a frame: its number from 1."""
        assert var.stack is not None
        return const(self.stack_vars[var.stack].index(var) + 1)

    def struct_elements(self, var: ir.Var) -> list[tuple[Place, int]]:
        """Every scalar of a struct in a frame."""
        assert var.stack is not None
        number = self.stack_vars[var.stack].index(var)
        return [
            (self.on_stack(f), number * f.count + k)
            for f in var.stack.fields().values()
            for k in range(f.count)
        ]


def _index(ref: Word, k: Word, n: int) -> Word:
    first = ref.plus(-1)
    if n == 1:
        return first
    if first.known is not None:
        return k.plus(first.known * n) if first.known else k
    text = f"{first.text} * {n}" + (f" + {k.text}" if k.known != 0 else "")
    return Word(f"({text})", 0, n * 65535, 0, first.reads | k.reads)
