import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest
from sqlalchemy import select, table, update
from sqlalchemy.sql import column

from core.database import migrate, open_engine, reading
from core.errors import BackendError, StateInUse
from core.types import PUBLIC, Block, Content, Document, Page
from ingest.care import ABANDONED, TAKEN
from ingest.jobs import AT_ONCE, MAX_ATTEMPTS, Jobs
from ingest.pipeline import Pipeline
from ingest.sandbox import Interrupted, Stop
from ingest.workflows import TRIES
from rag.index.attempts import DIED, AttemptLog
from rag.index.files import FileStatus
from rag.index.sparse import LexicalEncoder
from rag.index.store import open_store
from rag.index.tables import documents
from rag.index.turns import Turns
from tests.ingest import doomed
from tests.ingest.house import LOGO, SPACES, TENANT, House, doc_id, job, memory_store, read_pages

ROOT = Path(__file__).parents[2]
# What does not touch the database's own ways is tried on one.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PATIENCE = 60.0  # seconds after which a test gives up


@pytest.fixture
def house(database: str, tmp_path: Path) -> Iterator[House]:
    engine = open_engine(database)
    migrate(engine)
    yield House(engine, tmp_path, memory_store())
    engine.dispose()


@contextmanager
def working(house: House, database: str, pipeline: Pipeline | None = None) -> Iterator[tuple[Jobs, Pipeline]]:
    """A running process over the house."""
    pipeline = pipeline or house.open()
    jobs = Jobs(pipeline, url=database, state=house.folder)
    jobs.start()
    try:
        yield jobs, pipeline
    finally:
        jobs.stop()


def test_jobs_take_accepted_files_to_the_index_and_tell_of_each_change(house: House, database: str) -> None:
    told: list[FileStatus] = []
    with working(house, database) as (jobs, pipeline):
        files = [pipeline.accept(TENANT, f"{n}.txt", f"Margins fell by {n}.".encode()) for n in range(3)]
        files.append(pipeline.accept(TENANT, "locked.txt", b"locked"))
        jobs.enqueue(*files)
        jobs.enqueue(*files)  # harmless
        ended = jobs.wait(TENANT, [file.id for file in files], told.append, timeout=PATIENCE)
    assert [ended[file.id].status for file in files] == ["ready", "ready", "ready", "failed"]
    assert ended[files[3].id].reason == "the file needs a password"
    assert len(house.found("margin")) == 3
    assert {file.status for file in told} >= {"ready", "failed"}
    assert {file.id for file in told} == {file.id for file in files}
    _check_that_nothing_is_pickled(house)


@on_sqlite
def test_waiting_for_files_that_are_finished_or_gone_ends_at_once(house: House, database: str) -> None:
    ready = house.ingest("a.txt", "Margins fell.")
    with working(house, database) as (jobs, _):
        assert jobs.wait(TENANT, [ready.id, "doc-gone"], timeout=PATIENCE) == {ready.id: ready}
        assert jobs.wait("globex", [ready.id], timeout=PATIENCE) == {}


@on_sqlite
def test_waiting_ends_with_its_timeout(house: House, database: str) -> None:
    never = Event()
    house.reader = _held(never, Event())
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(file)
        with pytest.raises(TimeoutError, match="1 of 1 files"):
            jobs.wait(TENANT, [file.id], timeout=0.01)
        never.set()


@on_sqlite
def test_a_store_that_fails_once_is_asked_again(house: House, database: str) -> None:
    flush, failures = house.store.flush, [BackendError("the disk is full")]

    def flaky() -> None:
        flush()
        if failures:
            raise failures.pop()

    house.store.flush = flaky
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(file)
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert (ended.status, ended.chunks) == ("ready", 1)
    assert house.store.count(TENANT) == 1


@on_sqlite
def test_a_document_whose_points_are_not_all_there_fails_with_the_numbers(
    house: House, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    census = house.store.census
    house.store.census = lambda *asked: {one: points - 1 for one, points in census(*asked).items()}
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(file)
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
        jobs.drain(timeout=PATIENCE)
    assert ended.status == "failed"
    assert ended.reason == f"the index holds 0 of the 1 passages of {file.id!r}"
    assert house.store.count(TENANT) == 0
    assert "BackendError" in caplog.text


@on_sqlite
def test_what_keeps_failing_marks_the_document_with_the_reason_and_the_others_go_on(
    house: House, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def defective(path: Path, **options: Any) -> Content:
        if "defect" in path.read_text():
            raise ZeroDivisionError("division by zero")
        return read_pages(path, **options)

    house.reader = defective
    with working(house, database) as (jobs, pipeline):
        files = [pipeline.accept(TENANT, f"{name}.txt", name.encode()) for name in ("defect", "margins")]
        jobs.enqueue(*files)
        bad, good = (jobs.wait(TENANT, [file.id], timeout=PATIENCE)[file.id] for file in files)
    assert (bad.status, bad.reason) == ("failed", "internal error: ZeroDivisionError: division by zero")
    assert good.status == "ready"
    assert "ZeroDivisionError" in caplog.text


def test_a_file_that_was_accepted_but_never_queued_is_taken_up_at_the_next_start(
    house: House, database: str
) -> None:
    file = house.open().accept(TENANT, "a.txt", b"Margins fell.")
    with working(house, database) as (jobs, _):
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert ended.status == "ready"


@on_sqlite
def test_a_file_that_was_taken_but_never_begun_is_begun_at_the_next_start(
    house: House, database: str
) -> None:
    file = house.open().accept(TENANT, "a.txt", b"Margins fell.")
    assert Turns(house.engine).take(1)
    long_ago = datetime.now(UTC) - 2 * TAKEN
    with house.engine.begin() as connection:
        connection.execute(update(documents).values(updated_at=long_ago))
    with working(house, database) as (jobs, _):
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert ended.status == "ready"


@on_sqlite
def test_a_removal_that_was_cut_off_is_finished_at_the_next_start(house: House, database: str) -> None:
    ready = house.ingest("a.txt", "Margins fell. See the logo.")
    house.catalog.retire(TENANT, ready.id)
    with working(house, database):
        assert house.store.count(TENANT) == 0
        assert list(house.media.keys(TENANT)) == []


@on_sqlite
def test_records_whose_indexing_was_cut_off_are_failed_with_the_reason(house: House, database: str) -> None:
    content = Content("text/plain", (Page(1, (Block("text", "words"),)),))
    record = Document("doc-1", TENANT, "corpus/1", 1, "Record", PUBLIC, content)
    flush = house.store.flush

    def dies() -> None:
        raise KeyboardInterrupt

    house.store.flush = dies
    with pytest.raises(KeyboardInterrupt):
        house.open().index_documents([record])
    house.store.flush = flush
    long_ago = datetime.now(UTC) - 2 * ABANDONED
    with house.engine.begin() as connection:
        connection.execute(update(documents).values(updated_at=long_ago))
    with working(house, database):
        failed = house.catalog.get(TENANT, "doc-1")
    assert (failed.status, failed.reason) == ("failed", "indexing was interrupted; send the record again")


def test_a_stopped_process_leaves_its_work_to_the_next_and_it_is_not_held_against_the_file(
    house: House, database: str
) -> None:
    begun = Event()
    house.reader = _endless(begun)
    file = house.open().accept(TENANT, "a.txt", b"Margins fell.")
    with working(house, database):
        assert begun.wait(PATIENCE)
    assert house.catalog.get(TENANT, file.id).status == "reading"
    assert AttemptLog(house.engine).count(job(file)) == 0
    house.reader = read_pages
    with working(house, database) as (jobs, _):
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert ended.status == "ready"


@on_sqlite
def test_a_file_that_takes_the_process_with_it_again_and_again_is_given_up(
    house: House, database: str
) -> None:
    file = house.open().accept(TENANT, "a.txt", b"Margins fell.")
    log = AttemptLog(house.engine)
    for _ in range(MAX_ATTEMPTS):
        log.begin(job(file))
    with working(house, database) as (jobs, _):
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert ended.status == "failed"
    assert ended.reason == f"given up: the process ended {MAX_ATTEMPTS} times while it worked on this file"
    told = [(one.version, one.stage, one.reason) for one in log.of(file.id)]
    assert told == [(1, "queued", DIED)] * (MAX_ATTEMPTS - 1) + [(1, "reading", DIED)]


@on_sqlite
def test_a_reader_that_is_killed_again_and_again_fails_the_file_with_the_log_of_its_tries(
    house: House, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def killed(path: Path, **options: Any) -> Content:
        raise BackendError("reading was killed")

    house.reader = killed
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(file)
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
        told = [(one.version, one.stage, one.reason) for one in jobs.attempts.of(file.id)]
    assert (ended.status, ended.reason) == ("failed", "reading was killed")
    assert told == [(1, "reading", "reading was killed")] * TRIES
    assert "BackendError" in caplog.text


@on_sqlite
def test_a_file_that_may_kill_its_process_is_worked_on_with_no_other_suspect_beside_it(
    house: House, database: str
) -> None:
    at_once = most = 0
    lock = Lock()

    def counted(path: Path, **options: Any) -> Content:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        content = read_pages(path, **options)
        with lock:
            at_once -= 1
        return content

    house.reader = counted
    pipeline, log = house.open(), AttemptLog(house.engine)
    files = [pipeline.accept(TENANT, f"{n}.txt", f"Margins fell by {n}.".encode()) for n in range(6)]
    for file in files:
        log.begin(job(file))
    with working(house, database, pipeline) as (jobs, _):
        ended = jobs.wait(TENANT, [file.id for file in files], timeout=PATIENCE)
    assert {file.status for file in ended.values()} == {"ready"}
    assert most == 1
    assert [one.reason for one in log.of(files[0].id)] == [DIED]


@on_sqlite
def test_a_file_that_is_cancelled_while_it_is_read_stops_and_leaves_nothing(
    house: House, database: str
) -> None:
    begun = Event()
    house.reader = _endless(begun)
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell. See the logo.")
        jobs.enqueue(file)
        assert begun.wait(PATIENCE)
        house.catalog.cancel(TENANT, file.id)
        jobs.drain(timeout=PATIENCE)
        assert house.catalog.get(TENANT, file.id).status == "cancelled"
        assert list(house.media.keys(TENANT)) == [file.content_hash]
        assert house.store.count(TENANT) == 0
        pipeline._read_file = read_pages
        again = house.catalog.queue_again(TENANT, file.id, ["cancelled"])
        jobs.enqueue(again)
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
    assert (ended.status, ended.version) == ("ready", 2)


@on_sqlite
def test_a_file_that_is_deleted_while_it_is_read_stops(house: House, database: str) -> None:
    begun = Event()
    house.reader = _endless(begun)
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(file)
        assert begun.wait(PATIENCE)
        pipeline.delete(TENANT, file.id)
        jobs.drain(timeout=PATIENCE)
    assert list(house.media.keys(TENANT)) == []


@on_sqlite
def test_a_pause_holds_what_waits_over_a_restart_until_it_ends(house: House, database: str) -> None:
    Turns(house.engine).pause(TENANT)
    with working(house, database) as (jobs, pipeline):
        held = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        free = pipeline.accept("globex", "a.txt", b"Costs rose.")
        jobs.enqueue(held, free)
        jobs.wait("globex", [free.id], timeout=PATIENCE)
        jobs.drain(timeout=PATIENCE)  # what is paused is not waited for
    with working(house, database) as (jobs, _):
        jobs.drain(timeout=PATIENCE)
        assert house.catalog.get(TENANT, held.id).status == "queued"
        jobs.turns.resume(TENANT)
        jobs.enqueue()
        (ended,) = jobs.wait(TENANT, [held.id], timeout=PATIENCE).values()
    assert ended.status == "ready"


@on_sqlite
def test_the_single_file_of_one_tenant_does_not_wait_for_all_of_another(house: House, database: str) -> None:
    order: list[str] = []

    def noted(path: Path, *, name: str, **options: Any) -> Content:
        order.append(name)
        return read_pages(path, name=name, **options)

    house.reader = noted
    pipeline = house.open()
    for number in range(40):
        pipeline.accept(TENANT, f"{number}.txt", f"Margins fell by {number}.".encode())
    single = pipeline.accept("globex", "single.txt", b"Costs rose.")
    with working(house, database, pipeline) as (jobs, _):
        jobs.wait("globex", [single.id], timeout=PATIENCE)
    assert order.index("single.txt") < 2 * AT_ONCE


@on_sqlite
def test_only_one_set_of_jobs_runs_in_a_process(house: House, database: str) -> None:
    with working(house, database), pytest.raises(StateInUse):
        Jobs(house.open(), url=database, state=house.folder).start()


@pytest.mark.parametrize(
    ("database", "gate"),
    [
        ("sqlite", "read"),
        ("sqlite", "upsert"),
        ("sqlite", "releasing_blobs"),
        pytest.param("postgres", "upsert", marks=pytest.mark.postgres),
    ],
    indirect=["database"],
)
def test_the_work_of_a_killed_process_goes_on_where_it_was(database: str, tmp_path: Path, gate: str) -> None:
    command = [sys.executable, "-m", "tests.ingest.doomed", database, str(tmp_path), gate]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "at the gate\n"
        worker.send_signal(signal.SIGKILL)
    file_id = doc_id(doomed.TEXT)

    engine = open_engine(database)
    store = open_store(
        folder=tmp_path / "vectors", url="", api_key="", spaces=SPACES, words=LexicalEncoder().name
    )
    house = House(engine, tmp_path, store)
    live_before = house.catalog.live(TENANT, [file_id])
    assert live_before == ({file_id: 1} if gate == "releasing_blobs" else {})
    house.reader = doomed.logged(read_pages, tmp_path)
    with working(house, database) as (jobs, pipeline):
        file = pipeline.accept(TENANT, "a.txt", doomed.TEXT.encode())
        (ended,) = jobs.wait(TENANT, [file.id], timeout=PATIENCE).values()
        jobs.drain(timeout=PATIENCE)
    assert (ended.status, ended.version, ended.chunks) == ("ready", 1, store.count(TENANT, file.id, 1))
    assert house.found("margins") == ["Margins fell. See the logo."]
    assert (tmp_path / "reads").read_text() == "read\n"  # what was done is not done again
    logo = hashlib.sha256(LOGO).hexdigest()
    assert set(house.media.keys(TENANT)) == {ended.content_hash, logo}  # the artefact is gone
    store.close()
    engine.dispose()


# ---------------------------------------------------------------- helpers


def _held(go_on: Event, begun: Event) -> Callable[..., Content]:
    def read(path: Path, **options: Any) -> Content:
        begun.set()
        assert go_on.wait(PATIENCE)
        return read_pages(path, **options)

    return read


def _endless(begun: Event) -> Callable[..., Content]:
    """Reads until it is told to stop, as a child process would."""

    def read(path: Path, *, stop: Stop, **options: Any) -> Content:
        begun.set()
        while not stop.is_set():
            never.wait(0.01)
        raise Interrupted

    never = Event()
    return read


def _check_that_nothing_is_pickled(house: House) -> None:
    """A pickle in the database would be code for whoever can write there."""
    schema = "dbos" if house.engine.dialect.name == "postgresql" else None
    with reading(house.engine) as connection:
        for name in ("workflow_status", "operation_outputs"):
            rows = (
                connection.execute(select(table(name, column("serialization"), schema=schema)))
                .scalars()
                .all()
            )
            assert rows
            assert set(rows) == {"portable_json"}
        outputs = table("operation_outputs", column("output"), schema=schema)
        for output in connection.execute(select(outputs)).scalars():
            json.loads(output)


@on_sqlite
def test_while_the_jobs_are_held_nothing_is_in_work(house: House, database: str) -> None:
    go_on, begun = Event(), Event()
    house.reader = _held(go_on, begun)
    seen: list[tuple[str, str]] = []
    with working(house, database) as (jobs, pipeline):
        first = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
        jobs.enqueue(first)
        assert begun.wait(PATIENCE)

        def alone() -> None:
            with jobs.held():
                second = pipeline.accept(TENANT, "b.txt", b"Costs rose.")
                jobs.enqueue(second)
                jobs._feed()
                seen.extend((file.source, file.status) for file in house.catalog.list_files(TENANT))

        holder = Thread(target=alone)
        holder.start()
        go_on.set()
        holder.join(PATIENCE)
        jobs.drain(timeout=PATIENCE)
        ended = {file.status for file in house.catalog.list_files(TENANT)}
    assert seen == [("b.txt", "queued"), ("a.txt", "ready")]
    assert ended == {"ready"}
