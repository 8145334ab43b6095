"""Cancel, retry, ingest, delete and restart in any order, against a plain model of what must be seen.

The stages of a job are done one by one, so that anything may come between any two of them.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.database import metadata, migrate, open_engine
from core.errors import NotFound, WrongStage
from ingest.pipeline import Pipeline, Stop
from ingest.reconcile import Reconciler
from rag.index.files import Job
from rag.index.turns import Turns
from tests.ingest.house import TENANT, House, memory_store

TEXTS = ("Margins fell. See the logo.", "Costs rose.", "Sales grew.")


class Work(Iterator[None]):
    """A job whose stages are done one at a time."""

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        self._stages = self._run(pipeline, job)

    def _run(self, pipeline: Pipeline, job: Job) -> Iterator[None]:
        artefact = pipeline.read(*job)
        yield
        counts = artefact and pipeline.index(*job, artefact)
        yield
        if counts:
            pipeline.publish(*job, artefact, counts)
            yield
        pipeline.sweep(*job, artefact)

    def __next__(self) -> None:
        return next(self._stages)


class Cancels(RuleBasedStateMachine):
    texts = st.sampled_from(TEXTS)

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        engine = open_engine(f"sqlite:///{self.folder.name}/sightline.db")
        metadata.create_all(engine)
        self.house = House(engine, Path(self.folder.name), memory_store())
        self.pipeline = self.house.open()
        self.turns = Turns(engine)
        self.works: list[Work] = []
        self.ids: dict[str, str] = {}

    @rule(text=texts)
    def sends(self, text: str) -> None:
        self.ids[text] = self.pipeline.accept(TENANT, f"{TEXTS.index(text)}.txt", text.encode()).id

    @rule()
    def begins(self) -> None:
        self.works += [Work(self.pipeline, Job(*one)) for one in self.turns.take(1)]

    @precondition(lambda self: self.works)
    @rule(data=st.data())
    def does_a_stage(self, data: st.DataObject) -> None:
        work = data.draw(st.sampled_from(self.works))
        if next(work, "done") == "done":
            self.works.remove(work)

    @rule(text=texts)
    def cancels(self, text: str) -> None:
        before = self._stage(text)
        try:
            self.house.catalog.cancel(TENANT, self.ids.get(text, "doc-gone"))
        except WrongStage:
            assert before in {"ready", "failed", "cancelled"}
        except NotFound:
            assert before is None
        else:
            assert self._stage(text) == "cancelled"

    @rule(text=texts)
    def retries(self, text: str) -> None:
        before = self._stage(text)
        try:
            self.house.catalog.queue_again(TENANT, self.ids.get(text, "doc-gone"), ("failed", "cancelled"))
        except WrongStage:
            assert before not in {"failed", "cancelled"}
        except NotFound:
            assert before is None
        else:
            assert self._stage(text) == "queued"

    @rule(text=texts)
    def deletes(self, text: str) -> None:
        with suppress(NotFound):
            self.pipeline.delete(TENANT, self.ids.get(text, "doc-gone"))

    def _stage(self, text: str) -> str | None:
        file = self.house.catalog.statuses(TENANT, [self.ids.get(text, "")])
        return next(iter(file.values())).status if file else None

    @invariant()
    def a_document_is_seen_wholly_or_not_at_all(self) -> None:
        for text, doc_id in self.ids.items():
            live = self.house.catalog.live(TENANT, [doc_id])
            found = self.house.found(text.split()[0].lower())
            assert found == ([text] if live else []), (text, live)

    def teardown(self) -> None:
        try:
            self._ends()
        finally:
            self.house.engine.dispose()
            self.folder.cleanup()

    def _ends(self) -> None:
        """When all work has ended nothing is left of what was cancelled, and everything adds up."""
        while taken := self.turns.take(9):
            self.works += [Work(self.pipeline, Job(*one)) for one in taken]
        for work in self.works:
            for _ in work:
                pass
        house = self.house
        reconciler = Reconciler(
            engine=house.engine,
            pipeline=self.pipeline,
            store=house.store,
            graph=house.graph,
            facts=house.facts,
            keys=house.keys,
            media=house.media,
        )
        assert reconciler.run().findings == ()
        for file in house.catalog.list_files(TENANT):
            assert file.finished
            assert (file.live_version is not None) == bool(house.store.count(TENANT, file.id))
            assert house.media.exists(TENANT, file.content_hash)


TestCancels = Cancels.TestCase
TestCancels.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_cancelled_version_leaves_the_live_one_and_its_content(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'sightline.db'}")
    migrate(engine)
    house = House(engine, tmp_path, memory_store())
    live = house.ingest("a.txt", TEXTS[0])
    pipeline = house.open()
    again = pipeline.accept(TENANT, "a.txt", TEXTS[0].encode(), frozenset({"board"}))
    job = Job(TENANT, again.id, again.version)
    artefact = pipeline.read(*job)
    assert pipeline.index(*job, artefact)
    house.catalog.cancel(TENANT, again.id)
    pipeline.sweep(*job, artefact)
    assert house.store.census(TENANT) == {(live.id, 1): live.chunks}
    assert house.found("margins") == [TEXTS[0]]
    assert len(list(house.media.keys(TENANT))) == 2
    engine.dispose()


@pytest.mark.parametrize("wanted", [True, False])
def test_reading_asks_once_in_a_while_whether_it_is_wanted(*, wanted: bool) -> None:
    now, asked = [0.0], []
    stopping = Event()

    def is_wanted() -> bool:
        asked.append(now[0])
        return wanted

    stop = Stop(stopping, is_wanted, every=1.0, clock=lambda: now[0])
    told: list[Any] = []
    for moment in (0.5, 0.9, 1.0, 1.5, 2.0, 2.1):
        now[0] = moment
        told.append(stop.is_set())
    assert asked == [1.0, 2.0]
    assert told[2] is told[4] is (not wanted)
    stopping.set()
    assert stop.is_set()
