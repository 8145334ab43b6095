"""Fixtures that all tests share."""

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url

from core.database import migrate, open_engine
from core.memory import collect_rarely, collection_paused
from tests.schema import put_schema

# Each worker of the suite has about one core: threads that wait for another one's core only burn it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Read before any test can change the environment.
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
POSTGRES = os.environ.get("SIGHTLINE_TEST_POSTGRES", "")

# For a change of code; `make test ARGS=--hypothesis-profile=default` tries 100.
settings.register_profile("quick", max_examples=40)
settings.load_profile("quick")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a sixth of the time the tests wait for processes that they started."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The modules that are imported here stay: searching them for cycles again and again took an eighth of the time."""
    collect_rarely()
    with collection_paused():
        found = yield
    gc.freeze()
    return found


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of evaluation sets; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no evaluation data at {DATA} (set SIGHTLINE_TEST_DATA)")
    return DATA


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the schema and nothing in it; on Postgres one that is dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{put_schema(tmp_path / 'sightline.db')}"
        return
    with postgres_database(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without the schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sightline.db'}"
        return
    with postgres_database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a database with the schema."""
    with postgres_database() as url:
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()  # a template must have no connections
        yield str(make_url(url).database)


@contextmanager
def postgres_database(template: str = "") -> Iterator[str]:
    if not POSTGRES:
        pytest.skip("no Postgres (set SIGHTLINE_TEST_POSTGRES to its URL; .ci/run does)")
    name = f"test_{uuid4().hex}"
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    try:
        yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()
