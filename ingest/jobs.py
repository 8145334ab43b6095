"""Durable jobs: each stage of the write path is a step that is not forgotten.

What was accepted waits in the catalogue until it is its turn (`rag/index/turns.py`); a thread of each
process takes what is next when it has a place free. A job is one version of one document; how its steps
are kept is in `workflows.py`, what becomes of those of dead processes in `care.py`.

A document that was in work when a process died is suspect: from its second attempt on it is worked on
with no other suspect beside it, so that a file which kills its process takes no other with it for long.
"""

import logging
import os
import platform
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from time import monotonic
from traceback import format_tb
from typing import Any
from uuid import uuid4

from core.errors import BackendError, SightlineError, StateInUse
from ingest.care import Care
from ingest.crashpoints import Reached, nothing
from ingest.leases import open_leases
from ingest.pipeline import Pipeline
from ingest.sandbox import Interrupted
from ingest.workflows import LOOK, POLL, Workflows, cause, workflow_id
from rag.index.attempts import AttemptLog
from rag.index.files import FileStatus, Job
from rag.index.turns import Turns

AT_ONCE = 4  # documents in work: two are read, one is embedded, one is published
MAX_ATTEMPTS = 5  # how often a document may take the whole process with it
STAGES = {"read": "reading", "index": "indexing", "publish": "publishing", "sweep": "sweeping"}

log = logging.getLogger(__name__)

_one_in_a_process = Lock()  # DBOS is a singleton


class Jobs:
    """Works on accepted files, in threads of this process. `start`, then `stop`, once each."""

    def __init__(self, pipeline: Pipeline, *, url: str, state: Path, reached: Reached = nothing) -> None:
        self._pipeline = pipeline
        self._reached = reached
        self._catalog = pipeline.catalog
        self._worker = f"{platform.node()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._leases = open_leases(self._catalog.engine, state / "workers")
        self._workflows = Workflows(url, self._worker)
        self._care = Care(
            self._catalog,
            self._workflows,
            self._leases,
            self._worker,
            begin=self._workflows.begin,
            known=self._forget_begun,
        )
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
        self._carer = Thread(target=self._care.keep_on, args=(self._stopping,), name="jobs-care", daemon=True)

    def start(self) -> None:
        """Begins with what was left unfinished, by this process or by one that died."""
        if not _one_in_a_process.acquire(blocking=False):
            raise StateInUse("jobs already run in this process")
        try:
            self._leases.take(self._worker)
            self._pipeline.tidy()
            self._workflows.launch(self._work, at_once=AT_ONCE)
            self._care.once()
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
        with self._places:  # or one that is just being taken would be in none of the three
            able, begun = self.turns.able(), len(self._begun)
        return able + begun + self._workflows.unfinished()

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
        self._stopping.set()
        self._wake.set()
        self._feeder.join()
        self._pipeline.interrupt()
        with self._places:
            self._places.notify_all()
            self._places.wait_for(lambda: not self._in_work)
        self._carer.join()
        self._workflows.wait_for_records(self._interrupted)
        self._workflows.destroy()
        self._leases.close()
        _one_in_a_process.release()

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
                self._workflows.begin(job)
            if not jobs:
                return

    def _forget_begun(self, known: Collection[str]) -> None:
        """A job that another process had begun before takes no place here."""
        with self._places:
            self._begun = {job for job in self._begun if workflow_id(job.doc_id, job.version) in known}
            self._places.notify_all()

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
                self._interrupted.add(workflow_id(job.doc_id, job.version))
                raise Interrupted
            if self.attempts.begin(job) > MAX_ATTEMPTS:
                reason = f"given up: the process ended {MAX_ATTEMPTS} times while it worked on this file"
                self._catalog.fail(job, reason)
                self._step(self._pipeline.sweep, *job)
                return
            try:
                self._pipeline.run(job, self._step)
            except Interrupted:
                self._interrupted.add(workflow_id(job.doc_id, job.version))
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
        return self._workflows.step(stage, *arguments, failed=self._note)

    def _note(self, job: Job, stage: str, error: BackendError) -> None:
        self.attempts.note(job, STAGES[stage], error.message)

    # ------------------------------------------------------------ records

    def forget(self, *doc_ids: str) -> int:
        """Deletes the records of the jobs of documents that are gone; how many there were.

        Those that are in work are needed to clear up behind them, and go a while after their end.
        """
        return sum(self._workflows.forget(doc_id) for doc_id in doc_ids)


def _reason(error: Exception) -> str:
    """What a person is told of a failure that does not lie in the file."""
    error = cause(error)
    if isinstance(error, SightlineError):
        return error.message
    return f"internal error: {type(error).__name__}: {str(error)[:300]}"
