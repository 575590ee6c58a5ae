"""Arrays on stacks whose size is a parameter: the configuration's, not the default."""

from mmspec.lang import Array, OnStack, Struct, array, param, static, u8
from tests.models.case import Case

ROOM: int = param("room", 2)


class Batch(OnStack):
    nr: u8 = 0
    items: Array[u8] = array(ROOM)
    after: Array[u8] = array(1)


class Sink(Struct):
    total: u8
    last: u8


sink = static(Sink)


def put(batch: Batch, value: u8) -> None:
    batch.items[batch.nr] = value
    batch.nr += 1


def gather() -> None:
    batch = Batch()
    for k in range(ROOM):
        put(batch, k + 1)
    batch.after[0] = 9
    for k in range(ROOM):
        sink.total += batch.items[k]
    sink.last = batch.after[0]


def look() -> None:
    seen = sink.total
    sink.last = seen


CASES = [
    Case([gather, look], full=(17, 21), merged=(17, 21), sizes={"room": 1}),
    Case([gather, look], full=(31, 41), merged=(31, 41), sizes={"room": 2}),
    Case([gather, look], full=(97, 137), merged=(97, 137), sizes={"room": 5}),
]
