import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, Integer, MetaData, Table, inspect, select

import kg.tables
import rag.index.facts
import rag.index.keys
import rag.index.tables
from core.database import Utc, compact_database, metadata, migrate, open_engine, reading, serialize
from core.errors import BackendError, SettingsError


def test_the_migrated_schema_is_the_declared_one(empty_database: str) -> None:
    engine = open_engine(empty_database)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    declared = {
        rag.index.tables.documents,
        rag.index.keys.document_keys,
        rag.index.facts.facts,
        kg.tables.entities,
    }
    assert declared <= set(metadata.tables.values())
    engine.dispose()


def test_a_log_that_cannot_be_emptied_is_no_silent_success(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'sightline.db'}")
    migrate(engine)
    compact_database(engine)
    with reading(engine) as reader:
        reader.exec_driver_sql("SELECT count(*) FROM documents")
        with engine.connect() as impatient:  # the one that compacting will be given
            impatient.exec_driver_sql("PRAGMA busy_timeout=1")
        with pytest.raises(BackendError, match="try again"):
            compact_database(engine)
    engine.dispose()


def test_migrating_twice_changes_nothing(empty_database: str) -> None:
    engine = open_engine(empty_database)
    migrate(engine)
    before = sorted(inspect(engine).get_table_names())
    migrate(engine)
    assert sorted(inspect(engine).get_table_names()) == before
    engine.dispose()


def test_sqlite_survives_power_loss_and_erases_what_is_deleted(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new' / 'sightline.db'}")
    with reading(engine) as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 30000,
    }
    engine.dispose()


def test_an_unknown_database_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="mysql"):
        open_engine("mysql://localhost/db")


def test_readers_do_not_wait_for_a_writer_and_see_what_was_committed(empty_database: str) -> None:
    engine, numbers = _numbers(empty_database)
    with engine.begin() as writing:
        writing.execute(numbers.insert(), {"n": 1})
        with reading(engine) as connection:
            assert connection.execute(select(numbers)).all() == []
    with reading(engine) as connection:
        assert connection.execute(select(numbers)).all() == [(1,)]
    engine.dispose()


def test_a_failed_transaction_leaves_nothing_not_even_a_table(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")

    def half() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE half (n INTEGER)")
            connection.exec_driver_sql("INSERT INTO half VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_transactions_that_name_the_same_thing_take_turns(empty_database: str) -> None:
    engine, numbers = _numbers(empty_database)

    def add() -> None:
        for _ in range(5):
            with engine.begin() as connection:
                serialize(connection, "numbers")
                count = len(connection.execute(select(numbers)).all())
                connection.execute(numbers.insert(), {"n": count})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert sorted(row.n for row in connection.execute(select(numbers))) == list(range(20))
    engine.dispose()


def test_moments_come_back_in_utc_whatever_zone_they_were_given_in(empty_database: str) -> None:
    engine = open_engine(empty_database)
    moments = Table("moments", MetaData(), Column("at", Utc))
    moments.create(engine)
    noon = datetime(2024, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=8)))
    with engine.begin() as connection:
        connection.execute(moments.insert(), [{"at": noon}, {"at": None}])
    with reading(engine) as connection:
        (first,), (nothing,) = connection.execute(select(moments)).all()
    assert first == noon
    assert first.tzinfo == UTC
    assert nothing is None
    engine.dispose()


def _numbers(database: str) -> tuple[Engine, Table]:
    engine = open_engine(database)
    numbers = Table("numbers", MetaData(), Column("n", Integer))
    numbers.create(engine)
    return engine, numbers
