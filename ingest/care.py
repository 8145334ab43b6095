"""What dead processes left: their jobs go on here, what never got a job begins, what is over is forgotten.

Each round may fail as a whole (the database may be away) and is made again. Who is alive: `leases.py`.
"""

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event

from ingest.leases import Leases
from ingest.workflows import ENDED, LOOKED_UP, Workflows, workflow_id
from rag.index.catalog import Catalog
from rag.index.files import FileStatus, Job

CARE = 5.0  # seconds between looks for dead workers
ROUNDS = 12  # of these, between looks for jobs to forget
ABANDONED = timedelta(hours=1)  # after which records that nobody indexes are given up
TAKEN = timedelta(seconds=1)  # within which a document that was taken is begun
KEEP = timedelta(days=1)  # for which a finished job is remembered

log = logging.getLogger(__name__)


class Care:
    """`begin` begins a job here; `known` is told which of this worker's jobs the engine has begun."""

    def __init__(
        self,
        catalog: Catalog,
        workflows: Workflows,
        leases: Leases,
        worker: str,
        *,
        begin: Callable[[Job], None],
        known: Callable[[Collection[str]], None],
    ) -> None:
        self._catalog = catalog
        self._workflows = workflows
        self._leases = leases
        self._worker = worker
        self._begin = begin
        self._known = known

    def keep_on(self, stopping: Event) -> None:
        for round_ in count(1):
            if stopping.wait(CARE):
                return
            try:
                self.once()
                if round_ % ROUNDS == 0:
                    self._workflows.forget_older(KEEP)
                    self._forget_the_gone()
            except Exception:
                # The database may be away for a while; the next round sees.
                log.exception("looking after the jobs")

    def once(self) -> None:
        self._revive()
        self._adopt()

    def _revive(self) -> None:
        """Puts the jobs of workers that are no more back into the queue."""
        begun = self._workflows.begun()
        self._known(begun.pop(self._worker, set()))
        for worker, left in sorted(begun.items()):
            if self._leases.take(worker):
                log.warning("worker %s is gone; %d jobs go on here", worker, len(left))
                self._workflows.resume(sorted(left))
                self._leases.release(worker)

    def _adopt(self) -> None:
        """Begins what was taken and has no job, and closes what no job will finish."""
        unfinished = self._catalog.in_work()
        for start in range(0, len(unfinished), LOOKED_UP):
            files = {
                workflow_id(file.id, file.version): file for file in unfinished[start : start + LOOKED_UP]
            }
            states = self._workflows.states(files)
            for name, file in files.items():
                self._adopt_one(file, states.get(name, ""))

    def _adopt_one(self, file: FileStatus, state: str) -> None:
        """`state` is that of the file's job, "" where there is none."""
        job = Job(file.tenant, file.id, file.version)
        if not file.content_hash:
            if file.updated_at < datetime.now(UTC) - ABANDONED:
                self._catalog.fail(job, "indexing was interrupted; send the record again")
        elif not state:
            # Unless whoever took it is just about to begin.
            if file.updated_at < datetime.now(UTC) - TAKEN:
                self._begin(job)
        elif state in ENDED:
            # Changes nothing if the file was finished since it was listed.
            self._catalog.fail(job, "its job ended without a result; send the file again")

    def _forget_the_gone(self) -> None:
        """The jobs of documents that were deleted while they were in work."""
        documents = self._workflows.ended_lately()
        for doc_id in sorted(documents - self._catalog.known(documents)):
            self._workflows.forget(doc_id)
