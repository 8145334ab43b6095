"""Whose turn it is: each tenant a document in turn, none starves, and who is paused waits."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Engine, insert

from core.database import metadata, migrate, open_engine
from core.errors import Overloaded
from core.ids import content_hash
from core.types import PUBLIC
from rag.index.catalog import Catalog
from rag.index.files import Arrival, FileStatus
from rag.index.tables import documents
from rag.index.turns import Room, Turns


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    migrate(engine)
    yield engine
    engine.dispose()


def accept(engine: Engine, tenant: str, number: int) -> FileStatus:
    text = f"{number} of {tenant}".encode()
    return Catalog(engine).accept(tenant, f"{number}.txt", content_hash(text), len(text), PUBLIC).file


def flood(engine: Engine, tenant: str, size: int) -> None:
    """As if so many had been accepted one after the other."""
    first = accept(engine, tenant, 0)
    row = {
        "tenant": tenant, "source": "", "status": "queued", "version": 1, "content_hash": "x", "bytes": 1,
        "access": ["public"], "created_at": first.created_at, "updated_at": first.created_at,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            insert(documents), [{**row, "id": f"{tenant}-{n}", "turn": n} for n in range(1, size)]
        )


def test_the_single_document_of_one_tenant_is_next_beside_ten_thousand_of_another(engine: Engine) -> None:
    turns = Turns(engine)
    flood(engine, "acme", 10_000)
    assert [tenant for tenant, _, _ in turns.take(100)] == ["acme"] * 100
    single = accept(engine, "globex", 0)
    taken = turns.take(2)
    assert [tenant for tenant, _, _ in taken] == ["acme", "globex"]
    assert taken[1] == ("globex", single.id, 1)
    assert (turns.waiting(), turns.waiting("acme"), turns.waiting("globex")) == (9_899, 9_899, 0)


def test_who_waits_is_served_in_turn_and_oldest_first(engine: Engine) -> None:
    for number in range(3):
        for tenant in ("a", "b", "c"):
            accept(engine, tenant, number)
    accept(engine, "d", 0)
    served = [tenant for tenant, _, _ in Turns(engine).take(10)]
    assert served == ["a", "b", "c", "d", "a", "b", "c", "a", "b", "c"]


def test_what_was_taken_is_in_work_and_nobody_takes_it_twice(engine: Engine) -> None:
    file = accept(engine, "acme", 0)
    assert Turns(engine).take(9) == [("acme", file.id, 1)]
    assert Turns(engine).take(9) == []
    assert Catalog(engine).get("acme", file.id).status == "reading"


def test_there_is_room_until_as_many_wait_as_may(engine: Engine) -> None:
    for number in range(3):
        accept(engine, "acme", number)
    accept(engine, "globex", 0)
    Catalog(engine).accept_all("acme", [Arrival("doc-1", "r", "", 1, PUBLIC)])  # it does not wait
    turns = Turns(engine)
    turns.check_room("acme", Room(4, 5))
    turns.check_room("globex", Room(2, 5))
    with pytest.raises(Overloaded, match="3 documents wait to be read, no more are taken"):
        turns.check_room("acme", Room(3, 99))
    turns.pause("acme")
    with pytest.raises(Overloaded, match=r"4 documents wait .* ingestion is paused"):
        turns.check_room("acme", Room(99, 4))


def test_the_same_content_and_other_labels_of_what_waits_need_no_room(engine: Engine) -> None:
    catalog, full = Catalog(engine), Room(1, 1)
    catalog.accept("acme", "a.txt", "hash", 1, PUBLIC, full)
    catalog.accept("acme", "a.txt", "hash", 1, PUBLIC, full)
    catalog.accept("acme", "a.txt", "hash", 1, {"board"}, full)
    with pytest.raises(Overloaded):
        catalog.accept("acme", "b.txt", "other", 1, PUBLIC, full)
    assert Turns(engine).waiting() == 1


def test_however_many_come_at_one_moment_no_more_wait_than_may(engine: Engine) -> None:
    """16 threads, each with three documents of its tenant: no tenant and not all together go over."""
    start, taken = Barrier(16), Counter[str]()

    def send(thread: int) -> list[str]:
        tenant = f"tenant-{thread % 4}"
        start.wait()
        return [tenant for number in range(3) if fits(tenant, f"{thread} {number}")]

    def fits(tenant: str, text: str) -> bool:
        try:
            Catalog(engine).accept(tenant, text, content_hash(text.encode()), 1, PUBLIC, Room(5, 17))
        except Overloaded:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        for done in threads.map(send, range(16)):
            taken.update(done)
    assert taken.total() == Turns(engine).waiting() == 17
    assert max(taken.values()) <= 5
    assert all(Turns(engine).waiting(tenant) == number for tenant, number in taken.items())


def test_records_without_a_file_do_not_wait_here(engine: Engine) -> None:
    Catalog(engine).accept_all("acme", [Arrival("doc-1", "r", "", 1, PUBLIC)])
    turns = Turns(engine)
    assert (turns.take(9), turns.waiting(), turns.able()) == ([], 0, 0)


def test_a_pause_holds_one_tenant_and_outlives_the_process(engine: Engine) -> None:
    accept(engine, "acme", 0)
    other = accept(engine, "globex", 0)
    Turns(engine).pause("acme")
    Turns(engine).pause("acme")  # harmless
    turns = Turns(engine)
    assert turns.paused_since("acme")
    assert turns.paused_since("globex") is None
    assert turns.take(9) == [("globex", other.id, 1)]
    assert (turns.waiting(), turns.able()) == (1, 0)
    turns.resume("acme")
    turns.resume("acme")  # harmless
    assert turns.paused_since("acme") is None
    assert [tenant for tenant, _, _ in turns.take(9)] == ["acme"]


def test_who_was_paused_for_long_is_not_served_in_a_row_afterwards(engine: Engine) -> None:
    turns = Turns(engine)
    for number in range(4):
        accept(engine, "paused", number)
    turns.pause("paused")
    for number in range(20):
        accept(engine, "busy", number)
    turns.take(12)
    turns.resume("paused")
    assert [tenant for tenant, _, _ in turns.take(6)].count("busy") == 3


class Fairness(RuleBasedStateMachine):
    """Between two documents of a waiting tenant no other one is served more than twice."""

    tenants = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite://")
        metadata.create_all(self.engine)
        self.turns = Turns(self.engine)
        self.waiting: Counter[str] = Counter()
        self.paused: set[str] = set()
        self.served: dict[str, Counter[str]] = defaultdict(Counter)  # while this one waited in vain
        self.number = 0

    @initialize(tenant=tenants)
    def one_has_sent_much(self, tenant: str) -> None:
        for _ in range(6):
            self.accepts(tenant)

    @rule(tenant=tenants)
    def accepts(self, tenant: str) -> None:
        self.number += 1
        accept(self.engine, tenant, self.number)
        self.waiting[tenant] += 1

    @rule(most=st.integers(1, 3))
    def takes(self, most: int) -> None:
        able = sum(number for tenant, number in self.waiting.items() if tenant not in self.paused)
        taken = self.turns.take(most)
        assert len(taken) == min(most, able)
        for tenant, _, _ in taken:
            assert tenant not in self.paused
            self.waiting[tenant] -= 1
            for other in ("a", "b", "c"):
                if other == tenant or not self.waiting[other] or other in self.paused:
                    self.served[other].clear()
                else:
                    self.served[other][tenant] += 1

    @rule(tenant=tenants)
    def pauses(self, tenant: str) -> None:
        self.turns.pause(tenant)
        self.paused.add(tenant)
        self.served[tenant].clear()

    @rule(tenant=tenants)
    def resumes(self, tenant: str) -> None:
        self.turns.resume(tenant)
        self.paused.discard(tenant)

    @invariant()
    def nobody_starves(self) -> None:
        for tenant, served in self.served.items():
            assert all(number <= 2 for number in served.values()), (tenant, served)

    @invariant()
    def the_counts_are_right(self) -> None:
        assert self.turns.waiting() == self.waiting.total()

    def teardown(self) -> None:
        self.engine.dispose()


TestFairness = Fairness.TestCase
TestFairness.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
