"""Shared objects: structs, the pools they live in, and where each word of them lies.

All memory of a model is declared: a struct type has a fixed number of instances, found in pools
(`mem_map: Pool[Page] = pool(Page, NR_FRAMES)`), in statics, or embedded in other structs. A
reference is an index into the type's instances; 0 stands for NULL. An instance carries no data:
its fields are read from, and written to, the world that is running (see `world.py`).
"""

from __future__ import annotations

import enum
import itertools
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar, dataclass_transform

from mmspec.lang.context import ModelError, current
from mmspec.lang.ints import BOOL, I32, U8, U16, IntType, smallest

T = TypeVar("T")
S = TypeVar("S", bound="Struct")

#: The null pointer. References are nullable, as in C; following NULL is an oops of the model.
NULL: Any = None


# ------------------------------------------------------------------------------------ types


@dataclass(frozen=True)
class Ref:
    """A pointer to a shared struct: `page: Page`."""

    cls: type[Struct]

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class StackRef:
    """A pointer to a struct in the frame of a function: `pvmw: PageVmaMappedWalk`."""

    cls: type[OnStack]

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class Fn:
    """A pointer to a function of a closed set."""

    def __str__(self) -> str:
        return "function"


@dataclass(frozen=True)
class Embed:
    """A struct that is part of another: `ptl: SpinLock = embedded()`."""

    cls: type[Struct]

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class ArrayOf:
    """A fixed number of scalars, pointers or embedded structs."""

    elem: Type
    size: Any

    @property
    def n(self) -> int:
        """The number of elements in the configuration in force."""
        return int(self.size)


Type = IntType | Ref | StackRef | Fn | Embed | ArrayOf


def type_of_hint(hint: Any) -> Type | None:
    """The model's type for a resolved annotation; None for `None`; TypeError if it has none."""
    if hint is None or hint is type(None):
        return None
    if hint is bool:
        return BOOL
    if hint is int:
        return I32
    if typing.get_origin(hint) is Annotated:
        for extra in hint.__metadata__:
            if isinstance(extra, IntType):
                return extra
    if isinstance(hint, type):
        if issubclass(hint, enum.IntFlag | enum.IntEnum):
            return enum_type(hint)
        if issubclass(hint, Struct):
            return Ref(hint)
        if issubclass(hint, OnStack):
            return StackRef(hint)
    if typing.get_origin(hint) is typing.get_origin(Callable[[], None]):
        return Fn()
    shown = getattr(hint, "__name__", hint)
    raise TypeError(f"`{shown}` is not a type of the specification language")


def enum_type(cls: type[enum.IntFlag] | type[enum.IntEnum]) -> IntType:
    """The narrowest integer for the members of `cls` (of a flag: for any union of them)."""
    values = [int(member) for member in cls.__members__.values()] or [0]
    high = max(values)
    if issubclass(cls, enum.IntFlag):
        high = (1 << high.bit_length()) - 1
    kind = smallest(min(0, *values), high)
    assert kind is not None
    return kind


# ----------------------------------------------------------------------------- disciplines


@dataclass(frozen=True)
class Discipline:
    """How a field may be accessed, which is what lets steps be merged.

    kind: `free` (atomic or racy: every access is visible), `immutable` (written by initializers
    only), `guarded` (always under `lock`), `written_under` (written under `lock`, read with or
    without it), `volatile` (the same, and written by hardware without it), `counter` (only added
    to, and read when nobody else can).
    lock: path from the struct to the lock, such as `ptl` or `owner.ptl`; `owner` is the struct
    that embeds this one.
    """

    kind: str = "free"
    lock: str = ""


def guarded(lock: str) -> Any:
    """A field read and written only under `lock`."""
    return _Declared(Discipline("guarded", lock))


def written_under(lock: str) -> Any:
    """A field written only under `lock`, and also read without it."""
    return _Declared(Discipline("written_under", lock))


def volatile(lock: str) -> Any:
    """A field that software writes only under `lock`, and hardware at any time."""
    return _Declared(Discipline("volatile", lock))


def immutable() -> Any:
    """A field written only by `@initializer` functions, while nobody else has the object."""
    return _Declared(Discipline("immutable"))


def counter() -> Any:
    """A statistic: added to by anyone, read only when nobody else adds."""
    return _Declared(Discipline("counter"))


def embedded() -> Any:
    """A struct inside this one, rather than a pointer to one."""
    return _Declared(embedded=True)


def array(size: Any, discipline: Any = None) -> Any:
    """`size` scalars or embedded structs."""
    kept = discipline.discipline if discipline is not None else Discipline()
    return _Declared(kept, size=size, embedded=True)


def pointers(size: Any, discipline: Any = None) -> Any:
    """`size` pointers to structs."""
    kept = discipline.discipline if discipline is not None else Discipline()
    return _Declared(kept, size=size)


class _Declared:
    def __init__(
        self, discipline: Discipline = Discipline(), size: Any = None, embedded: bool = False
    ) -> None:
        self.discipline = discipline
        self.size = size
        self.embedded = embedded


class Array(Generic[T]):
    """A fixed-size array; indexing outside it is an oops of the model."""

    def __getitem__(self, index: int) -> T:
        raise NotImplementedError

    def __setitem__(self, index: int, value: T) -> None:
        raise NotImplementedError


# --------------------------------------------------------------------------------- structs


@dataclass(frozen=True, eq=False)
class Field:
    """A field of a struct, shared or on a stack; there is one object for each."""

    owner: Any
    name: str
    type: Type
    discipline: Discipline

    @property
    def elem(self) -> Type:
        """The type of one element, or of the field if it is no array."""
        return self.type.elem if isinstance(self.type, ArrayOf) else self.type

    @property
    def count(self) -> int:
        """How many elements there are; 1 if it is no array."""
        return self.type.n if isinstance(self.type, ArrayOf) else 1

    @property
    def is_embedded(self) -> bool:
        """Whether it holds structs, which have fields, rather than values."""
        return isinstance(self.elem, Embed)

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


def _fields(cls: type, base: type) -> dict[str, Field]:
    found: dict[str, Field] = {}
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise ModelError(f"{cls.__name__}: {error}") from None
    for name, hint in hints.items():
        if typing.get_origin(hint) is ClassVar or name.startswith("_mmspec"):
            continue
        declared = cls.__dict__.get(name)
        if isinstance(declared, _FieldAccess):
            found[name] = declared.field
            continue
        made = declared if isinstance(declared, _Declared) else _Declared()
        elem_hint = typing.get_args(hint)[0] if typing.get_origin(hint) is Array else hint
        try:
            kind = type_of_hint(elem_hint)
        except TypeError as error:
            raise ModelError(f"{cls.__name__}.{name}: {error}") from None
        if kind is None:
            raise ModelError(f"{cls.__name__}.{name}: a field needs a type")
        if made.embedded and isinstance(kind, Ref):
            kind = Embed(kind.cls)
        if typing.get_origin(hint) is Array:
            if made.size is None:
                raise ModelError(f"{cls.__name__}.{name}: say its size: = array(n) or pointers(n)")
            kind = ArrayOf(kind, made.size)
        found[name] = Field(cls, name, kind, made.discipline)
    return found


class Struct:
    """A struct in shared memory. Subclass it and annotate the fields.

    `page + 1` is the next instance in memory, as pointer arithmetic in C.
    """

    _mmspec_instances: ClassVar[dict[int, Any]]
    _mmspec_fields: ClassVar[dict[str, Field] | None]
    _mmspec_index: int

    def __init_subclass__(cls) -> None:
        cls._mmspec_instances = {}
        cls._mmspec_fields = None

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The fields in declaration order; makes them accessible on first use."""
        if cls._mmspec_fields is None:
            cls._mmspec_fields = _fields(cls, Struct)
            for field in cls._mmspec_fields.values():
                setattr(cls, field.name, _FieldAccess(field))
        return cls._mmspec_fields

    @classmethod
    def at(cls: type[S], index: int) -> S:
        """The instance with this index; always the same object."""
        found = cls._mmspec_instances.get(index)
        if found is None:
            found = cls.__new__(cls)
            found._mmspec_index = index
            cls._mmspec_instances[index] = found
        return typing.cast(S, found)

    def __add__(self: S, n: int) -> S:
        return typing.cast(S, _world().neighbour(self, n))

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()}{self._mmspec_index}"


def _world() -> Any:
    world = current().world
    if world is None:
        raise ModelError("shared memory exists only in a world: run this in a scenario")
    return world


class _FieldAccess:
    """The attribute of a shared struct: each use is an access to the world's memory."""

    def __init__(self, field: Field) -> None:
        self.field = field

    def __get__(self, obj: Any, _owner: type) -> Any:
        if obj is None:
            return self
        field = self.field
        world = _world()
        if isinstance(field.type, ArrayOf):
            return _ArrayView(field, obj._mmspec_index)
        if isinstance(field.type, Embed):
            return world.embedded(field, obj._mmspec_index, 0)
        return world.load(field, obj._mmspec_index, 0)

    def __set__(self, obj: Any, value: Any) -> None:
        if not isinstance(self.field.type, IntType | Ref):
            raise ModelError(f"{self.field} cannot be assigned as a whole")
        _world().store(self.field, obj._mmspec_index, 0, value)


class _ArrayView(Array[Any]):
    def __init__(self, field: Field, index: int) -> None:
        self.field = field
        self.index = index

    def __getitem__(self, k: int) -> Any:
        world = _world()
        if not 0 <= k < self.field.count:
            world.oops(f"index {k} is outside {self.field}[{self.field.count}]")
        if self.field.is_embedded:
            return world.embedded(self.field, self.index, k)
        return world.load(self.field, self.index, k)

    def __setitem__(self, k: int, value: Any) -> None:
        world = _world()
        if not 0 <= k < self.field.count:
            world.oops(f"index {k} is outside {self.field}[{self.field.count}]")
        world.store(self.field, self.index, k, value)


@dataclass_transform(kw_only_default=True, field_specifiers=())
class OnStack:
    """A struct in the frame of the function that makes it: `pvmw = PageVmaMappedWalk(page=page)`.

    Fields not given are zero or NULL. It may be passed to callees but not stored or returned.
    """

    _mmspec_fields: ClassVar[dict[str, Field] | None]

    def __init_subclass__(cls) -> None:
        cls._mmspec_fields = None

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """The fields in declaration order."""
        if cls._mmspec_fields is None:
            cls._mmspec_fields = _fields(cls, OnStack)
            for field in cls._mmspec_fields.values():
                if isinstance(cls.__dict__.get(field.name), _Declared):
                    delattr(cls, field.name)
        return cls._mmspec_fields

    def __init__(self, **values: Any) -> None:
        fields = self.fields()
        for name in values:
            if name not in fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        for field in fields.values():
            if isinstance(field.type, ArrayOf):
                self.__dict__[field.name] = StackArray(field)
            elif field.name in values:
                setattr(self, field.name, values[field.name])
            else:
                self.__dict__[field.name] = 0 if isinstance(field.type, IntType) else None

    def __setattr__(self, name: str, value: Any) -> None:
        field = self.fields()[name]
        check_range(field, value)
        self.__dict__[name] = value


class StackArray(Array[Any]):
    """An array field of a struct on a stack."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.values: list[Any] = [0 if isinstance(field.elem, IntType) else None] * field.count

    def __getitem__(self, k: int) -> Any:
        if not 0 <= k < len(self.values):
            _world().oops(f"index {k} is outside {self.field}[{len(self.values)}]")
        return self.values[k]

    def __setitem__(self, k: int, value: Any) -> None:
        if not 0 <= k < len(self.values):
            _world().oops(f"index {k} is outside {self.field}[{len(self.values)}]")
        check_range(self.field, value)
        self.values[k] = value


def check_range(field: Field, value: Any) -> None:
    """Raise an overflow in the running world unless `value` fits the field."""
    kind = field.elem
    if isinstance(kind, IntType) and not kind.lo <= int(value) <= kind.hi:
        _world().overflow(f"{int(value)} does not fit {field}: {kind}")


# ----------------------------------------------------------------------------------- pools


_declarations = itertools.count()


class Pool(Generic[S]):
    """Instances of a struct, by index."""

    def __init__(self, cls: type[S], size: Any) -> None:
        self.cls = cls
        self.size = size
        self.order = next(_declarations)

    def __getitem__(self, index: int) -> S:
        return typing.cast(S, _world().pool_element(self, index))

    def __len__(self) -> int:
        return int(self.size)


def pool(cls: type[S], size: Any) -> Pool[S]:
    """All memory for `size` (an int or a `param`) instances of `cls`."""
    return Pool(cls, size)


class StaticPool(Pool[S]):
    """The pool of a single static object."""


_statics: dict[int, StaticPool[Any]] = {}


def static(cls: type[S]) -> S:
    """A single instance of `cls`, as a global variable in C."""
    made = cls.__new__(cls)
    made._mmspec_index = -1
    _statics[id(made)] = StaticPool(cls, 1)
    _keep_alive.append(made)
    return made


_keep_alive: list[Any] = []


def static_pool(obj: Any) -> StaticPool[Any] | None:
    """The pool behind an object made by `static`, or None."""
    return _statics.get(id(obj))


def static_object(made: StaticPool[Any]) -> Any:
    """The object behind the pool of a static."""
    return next(obj for obj in _keep_alive if _statics[id(obj)] is made)


# ---------------------------------------------------------------------------------- layout


class Layout:
    """Where everything lies, for the configuration in force when it is made.

    Struct types have one array of instances each. The instances of an embedded struct follow
    those of its pools: number `start[field] + owner * count + k`.

    size: bytes of shared memory, a multiple of 8. slots: number of scalars, in the same order.
    """

    def __init__(self, pools: Iterable[Pool[Any]]) -> None:
        self.pools = sorted(pools, key=lambda p: p.order)
        self.start: dict[Field, int] = {}
        self.owner: dict[type[Struct], Field | None] = {}
        self.pool_start: dict[int, int] = {}
        self.count: dict[type[Struct], int] = {}
        self.base: dict[type[Struct], int] = {}
        self.stride: dict[type[Struct], int] = {}
        self.offset: dict[Field, int] = {}
        self.slot_base: dict[type[Struct], int] = {}
        self.slot_stride: dict[type[Struct], int] = {}
        self.slot_offset: dict[Field, int] = {}
        self.structs = self._order()
        for cls in self.structs:
            self.count[cls] = 0
        for p in self.pools:
            self.pool_start[p.order] = self.count[p.cls]
            self.count[p.cls] += len(p)
        for cls in self.structs:
            for field in cls.fields().values():
                if isinstance(field.elem, Embed):
                    inner = field.elem.cls
                    self.start[field] = self.count[inner]
                    self.count[inner] += self.count[cls] * field.count
                    self.owner[inner] = None if inner in self.owner else field
        self._place()

    def add(self, cls: type[Struct]) -> None:
        """Make room for the fields of a type that has no instances: all pointers to it are NULL."""
        if cls in self.count:
            return
        self.structs.append(cls)
        self.count[cls] = 0
        for field in cls.fields().values():
            if isinstance(field.elem, Embed):
                self.add(field.elem.cls)
                self.start[field] = self.count[field.elem.cls]
                self.owner.setdefault(field.elem.cls, field)
        self._place_fields(cls, self.size, self.slots)

    def _order(self) -> list[type[Struct]]:
        """Struct types, each after those that embed it."""
        seen: dict[type[Struct], bool] = {}
        order: list[type[Struct]] = []

        def visit(cls: type[Struct]) -> None:
            if cls in seen:
                if not seen[cls]:
                    raise ModelError(f"{cls.__name__} embeds itself")
                return
            seen[cls] = False
            for field in reversed(cls.fields().values()):
                if isinstance(field.elem, Embed):
                    visit(field.elem.cls)
            seen[cls] = True
            order.append(cls)

        for p in reversed(self.pools):
            visit(p.cls)
        return order[::-1]

    def _place(self) -> None:
        position = slot = 0
        for cls in self.structs:
            self._place_fields(cls, position, slot)
            position += self.stride[cls] * self.count[cls]
            slot += self.slot_stride[cls] * self.count[cls]
        self.size = (position + 7) // 8 * 8
        self.slots = slot

    def _place_fields(self, cls: type[Struct], position: int, slot: int) -> None:
        offset = slot_offset = 0
        for field in cls.fields().values():
            if field.is_embedded:
                continue
            self.offset[field] = offset
            self.slot_offset[field] = slot_offset
            offset += self.scalar(field).size * field.count
            slot_offset += field.count
        self.base[cls], self.slot_base[cls] = position, slot
        self.stride[cls], self.slot_stride[cls] = offset, slot_offset

    def scalar(self, field: Field) -> IntType:
        """The integer that holds one element of `field`; for a pointer, its index plus one."""
        return self.scalar_type(field.elem)

    def scalar_type(self, kind: Type) -> IntType:
        """The integer that holds a value of this type."""
        if isinstance(kind, IntType):
            return kind
        if isinstance(kind, Ref):
            return U8 if self.count.get(kind.cls, 0) < 255 else U16
        if isinstance(kind, Fn):
            return U8
        return U16

    def address(self, field: Field, index: int, k: int = 0) -> int:
        """Byte offset of one scalar."""
        cls = field.owner
        return (
            self.base[cls]
            + index * self.stride[cls]
            + self.offset[field]
            + k * self.scalar(field).size
        )

    def slot(self, field: Field, index: int, k: int = 0) -> int:
        """Number of one scalar."""
        cls = field.owner
        return self.slot_base[cls] + index * self.slot_stride[cls] + self.slot_offset[field] + k

    def scalars(self) -> Iterator[tuple[Field, int, int]]:
        """Every scalar as (field, index of the struct, element), in the order of the slots."""
        for cls in self.structs:
            for index in range(self.count[cls]):
                for field in cls.fields().values():
                    if not field.is_embedded:
                        for k in range(field.count):
                            yield field, index, k

    def embedded_index(self, field: Field, owner: int, k: int) -> int:
        """Index of the struct that is element `k` of `field` in instance `owner`."""
        return self.start[field] + owner * field.count + k

    def owner_of(self, cls: type[Struct], index: int) -> tuple[Field, int, int] | None:
        """The (field, owner's index, element) that embeds an instance; None if in a pool."""
        for field, start in self.start.items():
            if isinstance(field.elem, Embed) and field.elem.cls is cls:
                n = field.count
                if start <= index < start + n * self.count[field.owner]:
                    return field, (index - start) // n, (index - start) % n
        return None

    def pool_of(self, cls: type[Struct], index: int) -> tuple[Pool[Any], int] | None:
        """The pool that holds an instance, and its index there; None if it is embedded."""
        for p in self.pools:
            first = self.pool_start[p.order]
            if p.cls is cls and first <= index < first + len(p):
                return p, index - first
        return None

    def pack(self, values: list[int]) -> bytes:
        """Slot values as the bytes of shared memory."""
        out = bytearray(self.size)
        for (field, index, k), value in zip(self.scalars(), values, strict=True):
            kind = self.scalar(field)
            at = self.address(field, index, k)
            out[at : at + kind.size] = value.to_bytes(kind.size, "little", signed=kind.signed)
        return bytes(out)

    def unpack(self, data: bytes) -> list[int]:
        """The bytes of shared memory as slot values."""
        values = []
        for field, index, k in self.scalars():
            kind = self.scalar(field)
            at = self.address(field, index, k)
            values.append(int.from_bytes(data[at : at + kind.size], "little", signed=kind.signed))
        return values
