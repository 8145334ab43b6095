"""Durable jobs: each stage of the write path is a step that is not forgotten.

The only module that knows DBOS. What was accepted waits in the catalogue until it is its turn
(`rag/index/turns.py`); a thread of each process takes what is next when it has a place free. A job is one
version of one document; its workflow id says so, which makes beginning twice harmless. Steps are recorded
in the same database as the catalogue; what a process that died had begun goes on in another one, at the
first step that was not recorded.

A document that was in work when a process died is suspect: from its second attempt on it is worked on
with no other suspect beside it, so that a file which kills its process takes no other with it for long.

What is not used of DBOS: its Conductor and whatever else needs a key, its telemetry, its pickles (JSON
only), and its recovery by version hash and process name (the version is ours; see `leases.py`).
"""

import logging
import os
import platform
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from time import monotonic, sleep
from traceback import format_tb
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, create_engine, event, make_url

from core.database import configure_sqlite
from core.errors import BackendError, SightlineError, StateInUse
from ingest.crashpoints import Reached, nothing
from ingest.leases import open_leases
from ingest.pipeline import Pipeline
from ingest.sandbox import Interrupted
from rag.index.attempts import AttemptLog
from rag.index.files import FileStatus, Job
from rag.index.turns import Turns

VERSION = "ingest-1"  # of the order of the steps; a job ends under the version under which it began
QUEUE = "ingest"  # of what is resumed
AT_ONCE = 4  # documents in work: two are read, one is embedded, one is published
MAX_ATTEMPTS = 5  # how often a document may take the whole process with it
TRIES = 3  # of a step, when a store or a database fails
PAUSE = 0.5  # seconds before the second try; twice as long before each further one
POLL = 0.2  # seconds between looks at what is waited for
LOOK = 1.0  # seconds between looks for what other processes accepted or left
CARE = 5.0  # seconds between looks for dead workers
ROUNDS = 12  # of these, between looks for jobs to forget
ENDED = ["SUCCESS", "ERROR", "CANCELLED"]
LOOKED_UP = 500  # jobs in one query
ABANDONED = timedelta(hours=1)  # after which records that nobody indexes are given up
TAKEN = timedelta(seconds=1)  # within which a document that was taken is begun
STAGES = {"read": "reading", "index": "indexing", "publish": "publishing", "sweep": "sweeping"}
KEEP = timedelta(days=1)  # for which a finished job is remembered

log = logging.getLogger(__name__)

_one_in_a_process = Lock()  # DBOS is a singleton


class Jobs:
    """Works on accepted files, in threads of this process. `start`, then `stop`, once each."""

    def __init__(self, pipeline: Pipeline, *, url: str, state: Path, reached: Reached = nothing) -> None:
        self._pipeline = pipeline
        self._reached = reached
        self._catalog = pipeline.catalog
        self._url = url
        self._worker = f"{platform.node()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._leases = open_leases(self._catalog.engine, state / "workers")
        self._engine: Engine | None = None
        self._ingest: Callable[[str, str, int], None] | None = None
        self.turns = Turns(self._catalog.engine)
        self.attempts = AttemptLog(self._catalog.engine)
        self._begun: set[Job] = set()  # handed to the engine, not in work yet
        self._in_work: set[Job] = set()
        self._interrupted: set[str] = set()  # workflow ids: they stay begun, for the next process
        self._holds = 0  # how many want that nothing begins
        self._places = Condition()  # who changes these three holds it
        self._suspects = Lock()
        self._stopping = Event()
        self._wake = Event()
        self._feeder = Thread(target=self._keep_feeding, name="jobs-feed", daemon=True)
        self._carer = Thread(target=self._keep_caring, name="jobs-care", daemon=True)

    def start(self) -> None:
        """Begins with what was left unfinished, by this process or by one that died."""
        if not _one_in_a_process.acquire(blocking=False):
            raise StateInUse("jobs already run in this process")
        try:
            self._leases.take(self._worker)
            self._pipeline.tidy()
            self._launch()
            self._revive()
            self._adopt()
        except BaseException:
            _one_in_a_process.release()
            raise
        self._carer.start()
        self._feeder.start()

    def enqueue(self, *_files: FileStatus) -> None:
        """Tells the worker of files that were accepted, or may go on: it need not find them by itself."""
        self._wake.set()

    def wait(
        self,
        tenant: str,
        doc_ids: Collection[str],
        on_change: Callable[[FileStatus], None] = lambda _file: None,
        *,
        timeout: float | None = None,
    ) -> dict[str, FileStatus]:
        """Returns when each of the files is ready, failed or gone, or the jobs are stopped.

        `on_change` is told what each look finds changed, the first look included. Raises TimeoutError
        after `timeout` seconds.
        """
        deadline = None if timeout is None else monotonic() + timeout
        files: dict[str, FileStatus] = {}
        unfinished = set(doc_ids)
        while True:
            found = self._catalog.statuses(tenant, unfinished)
            for doc_id, file in found.items():
                if files.get(doc_id) != file:
                    on_change(file)
            gone = unfinished - found.keys()
            files = {doc_id: file for doc_id, file in (files | found).items() if doc_id not in gone}
            unfinished = {doc_id for doc_id, file in found.items() if not file.finished}
            if not unfinished:
                return files
            if deadline is not None and monotonic() > deadline:
                message = (
                    f"{len(unfinished)} of {len(doc_ids)} files are not finished after {timeout} seconds"
                )
                raise TimeoutError(message)
            # Asking after thousands must not cost what the work costs.
            if self._stopping.wait(POLL + len(unfinished) / 1000):
                return files

    def depth(self) -> int:
        """How many documents wait or are in work, in all processes; paused ones do not count."""
        from dbos import DBOS

        with self._places:  # or one that is just being taken would be in none of the three
            able, begun = self.turns.able(), len(self._begun)
        status = ["ENQUEUED", "PENDING"]
        known = DBOS.list_workflows(name="ingest", status=status, load_input=False, load_output=False)
        return able + begun + len(known)

    def drain(self, *, timeout: float | None = None) -> None:
        """Returns when nothing waits and nothing is in work, or the jobs are stopped.

        Raises TimeoutError after `timeout` seconds.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while left := self.depth():
            if deadline is not None and monotonic() > deadline:
                raise TimeoutError(f"{left} jobs are left after {timeout} seconds")
            if self._stopping.wait(POLL):
                return

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is in work in this process goes to its end, and nothing begins until the block is left."""
        with self._places:
            self._holds += 1
            self._places.wait_for(lambda: not self._in_work and not self._begun)
        try:
            yield
        finally:
            with self._places:
                self._holds -= 1
                self._places.notify_all()
            self._wake.set()

    def stop(self) -> None:
        """Stops at the next batch of each document; what is unfinished goes on at the next start."""
        from dbos import DBOS

        self._stopping.set()
        self._wake.set()
        self._feeder.join()
        self._pipeline.interrupt()
        with self._places:
            self._places.notify_all()
            self._places.wait_for(lambda: not self._in_work)
        self._carer.join()
        self._wait_for_records()
        DBOS.destroy(destroy_registry=True)
        if self._engine:
            self._engine.dispose()
        self._leases.close()
        _one_in_a_process.release()

    def _wait_for_records(self) -> None:
        """Until DBOS has written how the jobs ended that ended here.

        A thread of it that still writes when its database is gone tries for ever, and no process can
        end before its threads.
        """
        from dbos import DBOS

        deadline = monotonic() + 5
        while monotonic() < deadline:
            begun = DBOS.list_workflows(
                name="ingest", status="PENDING", executor_id=self._worker, load_input=False, load_output=False
            )
            if {job.workflow_id for job in begun} <= self._interrupted:
                return
            sleep(0.02)

    # ------------------------------------------------------------ whose turn it is

    def _keep_feeding(self) -> None:
        while not self._stopping.is_set():
            try:
                self._feed()
            except Exception:
                # The database may be away for a while; the next look sees.
                log.exception("taking what is next")
            self._wake.wait(LOOK)
            self._wake.clear()

    def _feed(self) -> None:
        """Takes as many documents as there are places."""
        while not self._stopping.is_set():
            with self._places:
                free = 0 if self._holds else AT_ONCE - len(self._begun) - len(self._in_work)
                jobs = [Job(*one) for one in self.turns.take(free)]
                self._begun.update(jobs)
            for job in jobs:
                self._reached("after_take")
                self._begin(job)
            if not jobs:
                return

    def _begin(self, job: Job) -> None:
        """Hands a job to the engine, which does nothing if it knows it already."""
        from dbos import DBOS, SetWorkflowID

        assert self._ingest, "start() comes first"
        with SetWorkflowID(_workflow_id(job.doc_id, job.version)):
            DBOS.start_workflow(self._ingest, *job)

    # ------------------------------------------------------------ one job

    def _work(self, job: Job) -> None:
        """Whatever happens, the catalogue knows how the document ended."""
        with self._places:
            if job not in self._begun:  # it was resumed; what was begun here is waited for
                self._places.wait_for(lambda: not self._holds or self._stopping.is_set())
            self._begun.discard(job)
            self._in_work.add(job)
        try:
            self._attempt(job)
        except Exception as error:  # noqa: BLE001 the edge of a job: the reason goes into the catalogue
            # Where it was raised, not what it says: that may quote the document.
            where = "".join(format_tb(error.__traceback__))
            kind = type(error).__name__
            log.error("document %s, version %d: %s\n%s", job.doc_id, job.version, kind, where)  # noqa: TRY400
            self._catalog.fail(job, _reason(error))
            self._step(self._pipeline.sweep, *job)
        finally:
            with self._places:
                self._in_work.discard(job)
                self._places.notify_all()
            self._wake.set()

    def _attempt(self, job: Job) -> None:
        with self._alone() if self.attempts.count(job) else nullcontext():
            # `stop` waits for what is in work; nothing may begin behind its back.
            if self._stopping.is_set():
                self._interrupted.add(_workflow_id(job.doc_id, job.version))
                raise Interrupted
            if self.attempts.begin(job) > MAX_ATTEMPTS:
                reason = f"given up: the process ended {MAX_ATTEMPTS} times while it worked on this file"
                self._catalog.fail(job, reason)
                self._step(self._pipeline.sweep, *job)
                return
            try:
                self._pipeline.run(job, self._step)
            except Interrupted:
                self._interrupted.add(_workflow_id(job.doc_id, job.version))
                self.attempts.take_back(job)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Beside no other suspect, unless the process is stopping."""
        taken = False
        while not taken and not self._stopping.is_set():
            taken = self._suspects.acquire(timeout=POLL)
        try:
            yield
        finally:
            if taken:
                self._suspects.release()

    def _step(self, stage: Callable[..., Any], *arguments: Any) -> Any:
        from dbos import DBOS, StepOptions

        options = StepOptions(
            name=stage.__name__,
            retries_allowed=True,
            max_attempts=TRIES,
            interval_seconds=PAUSE,
            should_retry=lambda error: isinstance(error, BackendError),
        )

        def tried(tenant: str, doc_id: str, version: int, *rest: Any) -> Any:
            try:
                return stage(tenant, doc_id, version, *rest)
            except BackendError as error:
                self.attempts.note(Job(tenant, doc_id, version), STAGES[stage.__name__], error.message)
                raise

        return DBOS.run_step(options, tried, *arguments)

    # ------------------------------------------------------------ the engine

    def _launch(self) -> None:
        from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

        # DBOS writes to the console unless its logger has a handler.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        url = make_url(self._url)
        if url.get_backend_name() == "sqlite":
            self._engine = _sqlite_engine(self._url)
        config = DBOSConfig(
            name="sightline",
            system_database_url=self._url,
            system_database_engine=self._engine,
            application_version=VERSION,
            executor_id=self._worker,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            enable_otlp=False,
            notification_listener_polling_interval_sec=POLL,
        )
        DBOS(config=config)

        # Attempts are counted in the catalogue: DBOS forgets its count when a job is resumed.
        @DBOS.workflow(name="ingest", max_recovery_attempts=None)
        def ingest(tenant: str, doc_id: str, version: int) -> None:
            self._work(Job(tenant, doc_id, version))

        self._ingest = ingest
        DBOS.launch()
        DBOS.register_queue(
            QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=LOOK, on_conflict="always_update"
        )

    # ------------------------------------------------------------ what dead processes left

    def _keep_caring(self) -> None:
        for round_ in count(1):
            if self._stopping.wait(CARE):
                return
            try:
                self._revive()
                self._adopt()
                if round_ % ROUNDS == 0:
                    self._forget()
                    self._forget_the_gone()
            except Exception:
                # The database may be away for a while; the next round sees.
                log.exception("looking after the jobs")

    def _revive(self) -> None:
        """Puts the jobs of workers that are no more back into the queue."""
        from dbos import DBOS

        begun = DBOS.list_workflows(name="ingest", status="PENDING", load_input=False, load_output=False)
        self._forget_begun({job.workflow_id for job in begun if job.executor_id == self._worker})
        for worker in sorted({job.executor_id for job in begun if job.executor_id} - {self._worker}):
            if self._leases.take(worker):
                left = [job.workflow_id for job in begun if job.executor_id == worker]
                log.warning("worker %s is gone; %d jobs go on here", worker, len(left))
                DBOS.resume_workflows(left, queue_name=QUEUE)
                self._leases.release(worker)

    def _forget_begun(self, known: set[str]) -> None:
        """A job that another process had begun before takes no place here."""
        with self._places:
            self._begun = {job for job in self._begun if _workflow_id(job.doc_id, job.version) in known}
            self._places.notify_all()

    def _adopt(self) -> None:
        """Begins what was taken and has no job, and closes what no job will finish."""
        from dbos import DBOS

        unfinished = self._catalog.in_work()
        for start in range(0, len(unfinished), LOOKED_UP):
            files = unfinished[start : start + LOOKED_UP]
            ids = [_workflow_id(file.id, file.version) for file in files]
            known = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
            status = {job.workflow_id: job.status for job in known}
            for file in files:
                self._adopt_one(file, status.get(_workflow_id(file.id, file.version), ""))

    def _adopt_one(self, file: FileStatus, status: str) -> None:
        """`status` is that of the file's job, "" where there is none."""
        job = Job(file.tenant, file.id, file.version)
        if not file.content_hash:
            if file.updated_at < datetime.now(UTC) - ABANDONED:
                self._catalog.fail(job, "indexing was interrupted; send the record again")
        elif not status:
            # Unless whoever took it is just about to begin.
            if file.updated_at < datetime.now(UTC) - TAKEN:
                self._begin(job)
        elif status in {"SUCCESS", "ERROR", "CANCELLED"}:
            # Changes nothing if the file was finished since it was listed.
            self._catalog.fail(job, "its job ended without a result; send the file again")

    def forget(self, *doc_ids: str) -> int:
        """Deletes the records of the jobs of documents that are gone; how many there were.

        Those that are in work are needed to clear up behind them, and go a while after their end.
        """
        from dbos import DBOS

        removed = 0
        for doc_id in doc_ids:
            jobs = DBOS.list_workflows(
                name="ingest",
                workflow_id_prefix=f"{doc_id}:",
                status=ENDED,
                load_input=False,
                load_output=False,
            )
            removed += len(jobs)
            if jobs:
                DBOS.delete_workflows([job.workflow_id for job in jobs])
        return removed

    def _forget_the_gone(self) -> None:
        """The jobs of documents that were deleted while they were in work."""
        from dbos import DBOS

        ended = DBOS.list_workflows(
            name="ingest", status=ENDED, limit=LOOKED_UP, sort_desc=True, load_input=False, load_output=False
        )
        documents = {job.workflow_id.rpartition(":")[0] for job in ended}
        self.forget(*sorted(documents - self._catalog.known(documents)))

    def _forget(self) -> None:
        """Deletes the records of jobs that ended long ago: DBOS keeps them for ever."""
        from dbos import DBOS

        before = (datetime.now(UTC) - KEEP).isoformat()
        ended = DBOS.list_workflows(
            name="ingest", completed_before=before, limit=LOOKED_UP, load_input=False, load_output=False
        )
        if ended:
            DBOS.delete_workflows([job.workflow_id for job in ended])


def _sqlite_engine(url: str) -> Engine:
    """As `core.database` opens it, but for DBOS, which begins its transactions itself."""
    engine = create_engine(url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        configure_sqlite(connection)
        connection.isolation_level = "IMMEDIATE"

    return engine


def _workflow_id(doc_id: str, version: int) -> str:
    return f"{doc_id}:{version}"


def _reason(error: Exception) -> str:
    """What a person is told of a failure that does not lie in the file."""
    from dbos import error as dbos_error

    if isinstance(error, dbos_error.DBOSMaxStepRetriesExceeded):
        error = error.errors[-1]
    if isinstance(error, SightlineError):
        return error.message
    return f"internal error: {type(error).__name__}: {str(error)[:300]}"
