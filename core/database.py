"""One engine factory for SQLite and Postgres, and the migrations.

Tables are declared beside the code that owns them (`rag/index/tables.py`, `kg/tables.py`) on the
shared `metadata`; `core/migrations` creates them, and a test holds the two equal.

A transaction is opened to write unless it says otherwise: `with engine.begin()` writes, `with
reading(engine)` only reads and never waits for a writer.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
    inspect,
    make_url,
)

from core.errors import BackendError, SettingsError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_MIGRATIONS = Path(__file__).parent / "migrations"

MAX_VARIABLES = 900
"""How many values one IN list may carry: under the limit of every SQLite build."""


class Utc(TypeDecorator[datetime]):
    """A moment, always aware and in UTC; SQLite alone would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def open_engine(url: str) -> Engine:
    """An engine whose commits survive power loss, on SQLite or Postgres."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, parsed.database)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            # an error that names parameters would carry passages into the log
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
        )
    raise SettingsError(f"database {parsed.drivername!r} is not supported; use sqlite or postgresql")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: one snapshot, no lock against writers."""
    with engine.connect().execution_options(readonly=True) as connection:
        yield connection


def looked_up(
    connection: Connection, query: str, values: Collection[Any], given: Sequence[Any] = ()
) -> list[Any]:
    """The rows of an SQL `query` that has a "?" for each of `given` and ends with " IN", for the values; all
    as the driver gives them. For what every search asks: SQLAlchemy's own language costs three times as
    much as the look-up. Errors are the driver's own.
    """
    if not connection.in_transaction():
        connection.begin()
    return _looked_up(connection.dialect, connection.connection, query, values, given)


def glanced(engine: Engine, query: str, values: Collection[Any]) -> list[Any]:
    """As `looked_up`, on its own: it sees what was committed before the call, and nothing holds still until
    the next. For what every search asks to learn that nothing has changed: a transaction around it costs four
    times as much.
    """
    connection = engine.raw_connection()
    try:
        return _looked_up(engine.dialect, connection, query, values)
    finally:
        connection.close()


def mark_of(dialect: Dialect) -> str:
    """How the driver marks a value in a statement of text."""
    return "?" if dialect.name == "sqlite" else "%s"


def _looked_up(
    dialect: Dialect, connection: Any, query: str, values: Collection[Any], given: Sequence[Any] = ()
) -> list[Any]:
    """`connection`: the driver's."""
    mark = mark_of(dialect)
    begin = query.replace("?", mark)
    rows: list[Any] = []
    ordered = list(values)
    with closing(connection.cursor()) as cursor:
        for start in range(0, len(ordered), MAX_VARIABLES):
            some = ordered[start : start + MAX_VARIABLES]
            cursor.execute(f"{begin} ({', '.join([mark] * len(some))})", (*given, *some))
            rows += cursor.fetchall()
    return rows


def serialize(connection: Connection, name: str) -> None:
    """Until this transaction ends, no other one that named the same `name` goes past this line."""
    # On SQLite a writing transaction is alone from its start.
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (key,))


def configure_sqlite(connection: Any) -> None:
    """What every SQLite connection of ours is opened with, DBOS's included."""
    # FULL: what was accepted must survive power loss, not only the death of the process.
    for pragma in (
        "busy_timeout=30000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        configure_sqlite(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that will write takes its lock first instead of failing late.
        readonly = connection.get_execution_options().get("readonly", False)
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def compact_database(engine: Engine) -> None:
    """On SQLite, after it returns no file of the database holds what was deleted. On Postgres the
    operator's VACUUM and the life of its log decide that.

    Raises BackendError when others used the database all the time for which it waits.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM").fetchall()
        is_busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if is_busy:
        raise BackendError(
            "the database was in use all the time, so that its log could not be emptied; try again"
        )


def migrate(engine: Engine) -> None:
    """Brings the schema to the newest revision; does nothing when it is there."""
    if _revision(engine) == max(path.stem[:4] for path in _MIGRATIONS.glob("versions/[0-9]*.py")):
        return  # half a second of loading is saved at every start
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        serialize(connection, "migrate")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine) -> str:
    """Of the schema as it is; "" before the first one."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")
