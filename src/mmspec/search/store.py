"""Memory of a search: the tables that `engine.py` works on.

Every region is reserved once, as large as it may ever get, and touched only as it fills; so content
never moves, and growing a table means clearing and rebuilding its index in place.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
from collections.abc import Sequence
from dataclasses import dataclass

from mmspec.lang.context import ModelError
from mmspec.search import engine
from mmspec.search.symmetry import Symmetry

_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
_PAGE = mmap.PAGESIZE
LEAF_BYTES = 64
FAN_OUT = 4
#: Bytes from which memory is given back to the system, and not cleared.
_GIVEN_BACK = 1 << 22
#: Slots of an index that are kept from one search to the next.
SMALL = 1 << 16


class Region:
    """Zeroed memory that is only reserved until it is touched."""

    def __init__(self, size: int) -> None:
        self.size = (size + _PAGE - 1) // _PAGE * _PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
        try:
            self.map = mmap.mmap(-1, self.size, flags=flags)
        except (OSError, ValueError):
            raise ModelError(
                f"cannot reserve {self.size >> 20} MiB of address space: give a smaller --memory"
            ) from None
        self._view = ctypes.c_char.from_buffer(self.map)
        self.address = ctypes.addressof(self._view)

    def zero(self, size: int) -> None:
        """Clear the first `size` bytes; large amounts are given back to the system instead.

        To give memory back interrupts every processor that runs this process.
        """
        size = min((size + _PAGE - 1) // _PAGE * _PAGE, self.size)
        if hasattr(self.map, "madvise") and size >= _GIVEN_BACK:
            self.map.madvise(mmap.MADV_DONTNEED, 0, size)
        else:
            ctypes.memset(self.address, 0, size)

    def huge(self, size: int) -> None:
        """Ask for huge pages for the first `size` bytes: they will all be touched."""
        advice = getattr(mmap, "MADV_HUGEPAGE", None)
        if advice is not None and size >= 1 << 22:
            self.map.madvise(advice, 0, min(size, self.size))

    def close(self) -> None:
        """Give the memory back."""
        del self._view
        self.map.close()


class Words:
    """An array of 64-bit words with a fixed address."""

    def __init__(self, count: int) -> None:
        self.data = (ctypes.c_uint64 * count)()
        self.address = ctypes.addressof(self.data)

    def get(self, offset: int) -> int:
        """The word at a byte offset."""
        return int(self.data[offset // 8])

    def set(self, offset: int, value: int) -> None:
        """Set the word at a byte offset."""
        self.data[offset // 8] = value


class Table:
    """Numbers for contents of `length` bytes; `words` holds the struct that the engine sees."""

    def __init__(self, length: int, capacity: int, ordinal: int) -> None:
        self.words = Words(engine.T_SIZE // 8)
        self.words.set(engine.T_ORDINAL, ordinal)
        self.length = (length + 7) // 8 * 8
        self.capacity = max(capacity // self.length, 1 << 12)
        self.arena = Region(self.capacity * self.length)
        self.index = Region(max(capacity, 1 << 16))
        self.slots = 1 << 10
        self._publish()

    @property
    def address(self) -> int:
        """Where the engine finds this table."""
        return self.words.address

    @property
    def count(self) -> int:
        """Numbers given out; a few may be unused (see `engine.py`)."""
        return self.words.get(engine.T_COUNT)

    @property
    def bytes_used(self) -> int:
        """Memory in use."""
        return self.count * self.length + self.slots * 8

    def _publish(self) -> None:
        self.words.set(engine.T_INDEX, self.index.address)
        self.words.set(engine.T_MASK, self.slots - 1)
        self.words.set(engine.T_ARENA, self.arena.address)
        self.words.set(engine.T_LENGTH, self.length)
        self.words.set(engine.T_LIMIT, self.slots * 6 // 10)

    def clear(self) -> None:
        """Forget everything; a small index keeps its size, to be filled again."""
        self.index.zero(self.slots * 8)
        self.slots = min(self.slots, SMALL)
        self.words.set(engine.T_COUNT, 0)
        self._publish()

    def full(self) -> bool:
        """Whether the index should grow."""
        return self.count >= self.slots * 6 // 10

    def grow(self) -> int:
        """Make room in the index, which must then be rebuilt; its new number of slots."""
        self.index.zero(self.slots * 8)
        while self.count * 2 >= self.slots:
            self.slots *= 2
        if self.slots * 8 > self.index.size or self.slots > self.capacity * 4:
            raise MemoryError
        self.index.huge(self.slots * 8)
        self._publish()
        return self.slots

    def content(self, number: int) -> bytes:
        """What `number` stands for."""
        return ctypes.string_at(self.arena.address + (number - 1) * self.length, self.length)

    def close(self) -> None:
        """Give the memory back."""
        self.arena.close()
        self.index.close()


@dataclass(frozen=True)
class Node:
    """One node of the tree over shared memory.

    offset: of a leaf, in the state; of an inner node, in a worker's keys. length: bytes.
    """

    number: int
    offset: int
    length: int
    children: tuple[int, ...] = ()


def tree_over(cuts: Sequence[int]) -> list[Node]:
    """The tree whose leaves lie between successive `cuts` (multiples of 8), bottom up.

    A single leaf is the whole tree.
    """
    nodes = [
        Node(k, start, end - start)
        for k, (start, end) in enumerate(zip(cuts, cuts[1:], strict=False))
    ]
    if len(nodes) == 1:
        return nodes
    level = [n.number for n in nodes]
    at = 0
    while len(level) > FAN_OUT:
        above = []
        for k in range(0, len(level), FAN_OUT):
            children = tuple(level[k : k + FAN_OUT])
            if len(children) == 1:
                above.append(children[0])
                continue
            length = (len(children) * 4 + 7) // 8 * 8
            nodes.append(Node(len(nodes), at, length, children))
            above.append(nodes[-1].number)
            at += length
        level = above
    nodes.append(Node(len(nodes), at, (len(level) * 4 + 7) // 8 * 8, tuple(level)))
    return nodes


def cut_points(size: int, boundaries: Sequence[int]) -> list[int]:
    """Where to cut `size` bytes into leaves: at object boundaries, at most LEAF_BYTES apart."""
    size = (size + 7) // 8 * 8
    cuts = [0]
    allowed = sorted({(b + 7) // 8 * 8 for b in boundaries} | {size})
    for k, here in enumerate(allowed):
        following = allowed[k + 1] if k + 1 < len(allowed) else None
        while here - cuts[-1] > LEAF_BYTES:
            cuts.append(cuts[-1] + LEAF_BYTES)
        if following is None or following - cuts[-1] > LEAF_BYTES:
            if here > cuts[-1]:
                cuts.append(here)
    return cuts if len(cuts) > 1 else [0, 8]


def _words(data: bytes, count: int) -> list[int]:
    """The first `count` 32-bit numbers of `data`."""
    return [int.from_bytes(data[k * 4 : k * 4 + 4], "little") for k in range(count)]


class Names:
    """What the engine has to know of interchangeable tasks, and the numbers of their parts."""

    def __init__(
        self, symmetry: Symmetry | None, tasks: int, shared: int, memory: int, ordinal: int
    ) -> None:
        self.symmetry = symmetry or Symmetry(())
        members, own = self.symmetry.members, self.symmetry.own
        if members and max(members) >= tasks:
            raise ModelError(f"there is no task {max(members)}")
        self.lengths = _filled([part.size for part in own])
        self.width = sum(part.size for part in own)
        self.members = _filled(members)
        starts = itertools.accumulate((len(g) for g in self.symmetry.groups), initial=0)
        pairs = zip(starts, self.symmetry.groups, strict=False)
        self.groups = _filled([n for start, group in pairs for n in (start, len(group))])
        self.place = _filled([members.index(t) + 1 if t in members else 0 for t in range(tasks)])
        self.parts = _filled([part.at(task).start for task in members for part in own])
        self.checks = self.symmetry.checks()
        self.renamings = _filled([image for images in self.checks for image in images])
        self.table = Table(max(1, self.width), memory if own else 1 << 16, ordinal)
        self.owned = Region((shared + 2) * len(members) * 4 if own else _PAGE)

    def publish(self, ctx: Words) -> None:
        """Tell the engine."""
        for offset, value in (
            (engine.C_MEMBERS, self.members.address),
            (engine.C_MEMBER_COUNT, len(self.symmetry.members)),
            (engine.C_GROUPS, self.groups.address),
            (engine.C_GROUP_COUNT, len(self.symmetry.groups)),
            (engine.C_PLACE, self.place.address),
            (engine.C_PARTS, self.parts.address),
            (engine.C_PART_COUNT, len(self.symmetry.own)),
            (engine.C_LENGTHS, self.lengths.address),
            (engine.C_RENAMINGS, self.renamings.address),
            (engine.C_RENAMING_COUNT, len(self.checks)),
            (engine.C_OWN, self.table.address),
            (engine.C_OWNED, self.owned.address),
        ):
            ctx.set(offset, value)

    def clear(self, shared: int) -> None:
        """Forget the numbers of the parts of `shared` shared memories."""
        self.owned.zero((shared + 1) * len(self.symmetry.members) * 4)


def _filled(values: Sequence[int]) -> Words:
    words = Words(max(1, len(values)))
    for k, value in enumerate(values):
        words.data[k] = value
    return words


class Store:
    """All tables of one search."""

    def __init__(
        self,
        tasks: int,
        shared: int,
        record: int,
        boundaries: Sequence[int],
        memory: int,
        symmetry: Symmetry | None = None,
    ) -> None:
        self.tasks = tasks
        self.shared = shared
        self.record = record
        cuts = cut_points(shared, boundaries)
        self.cuts = cuts
        self.nodes = tree_over(cuts)
        self.leaves = len(cuts) - 1
        count = len(self.nodes)
        self.node_words = Words(count * engine.N_SIZE // 8)
        self.child_words: list[Words] = []
        self.tables = [Table(node.length, memory, node.number) for node in self.nodes]
        for node in self.nodes:
            self._node(node)
        n = len(self.nodes)
        self.records = Table(record, memory, n)
        self.left_tasks = self.tasks // 2
        if self.left_tasks > 15:
            raise ModelError(f"{self.tasks} tasks are too many: at most 31")
        self.left = Table(4 + self.left_tasks * 4, memory, n + 1)
        self.right = Table((self.tasks - self.left_tasks) * 4, memory, n + 2)
        self.root = Region(memory)
        self.order = Region(memory)
        self.parent = Region(memory)
        self.slots = 1 << 10
        self.violations = Words(engine.MAX_VIOLATIONS * 4)
        self.ends = Words(engine.MAX_ENDS)
        self.levels = Words(1 << 20)
        self.blocks = Words((shared + 63) // 64)
        for k in range((shared + 63) // 64):
            self.blocks.data[k] = max(
                n.number for n in self.nodes[: self.leaves] if n.offset <= k * 64
            )
        self.ctx = Words(engine.C_SIZE // 8)
        self.names = Names(symmetry, tasks, self.tables[-1].capacity, memory, n + 3)
        self._publish()

    def clear(self) -> None:
        """Forget all states, for another search of the same shape."""
        self.names.clear(self.tables[-1].count)
        for table in self.all_tables():
            table.clear()
        self.root.zero(self.slots * 8)
        self.slots = min(self.slots, SMALL)
        for offset in range(engine.C_COUNT, engine.C_SIZE, 8):
            self.ctx.set(offset, 0)
        self.publish_root()

    def _node(self, node: Node) -> None:
        at = node.number * engine.N_SIZE
        self.node_words.set(at + engine.N_TABLE, self.tables[node.number].address)
        words = Words(max(1, len(node.children)))
        for k, child in enumerate(node.children):
            words.data[k] = child
            below = child * engine.N_SIZE
            self.node_words.set(below + engine.N_PARENT, node.number)
            self.node_words.set(below + engine.N_SLOT, k * 4)
        self.child_words.append(words)
        self.node_words.set(at + engine.N_OFFSET, node.offset)
        self.node_words.set(at + engine.N_CHILDREN, words.address)
        self.node_words.set(at + engine.N_CHILD_COUNT, len(node.children))

    def _publish(self) -> None:
        ctx = self.ctx
        ctx.set(engine.C_SHARED, self.shared)
        ctx.set(engine.C_RECORD, self.record)
        ctx.set(engine.C_TASKS, self.tasks)
        ctx.set(engine.C_NODES, self.node_words.address)
        ctx.set(engine.C_NODE_COUNT, len(self.nodes))
        ctx.set(engine.C_LEAF_COUNT, self.leaves)
        ctx.set(engine.C_RECORDS, self.records.address)
        ctx.set(engine.C_LEFT, self.left.address)
        ctx.set(engine.C_RIGHT, self.right.address)
        ctx.set(engine.C_LEFT_TASKS, self.left_tasks)
        ctx.set(engine.C_ROOT, self.root.address)
        ctx.set(engine.C_ORDER, self.order.address)
        ctx.set(engine.C_PARENT, self.parent.address)
        ctx.set(engine.C_VIOLATIONS, self.violations.address)
        ctx.set(engine.C_ENDS, self.ends.address)
        ctx.set(engine.C_BLOCKS, self.blocks.address)
        ctx.set(engine.C_LEVELS, self.levels.address)
        self.names.publish(ctx)
        self.publish_root()

    def publish_root(self) -> None:
        """Tell the engine how large the table of states is."""
        self.ctx.set(engine.C_ROOT_MASK, self.slots - 1)
        self.ctx.set(engine.C_ROOT_LIMIT, self.slots * 7 // 10)

    @property
    def states(self) -> int:
        """States found so far."""
        return self.ctx.get(engine.C_COUNT)

    @property
    def bytes_used(self) -> int:
        """Memory in use, the engine's tables only."""
        inner = sum(t.bytes_used for t in self.all_tables())
        return inner + self.slots * 8 + self.states * 12

    def key_of(self, k: int) -> int:
        """The word that stands for state `k`."""
        return int(ctypes.c_uint64.from_address(self.order.address + k * 8).value)

    def parent_of(self, k: int) -> int:
        """The state that state `k` was first reached from."""
        return int(ctypes.c_uint32.from_address(self.parent.address + k * 4).value)

    def parts_of(self, k: int) -> list[int]:
        """State `k` as numbers: of shared memory, then of each task's record."""
        key = self.key_of(k)
        left = _words(self.left.content(key >> 32), 1 + self.left_tasks)
        rights = self.tasks - self.left_tasks
        right = [key & engine.LOW]
        if rights > 1:
            right = _words(self.right.content(key & engine.LOW), rights)
        return left + right

    def record_bytes(self, number: int) -> bytes:
        """A record by its number."""
        return self.records.content(number)[: self.record]

    def state_bytes(self, k: int) -> bytes:
        """State `k` in full."""
        shared, *records = self.parts_of(k)
        out = bytearray(self.shared)
        self._descend(len(self.nodes) - 1, shared, out)
        return b"".join((bytes(out[: self.shared]), *map(self.record_bytes, records)))

    def _descend(self, node: int, number: int, out: bytearray) -> None:
        data = self.tables[node].content(number)
        found = self.nodes[node]
        if not found.children:
            out[found.offset : found.offset + found.length] = data
            return
        for k, child in enumerate(found.children):
            self._descend(child, _words(data, k + 1)[k], out)

    def all_tables(self) -> list[Table]:
        """Every table."""
        return [*self.tables, self.records, self.left, self.right, self.names.table]

    def close(self) -> None:
        """Give all memory back."""
        for table in self.all_tables():
            table.close()
        for region in (self.root, self.order, self.parent, self.names.owned):
            region.close()
