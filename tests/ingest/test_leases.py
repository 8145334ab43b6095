from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.database import open_engine
from ingest.leases import Leases, PostgresLeases, open_leases

Open = Callable[[], Leases]


@pytest.fixture
def open_as_process(database: str, tmp_path: Path) -> Iterator[Open]:
    """Leases as another process would see them."""
    opened: list[Leases] = []
    engine = open_engine(database)

    def another() -> Leases:
        opened.append(open_leases(engine, tmp_path / "workers"))
        return opened[-1]

    yield another
    for leases in opened:
        leases.close()
    engine.dispose()


def test_a_living_worker_cannot_be_taken_for_dead(open_as_process: Open) -> None:
    mine, theirs = open_as_process(), open_as_process()
    assert mine.take("worker-1")
    assert not theirs.take("worker-1")
    assert theirs.take("worker-2")


def test_a_worker_that_ended_can_be_taken_over(open_as_process: Open) -> None:
    mine, theirs = open_as_process(), open_as_process()
    assert mine.take("worker-1")
    mine.close()
    assert theirs.take("worker-1")
    theirs.release("worker-1")
    assert open_as_process().take("worker-1")


def test_a_worker_that_nobody_knows_is_dead(open_as_process: Open) -> None:
    assert open_as_process().take("never seen")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.postgres
def test_a_lost_connection_is_made_anew_with_its_locks(database: str) -> None:
    engine = open_engine(database)
    mine, theirs = PostgresLeases(engine), PostgresLeases(engine)
    assert mine.take("worker-1")
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid != pg_backend_pid() AND datname = current_database()"
            )
        )
    assert mine.take("worker-2")
    assert not theirs.take("worker-1")
    mine.close()
    theirs.close()
    engine.dispose()
