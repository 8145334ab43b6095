"""Databases that have the schema already: migrating each anew would take longer than most tests."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from core.database import migrate, open_engine


def put_schema(path: Path) -> Path:
    """An SQLite database with the schema and nothing in it, where there is no file yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        engine = open_engine(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()  # the last connection brings its log into the file
        return path.read_bytes()
