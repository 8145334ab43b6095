"""Crashes: what ingestion loses, doubles or shows by halves when its processes die.

Every named point (`ingest/crashpoints.py`) on every database, with one process and with three: files are
uploaded, replaced and deleted over HTTP until the process that serves dies at the point; it is started
again, the client repeats what was not acknowledged, and everything is counted. Then `--kills` times any
process is killed with SIGKILL at a random moment of that life.

Where several processes share the vectors, they are on a server: `bench/qdrant_server.py`. SQLite with one
process is the embedded default. Postgres is used where SIGHTLINE_TEST_POSTGRES names one.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import create_engine, make_url

from bench import processes
from bench.library import Gone, Library, Wrong, counted
from bench.processes import Process
from bench.report import Report
from core.measure import percentile
from core.settings import Settings, postgres_for_tests
from ingest.crashpoints import POINTS

DATABASES = ("sqlite", "postgres")
WORKERS = (1, 3)
KILLS = 25
FILES = 3
_MORE = 20  # uploads after which a point that nobody came to is an error
_LONGEST_WAIT = 1.5  # seconds before a random kill
_DIED = (137, -9)  # how a process ends at a point, and by SIGKILL


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", default=",".join(POINTS), metavar="NAME,...", help="default: all")
    parser.add_argument("--databases", default=",".join(DATABASES), metavar="NAME,...")
    parser.add_argument("--workers", default=",".join(map(str, WORKERS)), metavar="N,...")
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N", help="random kills on each database")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--postgres", metavar="URL", help="default: SIGHTLINE_TEST_POSTGRES")


def run(options: argparse.Namespace) -> Report:
    points = [name for name in options.points.split(",") if name][: options.limit]
    if unknown := set(points) - set(POINTS):
        raise ValueError(f"unknown crash points {sorted(unknown)}; known: {', '.join(POINTS)}")
    workers = [int(number) for number in options.workers.split(",")]
    wanted = [name for name in options.databases.split(",") if name]
    postgres = options.postgres or postgres_for_tests()
    databases = [name for name in wanted if name != "postgres" or postgres]
    lives: list[Life] = []
    for database in databases:
        for number in workers:
            lives += [_die_at(point, Setup(database, number, postgres)) for point in points]
        if options.kills:
            lives.append(_killed(options.kills, Setup(database, max(workers), postgres), options.seed))
    resumed = [seconds for life in lives for seconds in life.resumed]
    return Report(
        bench="crash",
        data=options.data.name if options.data else "generated",
        metrics={
            **sum((life.wrong for life in lives), Wrong())._asdict(),
            "points": len(points),
            "rounds": sum(life.deaths for life in lives),
            "resume_seconds": percentile(resumed, 0.5) if resumed else 0.0,
            "resume_seconds_99": percentile(resumed, 0.99) if resumed else 0.0,
        },
        settings={
            "databases": ",".join(databases),
            "not_run": ",".join(sorted(set(wanted) - set(databases))) or "nothing",
            "workers": options.workers,
            "kills": options.kills,
            "seed": options.seed,
            "vectors": "Edge for one process on SQLite, else qdrant-client's local mode behind HTTP",
            "encoder": "bag of words",
        },
    )


# ---------------------------------------------------------------- lives


def _die_at(point: str, setup: "Setup") -> "Life":
    """From an empty state to its end, over the death of the process that serves."""
    with house(setup) as (settings, log):
        life = Life(settings, setup.workers, log)
        life.start(crashpoint=point)
        for name in names(FILES):
            life.upload(name)
        life.do(life.library.settle)
        life.upload("note-1.md")
        life.do(life.library.settle)
        life.delete("note-0.md")
        for name in names(_MORE):
            if life.deaths:
                break
            life.upload(f"more-{name}")
            life.do(life.library.settle)
        life.finish()
        if not life.deaths:
            raise ValueError(f"{setup}: nobody came to {point}")
        life.tell(f"{setup}, {point}")
        return life


def _killed(kills: int, setup: "Setup", seed: int) -> "Life":
    """One long life: files come, change and go, and at random moments any process is killed."""
    dice = random.Random(seed)
    with house(setup) as (settings, log):
        life = Life(settings, setup.workers, log)
        life.start()
        for _ in range(kills):
            for _ in range(dice.randint(1, 3)):
                life.upload(dice.choice(names(8)))
            if dice.random() < 0.3 and life.library.texts:
                life.delete(dice.choice(sorted(life.library.texts)))
            time.sleep(dice.uniform(0, _LONGEST_WAIT))
            life.kill(dice.choice(life.processes))
        life.do(life.library.settle)
        life.finish()
        life.tell(f"{setup}, {kills} random kills")
        return life


class Life:
    """The processes over one state, and what their client found wrong."""

    def __init__(self, settings: Settings, workers: int, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._workers = workers
        self.processes: list[Process] = []  # the first one serves
        self.library = Library("")
        self.wrong = Wrong()
        self.resumed: list[float] = []
        self.deaths = 0

    def start(self, crashpoint: str = "") -> None:
        """Only the process that serves dies at the point; the others have to take over."""
        armed = self._settings.model_copy(update={"crashpoint": crashpoint})
        self.processes = [processes.serve(armed, self._log)]
        self.processes += [processes.work(self._settings, self._log) for _ in range(self._workers - 1)]
        self.library.url = self.processes[0].url

    def do(self, act: Callable[[], object]) -> None:
        """As often as it takes: a client repeats what was not acknowledged."""
        while True:
            try:
                act()
                return
            except Gone:
                self._revive(0)

    def upload(self, name: str) -> None:
        text = self.library.fresh(name)
        self.do(lambda: self.library.put(name, text))

    def delete(self, name: str) -> None:
        self.library.expect_nothing_of(name)
        self.do(lambda: self.library.delete(name))

    def kill(self, process: Process) -> None:
        process.kill()
        self._revive(self.processes.index(process))

    def finish(self) -> None:
        """Everything that was promised is counted, over HTTP and then in the state itself."""
        self.do(self.library.settle)
        self.wrong += self.library.seen()
        for process in reversed(self.processes):
            process.stop()
        self.wrong += self.library.judged(processes.asked(self._settings, counted))

    def tell(self, where: str) -> None:
        wrong = ", ".join(f"{name} {number}" for name, number in self.wrong._asdict().items() if number)
        slowest = max(self.resumed, default=0.0)
        print(f"{where}: {wrong or 'holds'}, resumed after {slowest:.1f} s", file=sys.stderr, flush=True)

    def _revive(self, index: int) -> None:
        code = self.processes[index].end()
        if code not in _DIED:
            words = self._log.read_text("utf-8", "replace")[-2000:]
            raise ValueError(f"a process ended by itself, with code {code}: {words}")
        begun = time.monotonic()
        self.deaths += 1
        if index:
            self.processes[index] = processes.work(self._settings, self._log)
        else:
            self.processes[0] = processes.serve(self._settings, self._log)
            self.library.url = self.processes[0].url
            self.wrong += self.library.seen()
        self.library.settle()
        self.resumed.append(time.monotonic() - begun)


# ---------------------------------------------------------------- where they live


class Setup(NamedTuple):
    """`workers`: how many processes, the one that serves included."""

    database: str
    workers: int
    postgres: str

    def __str__(self) -> str:
        return f"{self.database} x {self.workers}"


@contextmanager
def house(setup: Setup) -> Iterator[tuple[Settings, Path]]:
    """Settings of an empty state, and the file for what its processes say."""
    with TemporaryDirectory(prefix="bench-crash-") as folder:
        state, log = Path(folder) / "state", Path(folder) / "log"
        if setup.database == "sqlite" and setup.workers == 1:
            yield Settings(state=state, port=0), log
            return
        vectors = processes.vectors(log)
        try:
            with _database(setup, state) as url:
                yield Settings(state=state, port=0, database_url=url, qdrant_url=vectors.url), log
        finally:
            vectors.kill()
            vectors.end()


@contextmanager
def _database(setup: Setup, state: Path) -> Iterator[str]:
    if setup.database == "sqlite":
        yield f"sqlite:///{state / 'sightline.db'}"
        return
    name = f"bench_{uuid4().hex}"
    server = make_url(setup.postgres).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def names(count: int) -> list[str]:
    return [f"note-{number}.md" for number in range(count)]
