"""Many inside, or one alone."""

from contextlib import suppress
from threading import Event, Thread

from rag.index.doors import Doors

PATIENCE = 60.0


def test_many_are_inside_at_once() -> None:
    doors = Doors()
    with doors.shared():
        other = Thread(target=lambda: doors.shared().__enter__())
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive()


def test_who_wants_to_be_alone_waits_for_those_inside_and_keeps_others_out() -> None:
    doors, order = Doors(), list[str]()
    entered, waiting = Event(), Event()

    def alone() -> None:
        waiting.set()
        with doors.alone():
            order.append("alone")

    def late() -> None:
        with doors.shared():
            order.append("late")

    with doors.shared():
        one = Thread(target=alone)
        one.start()
        assert waiting.wait(PATIENCE)
        order.append("inside")
        entered.set()
    one.join(PATIENCE)
    with doors.alone():
        two = Thread(target=late)
        two.start()
        order.append("closed")
    two.join(PATIENCE)
    assert order == ["inside", "alone", "closed", "late"]


def test_the_doors_open_again_after_an_error() -> None:
    doors = Doors()
    for way in (doors.alone, doors.shared):
        with suppress(ZeroDivisionError), way():
            _ = 1 / 0
    with doors.alone():
        pass
    with doors.shared():
        pass
