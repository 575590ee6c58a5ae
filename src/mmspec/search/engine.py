"""The search loops, in the low-level subset (see `lowlevel.py`).

A state is a pair of numbers in one word: one for its shared memory together with the records of the
first half of its tasks, one for the records of the others. Shared memory is itself a tree: leaves
are up to 64 bytes of it, inner nodes up to four numbers of nodes below; every node has a table that
gives equal content equal numbers, from 1. So a step that changes one leaf looks up one leaf and the
nodes above it, and most of what makes a state is stored once for all states that share it.

What a task's step does depends only on shared memory, its own record and its number; the outcome is
remembered in a cache (`memo`), and is not computed again when only other tasks have moved.

Several workers may run `worker` at once on the same tables: entries are claimed by compare and
swap; a worker that loses keeps its number for the next new content of that table.
"""

from __future__ import annotations

from mmspec.search.lowlevel import (
    acquire64,
    add64,
    call3,
    call4,
    cas64,
    copy,
    ld16,
    ld32,
    ld64,
    mum,
    or64,
    prefetch,
    st32,
    st64,
)

# Structs that Python code fills in and these loops read: byte offsets of their words.

# ---- a table: content of LENGTH bytes <-> number
T_INDEX, T_MASK, T_ARENA, T_COUNT, T_LENGTH, T_LIMIT, T_ORDINAL = (8 * k for k in range(7))
T_SIZE = 64
#: set in the result of `intern` if the content was not known before
NEW = 1 << 40
NUMBER = NEW - 1

# ---- a node of the tree; OFFSET: in the state for a leaf, in the worker's keys for an inner node
N_TABLE, N_PARENT, N_SLOT, N_OFFSET, N_CHILDREN, N_CHILD_COUNT = (8 * k for k in range(6))
N_SIZE = 64

# ---- the search; the second group changes while it runs, each part on cache lines of its own
C_STEP, C_PREDICATES, C_FINALS, C_KERNEL, C_SHARED, C_RECORD = (8 * k for k in range(0, 6))
C_TASKS, C_NODES, C_NODE_COUNT, C_LEAF_COUNT, C_RECORDS, C_LEFT = (8 * k for k in range(6, 12))
C_RIGHT, C_ROOT, C_ROOT_MASK, C_ROOT_LIMIT, C_ORDER, C_PARENT = (8 * k for k in range(12, 18))
C_RIGHT_DONE, C_INVARIANTS, C_FINAL_MASK, C_MODE, C_MAXIMUM = (8 * k for k in range(18, 23))
C_VIOLATIONS, C_LEVELS, C_LEFT_TASKS, C_ENDS, C_BLOCKS = (8 * k for k in range(23, 28))
# ---- symmetric tasks. MEMBERS: their numbers; GROUPS: (first member, members); PLACE: of each task
# among the members, from 1; PARTS: offsets of each member's parts of shared memory; LENGTHS: of the
# parts; RENAMINGS: for each member the one whose name it gets; OWN: table of all parts of a task;
# OWNED: for each number of shared memory, those of its members' parts
C_MEMBERS, C_MEMBER_COUNT, C_GROUPS, C_GROUP_COUNT, C_PLACE = (8 * k for k in range(28, 33))
C_PARTS, C_PART_COUNT, C_LENGTHS, C_RENAMINGS, C_RENAMING_COUNT = (8 * k for k in range(33, 38))
C_OWN, C_OWNED = 8 * 38, 8 * 39
C_COUNT, C_CURSOR, C_LEVEL_END = 512, 576, 640
C_FLAGS, C_WITNESSES, C_VIOLATION_COUNT, C_LEVEL_COUNT, C_END_COUNT = 648, 656, 664, 672, 680
C_SIZE = 1024

# ---- a worker
W_STATE, W_NUMBERS, W_KEYS, W_DIRTY, W_CHANGED, W_MEMO = (8 * k for k in range(0, 6))
W_MEMO_MASK, W_RING, W_RING_COUNT, W_NOW, W_NEXT, W_SCRATCH = (8 * k for k in range(6, 12))
W_FROM, W_TO, W_TRANSITIONS, W_HITS, W_MISSES, W_BROKEN = (8 * k for k in range(12, 18))
W_SPARE, W_CLEAN = 8 * 18, 8 * 19
# ---- for symmetric tasks: two states, the parts of one task, the order of members, what renamed
# shared memory becomes
W_TWIN, W_BACK, W_GATHERED, W_SORT, W_RENAMED = (8 * k for k in range(20, 25))
W_SIZE = 256

# ---- a step that waits in the ring: what it leads to, until all of it is in the cache
R_LEFT, R_HASH, R_NUMBER, R_RIGHT, R_PARENT, R_SIZE = 0, 64, 72, 80, 88, 128

RING = 32
CHUNK = 32
#: entries of the cache of renamed shared memory
RENAMED = 1 << 12
MAX_VIOLATIONS = 64
MAX_ENDS = 1 << 16

GROW, STOP, FOUND, FULL, UNLIKE = 1, 2, 4, 8, 16
STOP_AT_VIOLATION, CHECK_DEADLOCK = 1, 2
FAULT, INVARIANT, FINAL, DEADLOCK, ASYMMETRY = 1, 2, 3, 4, 5
FAILED = 0xFFFF
BLOCKED, STEPPED, MORE, VIOLATED = 0, 1, 2, 4
EXHAUSTED, INTERRUPTED, PAUSED = 0, 1, 2

HIGH = 0xFFFFFFFF00000000
LOW = 0xFFFFFFFF


def hash_bytes(p: int, n: int) -> int:
    """A 64-bit hash of `n` bytes, a multiple of 8."""
    a = n ^ 0x9E3779B97F4A7C15
    b = n ^ 0xD6E8FEB86659FD93
    i = 0
    while i + 32 <= n:
        a = mum(ld64(p + i) ^ 0xA0761D6478BD642F, ld64(p + i + 8) ^ a)
        b = mum(ld64(p + i + 16) ^ 0xC2B2AE3D27D4EB4F, ld64(p + i + 24) ^ b)
        i += 32
    if i + 16 <= n:
        a = mum(ld64(p + i) ^ 0xA0761D6478BD642F, ld64(p + i + 8) ^ a)
        i += 16
    if i < n:
        b = mum(ld64(p + i) ^ 0x8EBC6AF09C88C6E3, b ^ 0x589965CC75374CC3)
    return mum(a ^ 0x1D8E4E27C47D124F, b ^ 0xE7037ED1A0B428DB)


def same(p: int, q: int, n: int) -> int:
    """Whether `n` bytes, a multiple of 8, are equal."""
    i = 0
    while i < n:
        if ld64(p + i) != ld64(q + i):
            return 0
        i += 8
    return 1


def differs(p: int, q: int, left: int) -> int:
    """Non-zero if the next 64 bytes, or the `left` that are left, are not equal."""
    if left >= 64:
        return (
            (ld64(p) ^ ld64(q))
            | (ld64(p + 8) ^ ld64(q + 8))
            | (ld64(p + 16) ^ ld64(q + 16))
            | (ld64(p + 24) ^ ld64(q + 24))
            | (ld64(p + 32) ^ ld64(q + 32))
            | (ld64(p + 40) ^ ld64(q + 40))
            | (ld64(p + 48) ^ ld64(q + 48))
            | (ld64(p + 56) ^ ld64(q + 56))
        )
    return same(p, q, left) ^ 1


def content(table: int, number: int) -> int:
    """Where the content of `number` lies."""
    return ld64(table + T_ARENA) + (number - 1) * ld64(table + T_LENGTH)


def intern(ctx: int, w: int, table: int, p: int) -> int:
    """The number of the content at `p`, with NEW if it has just been given one."""
    return intern_hashed(ctx, w, table, p, hash_bytes(p, ld64(table + T_LENGTH)))


def intern_hashed(ctx: int, w: int, table: int, p: int, h: int) -> int:
    """The same, when the hash of the content is known."""
    n = ld64(table + T_LENGTH)
    mark = h & HIGH
    mask = ld64(table + T_MASK)
    index = ld64(table + T_INDEX)
    i = h & mask
    number = 0
    while 1:
        x = acquire64(index + i * 8)
        if x == 0:
            if number == 0:
                spare = ld64(w + W_SPARE) + ld64(table + T_ORDINAL) * 8
                number = ld64(spare)
                if number:
                    st64(spare, 0)
                else:
                    number = add64(table + T_COUNT, 1) + 1
                copy(ld64(table + T_ARENA) + (number - 1) * n, p, n)
                if number >= ld64(table + T_LIMIT):
                    or64(ctx + C_FLAGS, GROW)
            x = cas64(index + i * 8, 0, mark | number)
            if x == 0:
                return number | NEW
        if (x & HIGH) == mark:
            if same(content(table, x & LOW), p, n):
                if number:
                    st64(ld64(w + W_SPARE) + ld64(table + T_ORDINAL) * 8, number)
                return x & LOW
        i = (i + 1) & mask
    return 0


def rehash(table: int, slots: int, skip: int, skipped: int) -> None:
    """Rebuild the index of a table, with `slots` entries; the memory is there and zero.

    skip: where the `skipped` numbers stand that have been given out but not used.
    """
    st64(table + T_MASK, slots - 1)
    index = ld64(table + T_INDEX)
    n = ld64(table + T_LENGTH)
    count = ld64(table + T_COUNT)
    number = 0
    while number < count:
        number += 1
        k = 0
        while k < skipped and ld64(skip + k * 8) != number:
            k += 1
        if k < skipped:
            continue
        h = hash_bytes(content(table, number), n)
        i = h & (slots - 1)
        while ld64(index + i * 8) != 0:
            i = (i + 1) & (slots - 1)
        st64(index + i * 8, (h & HIGH) | number)


def rehash_root(ctx: int, slots: int) -> None:
    """Rebuild the table of states, with `slots` entries; the memory is there and zero."""
    st64(ctx + C_ROOT_MASK, slots - 1)
    root = ld64(ctx + C_ROOT)
    order = ld64(ctx + C_ORDER)
    count = ld64(ctx + C_COUNT)
    k = 0
    while k < count:
        key = ld64(order + k * 8)
        i = root_slot(key) & (slots - 1)
        while ld64(root + i * 8) != 0:
            i = (i + 1) & (slots - 1)
        st64(root + i * 8, key)
        k += 1


def root_slot(key: int) -> int:
    """Where to look for a state first."""
    return mum(key ^ 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)


def descend(ctx: int, w: int, node: int, number: int) -> None:
    """Put content `number` of a node, with all below it, into the worker's state."""
    st64(ld64(w + W_NUMBERS) + node * 8, number)
    nd = ld64(ctx + C_NODES) + node * N_SIZE
    table = ld64(nd + N_TABLE)
    source = content(table, number)
    n = ld64(table + T_LENGTH)
    if node < ld64(ctx + C_LEAF_COUNT):
        copy(ld64(w + W_STATE) + ld64(nd + N_OFFSET), source, n)
        copy(ld64(w + W_CLEAN) + ld64(nd + N_OFFSET), source, n)
        return
    children = ld64(nd + N_CHILDREN)
    count = ld64(nd + N_CHILD_COUNT)
    numbers = ld64(w + W_NUMBERS)
    k = 0
    while k < count:
        child = ld64(children + k * 8)
        below = ld32(source + k * 4)
        if below != ld64(numbers + child * 8):
            descend(ctx, w, child, below)
        k += 1
    copy(ld64(w + W_KEYS) + ld64(nd + N_OFFSET), source, n)


def unpack(ctx: int, w: int, shared: int) -> None:
    """Put shared memory `shared` into the worker's state."""
    top = ld64(ctx + C_NODE_COUNT) - 1
    if ld64(ld64(w + W_NUMBERS) + top * 8) != shared:
        descend(ctx, w, top, shared)


def commit(ctx: int, w: int) -> int:
    """The number (perhaps NEW) of shared memory as the step left it; then undo the step in it."""
    leaves = ld64(ctx + C_LEAF_COUNT)
    total = ld64(ctx + C_NODE_COUNT)
    nodes = ld64(ctx + C_NODES)
    numbers = ld64(w + W_NUMBERS)
    keys = ld64(w + W_KEYS)
    dirty = ld64(w + W_DIRTY)
    changed = ld64(w + W_CHANGED)
    state = ld64(w + W_STATE)
    clean = ld64(w + W_CLEAN)
    size = ld64(ctx + C_SHARED)
    count = 0
    result = 0
    k = 0
    block = 0
    while block < size:
        if differs(state + block, clean + block, size - block):
            first = ld64(ld64(ctx + C_BLOCKS) + (block >> 6) * 8)
            if k < first:
                k = first
            while k < leaves:
                nd = nodes + k * N_SIZE
                offset = ld64(nd + N_OFFSET)
                if offset >= block + 64:
                    break
                table = ld64(nd + N_TABLE)
                if same(clean + offset, state + offset, ld64(table + T_LENGTH)) == 0:
                    result = intern(ctx, w, table, state + offset)
                    if total > 1:
                        parent = ld64(nd + N_PARENT)
                        at = keys + ld64(nodes + parent * N_SIZE + N_OFFSET) + ld64(nd + N_SLOT)
                        st32(at, result & NUMBER)
                        st64(dirty + parent * 8, 1)
                    st64(changed + count * 8, k)
                    count += 1
                k += 1
        block += 64
    if count == 0:
        return ld64(numbers + (total - 1) * 8)
    k = leaves
    nd = nodes + k * N_SIZE
    while k < total:
        if ld64(dirty + k * 8):
            found = intern(ctx, w, ld64(nd + N_TABLE), keys + ld64(nd + N_OFFSET))
            if k + 1 == total:
                result = found
            else:
                parent = ld64(nd + N_PARENT)
                at = keys + ld64(nodes + parent * N_SIZE + N_OFFSET) + ld64(nd + N_SLOT)
                st32(at, found & NUMBER)
                st64(dirty + parent * 8, 1)
        k += 1
        nd += N_SIZE
    if result & NEW:
        if ld64(ctx + C_PART_COUNT):
            note_parts(ctx, w, result & NUMBER)
        if ld64(ctx + C_PREDICATES):
            truth = call3(
                ld64(ctx + C_PREDICATES), state, ld64(w + W_SCRATCH), ld64(ctx + C_KERNEL)
            )
            if ld64(ctx + C_PART_COUNT):
                judged(ctx, w, ld64(ctx + C_PREDICATES), truth)
            or64(ctx + C_WITNESSES, truth)
            broken = (truth & ld64(ctx + C_INVARIANTS)) ^ ld64(ctx + C_INVARIANTS)
            if broken:
                st64(w + W_BROKEN, broken)
    restore(ctx, w, count)
    return result


def restore(ctx: int, w: int, count: int) -> None:
    """Put the `count` changed leaves, and the keys above them, back to what they were."""
    total = ld64(ctx + C_NODE_COUNT)
    leaves = ld64(ctx + C_LEAF_COUNT)
    nodes = ld64(ctx + C_NODES)
    numbers = ld64(w + W_NUMBERS)
    keys = ld64(w + W_KEYS)
    dirty = ld64(w + W_DIRTY)
    changed = ld64(w + W_CHANGED)
    state = ld64(w + W_STATE)
    clean = ld64(w + W_CLEAN)
    j = 0
    while j < count:
        k = ld64(changed + j * 8)
        nd = nodes + k * N_SIZE
        number = ld64(numbers + k * 8)
        offset = ld64(nd + N_OFFSET)
        copy(state + offset, clean + offset, ld64(ld64(nd + N_TABLE) + T_LENGTH))
        if total > 1:
            parent = ld64(nd + N_PARENT)
            st32(keys + ld64(nodes + parent * N_SIZE + N_OFFSET) + ld64(nd + N_SLOT), number)
        j += 1
    k = leaves
    while k < total:
        if ld64(dirty + k * 8):
            st64(dirty + k * 8, 0)
            if k + 1 < total:
                nd = nodes + k * N_SIZE
                parent = ld64(nd + N_PARENT)
                at = keys + ld64(nodes + parent * N_SIZE + N_OFFSET) + ld64(nd + N_SLOT)
                st32(at, ld64(numbers + k * 8))
        k += 1


def undo(ctx: int, w: int) -> None:
    """Forget what a step that turned out to be blocked has done to shared memory."""
    state = ld64(w + W_STATE)
    clean = ld64(w + W_CLEAN)
    size = ld64(ctx + C_SHARED)
    block = 0
    while block < size:
        left = size - block
        if left > 64:
            left = 64
        if differs(state + block, clean + block, left):
            copy(state + block, clean + block, left)
        block += 64


def violation(ctx: int, kind: int, state: int, how: int, detail: int) -> None:
    """Note a violation: `state` is the number of the state it was found from, or in."""
    n = add64(ctx + C_VIOLATION_COUNT, 1)
    if n < MAX_VIOLATIONS:
        at = ld64(ctx + C_VIOLATIONS) + n * 32
        st64(at, kind)
        st64(at + 8, state)
        st64(at + 16, how)
        st64(at + 24, detail)
    if kind == ASYMMETRY:
        or64(ctx + C_FLAGS, UNLIKE)
    elif ld64(ctx + C_MODE) & STOP_AT_VIOLATION:
        or64(ctx + C_FLAGS, FOUND)


def insert(ctx: int, w: int, key: int, parent: int) -> None:
    """Add a state to the table unless it is there."""
    root = ld64(ctx + C_ROOT)
    mask = ld64(ctx + C_ROOT_MASK)
    i = root_slot(key) & mask
    while 1:
        x = acquire64(root + i * 8)
        if x == 0:
            x = cas64(root + i * 8, 0, key)
            if x == 0:
                n = add64(ctx + C_COUNT, 1)
                st64(ld64(ctx + C_ORDER) + n * 8, key)
                st32(ld64(ctx + C_PARENT) + n * 4, parent)
                if n >= ld64(ctx + C_ROOT_LIMIT):
                    or64(ctx + C_FLAGS, GROW)
                if n + 1 >= ld64(ctx + C_MAXIMUM):
                    or64(ctx + C_FLAGS, FULL)
                if (key & LOW) == ld64(ctx + C_RIGHT_DONE):
                    finished(ctx, w, key >> 32, n)
                return
        if x == key:
            return
        i = (i + 1) & mask


def all_done(ctx: int, left: int) -> int:
    """Whether the tasks on the left have ended."""
    source = content(ld64(ctx + C_LEFT), left)
    k = 0
    while k < ld64(ctx + C_LEFT_TASKS):
        if ld32(source + 4 + k * 4) != 1:
            return 0
        k += 1
    return 1


def finished(ctx: int, w: int, left: int, n: int) -> None:
    """If all tasks have ended, note the state and check what must hold then."""
    if all_done(ctx, left) == 0:
        return
    at = add64(ctx + C_END_COUNT, 1)
    if at < MAX_ENDS:
        st64(ld64(ctx + C_ENDS) + at * 8, n)
    if ld64(ctx + C_FINALS) == 0:
        return
    unpack(ctx, w, ld32(content(ld64(ctx + C_LEFT), left)))
    truth = call3(
        ld64(ctx + C_FINALS), ld64(w + W_STATE), ld64(w + W_SCRATCH), ld64(ctx + C_KERNEL)
    )
    if ld64(ctx + C_PART_COUNT):
        judged(ctx, w, ld64(ctx + C_FINALS), truth)
    broken = (truth & ld64(ctx + C_FINAL_MASK)) ^ ld64(ctx + C_FINAL_MASK)
    if broken:
        violation(ctx, FINAL, n, 0, broken)


def flush(ctx: int, w: int) -> None:
    """Insert the states that wait in the worker's ring: look ahead in memory, stage by stage."""
    ring = ld64(w + W_RING)
    end = ring + ld64(w + W_RING_COUNT) * R_SIZE
    table = ld64(ctx + C_LEFT)
    index = ld64(table + T_INDEX)
    mask = ld64(table + T_MASK)
    e = ring
    while e < end:
        if ld64(e + R_NUMBER) == 0:
            x = ld64(index + (ld64(e + R_HASH) & mask) * 8)
            if x:
                prefetch(content(table, x & LOW))
        e += R_SIZE
    root = ld64(ctx + C_ROOT)
    mask = ld64(ctx + C_ROOT_MASK)
    e = ring
    while e < end:
        left = ld64(e + R_NUMBER)
        if left == 0:
            left = intern_hashed(ctx, w, table, e + R_LEFT, ld64(e + R_HASH)) & NUMBER
        key = (left << 32) | ld64(e + R_RIGHT)
        st64(e + R_NUMBER, key)
        prefetch(root + (root_slot(key) & mask) * 8)
        e += R_SIZE
    e = ring
    while e < end:
        insert(ctx, w, ld64(e + R_NUMBER), ld64(e + R_PARENT))
        e += R_SIZE
    st64(w + W_RING_COUNT, 0)


def reach(ctx: int, w: int, k: int, key: int, shared: int, task: int, record: int) -> None:
    """A step of `task` from state `k`, which is `key`, has led to `shared` and `record`."""
    lefts = ld64(ctx + C_LEFT_TASKS)
    tasks = ld64(ctx + C_TASKS)
    now = ld64(w + W_NOW)
    count = ld64(w + W_RING_COUNT)
    e = ld64(w + W_RING) + count * R_SIZE
    st64(e + R_PARENT, k)
    if ld64(ctx + C_GROUP_COUNT):
        reach_sorted(ctx, w, e, shared, task, record)
    else:
        if task < lefts or shared != ld32(now):
            st32(e, shared)
            i = 0
            while i < lefts:
                st32(e + 4 + i * 4, ld32(now + 4 + i * 4))
                i += 1
            if task < lefts:
                st32(e + 4 + task * 4, record)
            queue_left(ctx, e)
        else:
            st64(e + R_NUMBER, key >> 32)
        right = key & LOW
        if task >= lefts:
            right = record
            if tasks - lefts > 1:
                after = ld64(w + W_NEXT)
                i = lefts
                while i < tasks:
                    st32(after + (i - lefts) * 4, ld32(now + 4 + i * 4))
                    i += 1
                st32(after + (task - lefts) * 4, record)
                right = intern(ctx, w, ld64(ctx + C_RIGHT), after) & NUMBER
        st64(e + R_RIGHT, right)
    st64(w + W_TRANSITIONS, ld64(w + W_TRANSITIONS) + 1)
    count += 1
    st64(w + W_RING_COUNT, count)
    if count == RING:
        flush(ctx, w)


def queue_left(ctx: int, e: int) -> None:
    """The left half of a state is complete in the ring: hash it, fetch where it may be."""
    table = ld64(ctx + C_LEFT)
    h = hash_bytes(e, ld64(table + T_LENGTH))
    st64(e + R_HASH, h)
    st64(e + R_NUMBER, 0)
    prefetch(ld64(table + T_INDEX) + (h & ld64(table + T_MASK)) * 8)


def reach_sorted(ctx: int, w: int, e: int, shared: int, task: int, record: int) -> None:
    """`reach` when there are symmetric tasks: all records may move."""
    lefts = ld64(ctx + C_LEFT_TASKS)
    tasks = ld64(ctx + C_TASKS)
    now = ld64(w + W_NOW)
    after = ld64(w + W_NEXT)
    i = 0
    while i < tasks:
        st32(after + i * 4, ld32(now + 4 + i * 4))
        i += 1
    st32(after + task * 4, record)
    shared = sort_groups(ctx, w, shared)
    st32(e, shared)
    i = 0
    while i < lefts:
        st32(e + 4 + i * 4, ld32(after + i * 4))
        i += 1
    queue_left(ctx, e)
    right = ld32(after + lefts * 4)
    if tasks - lefts > 1:
        right = intern(ctx, w, ld64(ctx + C_RIGHT), after + lefts * 4) & NUMBER
    st64(e + R_RIGHT, right)


def sort_groups(ctx: int, w: int, shared: int) -> int:
    """Order symmetric tasks by record, then by their parts of shared memory, which move with them.

    The records in NEXT are put in order; returns the number of the renamed shared memory.
    """
    records = ld64(w + W_NEXT)
    members = ld64(ctx + C_MEMBERS)
    count = ld64(ctx + C_MEMBER_COUNT)
    keys = ld64(w + W_SORT)
    source = keys + count * 8
    owned = 0
    if ld64(ctx + C_PART_COUNT):
        owned = parts_of(ctx, w, shared)
    m = 0
    while m < count:
        x = ld32(records + ld64(members + m * 8) * 4) << 32
        if owned:
            x |= ld32(owned + m * 4)
        st64(keys + m * 8, x)
        st64(source + m * 8, m)
        m += 1
    g = 0
    while g < ld64(ctx + C_GROUP_COUNT):
        first = ld64(ld64(ctx + C_GROUPS) + g * 16)
        last = first + ld64(ld64(ctx + C_GROUPS) + g * 16 + 8)
        i = first + 1
        while i < last:
            x = ld64(keys + i * 8)
            from_ = ld64(source + i * 8)
            j = i
            while j > first and ld64(keys + j * 8 - 8) > x:
                st64(keys + j * 8, ld64(keys + j * 8 - 8))
                st64(source + j * 8, ld64(source + j * 8 - 8))
                j -= 1
            st64(keys + j * 8, x)
            st64(source + j * 8, from_)
            i += 1
        g += 1
    moved = 0
    code = 0
    m = 0
    while m < count:
        x = ld64(keys + m * 8)
        st32(records + ld64(members + m * 8) * 4, x >> 32)
        if owned:
            if (x & LOW) != ld32(owned + m * 4):
                moved = 1
            code |= ld64(source + m * 8) << (m * 4)
        m += 1
    if moved:
        return rename(ctx, w, shared, code)
    return shared


def rename(ctx: int, w: int, shared: int, code: int) -> int:
    """Shared memory with members' parts moved: to each from the one that `code` has for it."""
    key = (shared << 32) | code
    slot = mum(key ^ 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93) & (RENAMED - 1)
    entry = ld64(w + W_RENAMED) + slot * 16
    if ld64(entry) == key:
        return ld64(entry + 8)
    unpack(ctx, w, shared)
    m = 0
    while m < ld64(ctx + C_MEMBER_COUNT):
        move_parts(ctx, ld64(w + W_STATE), m, ld64(w + W_CLEAN), (code >> (m * 4)) & 15)
        m += 1
    result = commit(ctx, w) & NUMBER
    st64(entry, key)
    st64(entry + 8, result)
    return result


def move_parts(ctx: int, to: int, member: int, source: int, other: int) -> None:
    """Make the parts of `member` in one shared memory what those of `other` are in another."""
    parts = ld64(ctx + C_PART_COUNT)
    place = ld64(ctx + C_PARTS)
    p = 0
    while p < parts:
        copy(
            to + ld64(place + (member * parts + p) * 8),
            source + ld64(place + (other * parts + p) * 8),
            ld64(ld64(ctx + C_LENGTHS) + p * 8),
        )
        p += 1


def parts_of(ctx: int, w: int, shared: int) -> int:
    """Where the numbers of the members' parts stand; they are found first if need be."""
    count = ld64(ctx + C_MEMBER_COUNT)
    at = ld64(ctx + C_OWNED) + shared * count * 4
    m = 0
    while m < count:
        if ld32(at + m * 4) == 0:
            unpack(ctx, w, shared)
            note_parts(ctx, w, shared)
            return at
        m += 1
    return at


def note_parts(ctx: int, w: int, shared: int) -> None:
    """Number the members' parts of shared memory `shared`, which is in the worker's state."""
    count = ld64(ctx + C_MEMBER_COUNT)
    parts = ld64(ctx + C_PART_COUNT)
    gathered = ld64(w + W_GATHERED)
    m = 0
    while m < count:
        at = gathered
        p = 0
        while p < parts:
            n = ld64(ld64(ctx + C_LENGTHS) + p * 8)
            copy(at, ld64(w + W_STATE) + ld64(ld64(ctx + C_PARTS) + (m * parts + p) * 8), n)
            at += n
            p += 1
        number = intern(ctx, w, ld64(ctx + C_OWN), gathered) & NUMBER
        st32(ld64(ctx + C_OWNED) + (shared * count + m) * 4, number)
        m += 1


def mirrored(ctx: int, w: int, task: int, choice: int, record: int, result: int) -> int:
    """Whether the step that has just been taken does the same under all other names.

    The step is taken again in a copy of the state before it, once for each renaming.
    """
    shared = ld64(ctx + C_SHARED)
    size = ld64(ctx + C_RECORD)
    count = ld64(ctx + C_MEMBER_COUNT)
    parts = ld64(ctx + C_PART_COUNT)
    twin = ld64(w + W_TWIN)
    back = ld64(w + W_BACK)
    state = ld64(w + W_STATE)
    place = ld64(ld64(ctx + C_PLACE) + task * 8)
    if place == 0 and parts == 0:
        return 1
    r = 0
    while r < ld64(ctx + C_RENAMING_COUNT):
        images = ld64(ctx + C_RENAMINGS) + r * count * 8
        r += 1
        image = task
        if place:
            image = ld64(ld64(ctx + C_MEMBERS) + ld64(images + place * 8 - 8) * 8)
        if parts == 0 and image == task:
            continue
        copy(twin, ld64(w + W_CLEAN), shared)
        m = 0
        while m < count and parts:
            move_parts(ctx, twin, ld64(images + m * 8), ld64(w + W_CLEAN), m)
            m += 1
        mine = twin + shared + image * size
        copy(mine, content(ld64(ctx + C_RECORDS), record), size)
        if call4(ld64(ctx + C_STEP), twin, image, choice, ld64(ctx + C_KERNEL)) != result:
            return 0
        if result == BLOCKED:
            continue
        if same(mine, state + shared + task * size, size) == 0:
            return 0
        copy(back, twin, shared)
        m = 0
        while m < count and parts:
            move_parts(ctx, back, m, twin, ld64(images + m * 8))
            m += 1
        if same(back, state, shared) == 0:
            return 0
    return 1


def judged(ctx: int, w: int, predicates: int, truth: int) -> None:
    """See that predicates say the same of shared memory under all other names."""
    count = ld64(ctx + C_MEMBER_COUNT)
    twin = ld64(w + W_TWIN)
    state = ld64(w + W_STATE)
    r = 0
    while r < ld64(ctx + C_RENAMING_COUNT):
        images = ld64(ctx + C_RENAMINGS) + r * count * 8
        copy(twin, state, ld64(ctx + C_SHARED))
        m = 0
        while m < count:
            move_parts(ctx, twin, ld64(images + m * 8), state, m)
            m += 1
        if call3(predicates, twin, ld64(w + W_SCRATCH), ld64(ctx + C_KERNEL)) != truth:
            violation(ctx, ASYMMETRY, 0, 0, 1)
            return
        r += 1


def memo_slot(w: int, shared: int, record: int, task: int) -> int:
    """Where the outcome of a step is remembered."""
    h = mum((shared << 32) ^ record ^ 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93 + task * 2)
    return ld64(w + W_MEMO) + (h & ld64(w + W_MEMO_MASK)) * 32


def compute(ctx: int, w: int, k: int, key: int, task: int, memo: int) -> int:
    """Let a task step from state `k`, which is `key`, in all ways; how many there are."""
    shared = ld32(ld64(w + W_NOW))
    record = ld32(ld64(w + W_NOW) + 4 + task * 4)
    unpack(ctx, w, shared)
    state = ld64(w + W_STATE)
    size = ld64(ctx + C_RECORD)
    records = ld64(ctx + C_RECORDS)
    mine = state + ld64(ctx + C_SHARED) + task * size
    choice = 0
    while 1:
        copy(mine, content(records, record), size)
        result = call4(ld64(ctx + C_STEP), state, task, choice, ld64(ctx + C_KERNEL))
        if ld64(ctx + C_RENAMING_COUNT):
            if mirrored(ctx, w, task, choice, record, result) == 0:
                violation(ctx, ASYMMETRY, k, (task << 8) | choice, 0)
        if result == BLOCKED:
            undo(ctx, w)
            if choice == 0:
                st64(memo, (shared << 32) | record)
                st64(memo + 8, task * 2 + 1)
                st64(memo + 16, 0)
            return choice
        after = intern(ctx, w, records, mine) & NUMBER
        st64(w + W_BROKEN, 0)
        to = commit(ctx, w) & NUMBER
        how = (task << 8) | choice
        if ld64(w + W_BROKEN):
            violation(ctx, INVARIANT, k, how, ld64(w + W_BROKEN))
        reach(ctx, w, k, key, to, task, after)
        choice += 1
        if result & VIOLATED:
            violation(ctx, FAULT, k, how, after)
        if result & MORE == 0:
            if choice == 1 and result == STEPPED:
                st64(memo, (shared << 32) | record)
                st64(memo + 8, task * 2 + 1)
                st64(memo + 16, (to << 32) | after)
            return choice
        unpack(ctx, w, shared)
    return 0


def open_state(ctx: int, w: int, key: int) -> None:
    """Note the numbers of shared memory and of all records of a state."""
    lefts = ld64(ctx + C_LEFT_TASKS)
    now = ld64(w + W_NOW)
    table = ld64(ctx + C_LEFT)
    copy(now, content(table, key >> 32), ld64(table + T_LENGTH))
    rights = ld64(ctx + C_TASKS) - lefts
    if rights == 1:
        st32(now + 4 + lefts * 4, key)
        return
    source = content(ld64(ctx + C_RIGHT), key & LOW)
    k = 0
    while k < rights:
        st32(now + 4 + (lefts + k) * 4, ld32(source + k * 4))
        k += 1


def expand(ctx: int, w: int, k: int) -> None:
    """All steps of all tasks from state `k`."""
    key = ld64(ld64(ctx + C_ORDER) + k * 8)
    open_state(ctx, w, key)
    tasks = ld64(ctx + C_TASKS)
    now = ld64(w + W_NOW)
    shared = ld32(now)
    possible = 0
    left = 0
    t = 0
    while t < tasks:
        record = ld32(now + 4 + t * 4)
        if record != 1:
            left += 1
            memo = memo_slot(w, shared, record, t)
            if ld64(memo) == ((shared << 32) | record) and ld64(memo + 8) == t * 2 + 1:
                st64(w + W_HITS, ld64(w + W_HITS) + 1)
                to = ld64(memo + 16)
                if to:
                    reach(ctx, w, k, key, to >> 32, t, to & LOW)
                    possible += 1
            else:
                st64(w + W_MISSES, ld64(w + W_MISSES) + 1)
                possible += compute(ctx, w, k, key, t, memo)
        t += 1
    if possible == 0 and left:
        if ld64(ctx + C_MODE) & CHECK_DEADLOCK:
            t = 0
            while t < tasks:
                record = ld32(now + 4 + t * 4)
                if ld16(content(ld64(ctx + C_RECORDS), record)) == FAILED:
                    return
                t += 1
            violation(ctx, DEADLOCK, k, 0, 0)


def ahead(ctx: int, w: int, k: int, end: int) -> None:
    """Fetch what states `k` to `end` will need."""
    order = ld64(ctx + C_ORDER)
    table = ld64(ctx + C_LEFT)
    right = ld64(ctx + C_RIGHT)
    tasks = ld64(ctx + C_TASKS)
    rights = tasks - ld64(ctx + C_LEFT_TASKS)
    i = k
    while i < end:
        key = ld64(order + i * 8)
        prefetch(content(table, key >> 32))
        if rights > 1:
            prefetch(content(right, key & LOW))
        i += 1
    now = ld64(w + W_NOW)
    i = k
    while i < end:
        open_state(ctx, w, ld64(order + i * 8))
        shared = ld32(now)
        t = 0
        while t < tasks:
            record = ld32(now + 4 + t * 4)
            if record != 1:
                prefetch(memo_slot(w, shared, record, t))
            t += 1
        i += 1


def worker(ctx: int, w: int, quota: int, alone: int) -> int:
    """Expand states of this level (`alone`: and the next ones) until done, stopped or `quota`."""
    done = 0
    while 1:
        k = ld64(w + W_FROM)
        end = ld64(w + W_TO)
        if k == end:
            if ld64(ctx + C_FLAGS):
                flush(ctx, w)
                return INTERRUPTED
            if done >= quota:
                flush(ctx, w)
                return PAUSED
            k = add64(ctx + C_CURSOR, CHUNK)
            last = ld64(ctx + C_LEVEL_END)
            if k >= last:
                flush(ctx, w)
                if alone == 0:
                    return EXHAUSTED
                st64(ctx + C_CURSOR, last)
                if ld64(ctx + C_COUNT) == last:
                    return EXHAUSTED
                n = ld64(ctx + C_LEVEL_COUNT)
                st64(ld64(ctx + C_LEVELS) + n * 8, last)
                st64(ctx + C_LEVEL_COUNT, n + 1)
                st64(ctx + C_LEVEL_END, ld64(ctx + C_COUNT))
                continue
            end = k + CHUNK
            if end > last:
                end = last
            st64(w + W_TO, end)
            ahead(ctx, w, k, end)
        while k < end:
            expand(ctx, w, k)
            k += 1
            done += 1
            if ld64(ctx + C_FLAGS):
                break
        st64(w + W_FROM, k)
        if ld64(ctx + C_FLAGS):
            flush(ctx, w)
            return INTERRUPTED
    return 0


def run_alone(step: int, state: int, record: int, task: int, kernel: int) -> int:
    """Let one task run to its end, always choosing the first; what the last step returned.

    `record` is where the task's record is in `state`. STEPPED: it has ended.
    """
    while ld16(record):
        result = call4(step, state, task, 0, kernel)
        if result == BLOCKED or result & VIOLATED:
            return result
    return STEPPED


FUNCTIONS = (
    hash_bytes,
    same,
    differs,
    content,
    intern_hashed,
    intern,
    rehash,
    root_slot,
    rehash_root,
    descend,
    unpack,
    commit,
    restore,
    undo,
    violation,
    insert,
    all_done,
    finished,
    flush,
    queue_left,
    reach_sorted,
    reach,
    sort_groups,
    rename,
    move_parts,
    parts_of,
    note_parts,
    mirrored,
    judged,
    memo_slot,
    compute,
    open_state,
    expand,
    ahead,
    worker,
    run_alone,
)
EXPORTED = (worker, intern, rehash, rehash_root, root_slot, run_alone)
