"""Workflows that outlive their process: the only module that knows DBOS.

A job is one version of one document; its workflow id says so, which makes beginning twice harmless. Steps
are recorded in the same database as the catalogue; what a process that died had begun goes on in another
one, at the first step that was not recorded. Knows nothing of what the steps do.

What is not used of DBOS: its Conductor and whatever else needs a key, its telemetry, its pickles (JSON
only), and its recovery by version hash and process name (the version is ours; see `leases.py`).
"""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url

from core.database import configure_sqlite
from core.errors import BackendError
from rag.index.files import Job

VERSION = "ingest-1"  # of the order of the steps; a job ends under the version under which it began
QUEUE = "ingest"  # of what is resumed
POLL = 0.2  # seconds between looks at what is waited for
LOOK = 1.0  # seconds between looks for what other processes left
TRIES = 3  # of a step, when a store or a database fails
PAUSE = 0.5  # seconds before the second try; twice as long before each further one
ENDED = ["SUCCESS", "ERROR", "CANCELLED"]
LOOKED_UP = 500  # jobs in one query


class Workflows:
    """Those that this process works on, as `worker`, and the records of all. `launch`, then `destroy`."""

    def __init__(self, url: str, worker: str) -> None:
        self._url = url
        self._worker = worker
        self._engine: Engine | None = None
        self._ingest: Callable[[str, str, int], None] | None = None

    def launch(self, work: Callable[[Job], None], *, at_once: int) -> None:
        """From now on `work` is called for each job that is begun or resumed here, `at_once` of the latter."""
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
            work(Job(tenant, doc_id, version))

        self._ingest = ingest
        DBOS.launch()
        DBOS.register_queue(
            QUEUE, worker_concurrency=at_once, polling_interval_sec=LOOK, on_conflict="always_update"
        )

    def destroy(self) -> None:
        from dbos import DBOS

        DBOS.destroy(destroy_registry=True)
        if self._engine:
            self._engine.dispose()

    def begin(self, job: Job) -> None:
        """Works on a job in a thread of this process; nothing happens if it is known already."""
        from dbos import DBOS, SetWorkflowID

        assert self._ingest, "launch() comes first"
        with SetWorkflowID(workflow_id(job.doc_id, job.version)):
            DBOS.start_workflow(self._ingest, *job)

    def step(
        self,
        stage: Callable[..., Any],
        *arguments: Any,
        failed: Callable[[Job, str, BackendError], None],
    ) -> Any:
        """Does a stage within the job, or gives what it returned when it was done before.

        It is tried again where a store fails, which `failed` is told: job, name of the stage, error.
        """
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
                failed(Job(tenant, doc_id, version), stage.__name__, error)
                raise

        return DBOS.run_step(options, tried, *arguments)

    # ------------------------------------------------------------ records

    def unfinished(self) -> int:
        """How many jobs wait or are in work, in all processes."""
        return len(_listed(status=["ENQUEUED", "PENDING"]))

    def begun(self) -> dict[str, set[str]]:
        """The ids of the jobs that are in work, or were when their process ended, by worker."""
        found: dict[str, set[str]] = {}
        for job in _listed(status="PENDING"):
            if job.executor_id:
                found.setdefault(job.executor_id, set()).add(job.workflow_id)
        return found

    def resume(self, ids: Collection[str]) -> None:
        """Puts jobs into the queue again, from which any process takes them."""
        from dbos import DBOS

        DBOS.resume_workflows(list(ids), queue_name=QUEUE)

    def states(self, ids: Collection[str]) -> Mapping[str, str]:
        """What the record of each job says; jobs without a record are left out."""
        wanted = list(ids)
        return {
            job.workflow_id: job.status
            for start in range(0, len(wanted), LOOKED_UP)
            for job in _listed(workflow_ids=wanted[start : start + LOOKED_UP])
        }

    def forget(self, doc_id: str) -> int:
        """Deletes the records of the ended jobs of a document; how many there were."""
        return _deleted(_listed(workflow_id_prefix=f"{doc_id}:", status=ENDED))

    def forget_older(self, age: timedelta) -> int:
        """Deletes some records of jobs that ended longer ago: DBOS keeps them for ever."""
        before = (datetime.now(UTC) - age).isoformat()
        return _deleted(_listed(completed_before=before, limit=LOOKED_UP))

    def ended_lately(self) -> frozenset[str]:
        """The documents of the jobs that ended last."""
        ended = _listed(status=ENDED, limit=LOOKED_UP, sort_desc=True)
        return frozenset(job.workflow_id.rpartition(":")[0] for job in ended)

    def wait_for_records(self, interrupted: Collection[str]) -> None:
        """Until DBOS has written how the jobs ended that ended here; those `interrupted` stay begun.

        A thread of it that still writes when its database is gone tries for ever, and no process can
        end before its threads.
        """
        deadline = monotonic() + 5
        while monotonic() < deadline:
            if {job.workflow_id for job in _listed(status="PENDING", executor_id=self._worker)} <= set(
                interrupted
            ):
                return
            sleep(0.02)


def workflow_id(doc_id: str, version: int) -> str:
    return f"{doc_id}:{version}"


def cause(error: Exception) -> Exception:
    """The last failure of a step that was tried in vain, else the error itself."""
    from dbos import error as dbos_error

    return error.errors[-1] if isinstance(error, dbos_error.DBOSMaxStepRetriesExceeded) else error


def _listed(**which: Any) -> list[Any]:
    from dbos import DBOS

    return list(DBOS.list_workflows(name="ingest", load_input=False, load_output=False, **which))


def _deleted(jobs: Collection[Any]) -> int:
    from dbos import DBOS

    if jobs:
        DBOS.delete_workflows([job.workflow_id for job in jobs])
    return len(jobs)


def _sqlite_engine(url: str) -> Engine:
    """As `core.database` opens it, but for DBOS, which begins its transactions itself."""
    engine = create_engine(url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        configure_sqlite(connection)
        connection.isolation_level = "IMMEDIATE"

    return engine
