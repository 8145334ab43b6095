"""Heads of points are remembered, and never longer than they are true."""

from collections.abc import Iterable

from rag.index.heads import Head, Heads, Readers


def _head(version: int) -> Head:
    return Head("chunk", "document", version, Readers("acme", ()))


class Engine:
    """Tells heads of points and counts how many it was asked for."""

    def __init__(self, points: dict[int, Head]) -> None:
        self.points = points
        self.asked = 0

    def read(self, keys: list[int]) -> Iterable[tuple[int, Head]]:
        self.asked += len(keys)
        return [(key, self.points[key]) for key in keys if key in self.points]


def test_a_point_is_read_once() -> None:
    engine, heads = Engine({1: _head(1), 2: _head(1)}), Heads[int]()
    assert heads.of([1], engine.read) == {1: _head(1)}
    assert heads.of([1, 2, 3], engine.read) == {1: _head(1), 2: _head(1)}
    assert engine.asked == 3  # 1, then 2 and the missing 3


def test_what_was_written_again_is_read_again() -> None:
    engine, heads = Engine({1: _head(1)}), Heads[int]()
    heads.of([1], engine.read)
    engine.points[1] = _head(2)
    heads.forget([1])
    assert heads.of([1], engine.read)[1].version == 2


def test_what_is_written_while_it_is_read_is_not_remembered() -> None:
    engine, heads = Engine({1: _head(1)}), Heads[int]()

    def read_before_the_write(keys: list[int]) -> Iterable[tuple[int, Head]]:
        found = list(engine.read(keys))
        engine.points[1] = _head(2)
        heads.forget([1])
        return found

    heads.of([1], read_before_the_write)
    assert heads.of([1], engine.read)[1].version == 2


def test_no_more_than_so_many_are_remembered() -> None:
    engine, heads = Engine({key: _head(1) for key in range(100)}), Heads[int](most=20)
    for key in range(100):
        heads.of([key], engine.read)
    heads.of(range(100), engine.read)
    assert 180 <= engine.asked < 200
