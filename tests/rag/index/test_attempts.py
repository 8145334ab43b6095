"""The log of what ended work on a document before it was done."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from core.database import migrate, open_engine
from core.ids import content_hash
from core.types import PUBLIC
from rag.index.attempts import DIED, LONGEST, AttemptLog
from rag.index.catalog import Catalog
from rag.index.files import Job


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def job(engine: Engine) -> Job:
    file = Catalog(engine).accept("acme", "a.pdf", content_hash(b"A"), 1, PUBLIC).file
    return Job("acme", file.id, file.version)


def test_an_attempt_that_succeeds_leaves_no_line(engine: Engine, job: Job) -> None:
    log = AttemptLog(engine)
    assert log.begin(job) == log.count(job) == 1
    assert log.of(job.doc_id) == []


def test_the_next_attempt_notes_where_the_process_died(engine: Engine, job: Job) -> None:
    log, catalog = AttemptLog(engine), Catalog(engine)
    log.begin(job)
    last_sign = catalog.start(job, "indexing")
    assert last_sign
    assert log.begin(job) == 2
    (line,) = log.of(job.doc_id)
    assert (line.version, line.stage, line.ended_at, line.reason) == (
        1, "indexing", last_sign.updated_at, DIED,
    )  # fmt: skip


def test_an_interrupted_attempt_does_not_count(engine: Engine, job: Job) -> None:
    log = AttemptLog(engine)
    log.begin(job)
    log.take_back(job)
    assert log.begin(job) == 1
    assert log.of(job.doc_id) == []


def test_a_failed_try_is_noted_with_its_reason_as_far_as_a_database_takes_it(
    engine: Engine, job: Job
) -> None:
    log = AttemptLog(engine)
    log.note(job, "publishing", "the disk\0 is full" + "!" * LONGEST)
    log.note(Job("acme", "doc-gone", 1), "publishing", "nobody asks any more")
    (line,) = log.of(job.doc_id)
    assert line.reason.startswith("the disk is full!!")
    assert len(line.reason) == LONGEST
    assert log.of("doc-gone") == []


def test_the_log_goes_when_a_newer_version_is_live(engine: Engine, job: Job) -> None:
    log, catalog = AttemptLog(engine), Catalog(engine)
    log.note(job, "reading", "killed")
    with catalog.releasing("acme", job.doc_id, before_version=2):
        assert len(log.of(job.doc_id)) == 1
    assert log.of(job.doc_id) == []


def test_each_version_is_counted_by_itself_and_unwanted_ones_not(engine: Engine, job: Job) -> None:
    log, catalog = AttemptLog(engine), Catalog(engine)
    log.begin(job)
    catalog.fail(job, "broken")
    assert log.begin(job) == 0
    again = catalog.queue_again("acme", job.doc_id, ["failed"])
    assert log.begin(job) == 0
    assert log.begin(Job("acme", again.id, again.version)) == 1
