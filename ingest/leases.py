"""Which worker processes are alive: each holds a lock that ends with it, however it ends.

On one machine a locked file, on Postgres an advisory lock on a connection of its own (a direct one: a
pooler in transaction mode would drop it). A worker that only lost its connection looks dead and may
be doubled; that wastes work and harms nothing, because every stage may be done twice.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol
from zlib import crc32

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

_SPACE = 77  # keeps these locks apart from others in the same database


class Leases(Protocol):
    def take(self, worker: str) -> bool:
        """Holds the lock of `worker` until `release`; False while another process holds it."""
        ...

    def release(self, worker: str) -> None: ...
    def close(self) -> None: ...


class FileLeases:
    """One file for each worker in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, worker: str) -> bool:
        descriptor = os.open(self._path(worker), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[worker] = descriptor
        return True

    def release(self, worker: str) -> None:
        self._path(worker).unlink(missing_ok=True)
        os.close(self._held.pop(worker))

    def close(self) -> None:
        for worker in list(self._held):
            self.release(worker)

    def _path(self, worker: str) -> Path:
        return self._folder / f"{worker}.lock"


class PostgresLeases:
    """Advisory locks of one session."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Connection | None = None
        self._held: set[str] = set()

    def take(self, worker: str) -> bool:
        try:
            taken = self._ask("pg_try_advisory_lock", worker)
        except OperationalError:
            # The session is gone, and with it its locks: they are taken again on a new one.
            self.close()
            for held in self._held:
                self._ask("pg_try_advisory_lock", held)
            taken = self._ask("pg_try_advisory_lock", worker)
        if taken:
            self._held.add(worker)
        return taken

    def release(self, worker: str) -> None:
        self._held.discard(worker)
        self._ask("pg_advisory_unlock", worker)

    def close(self) -> None:
        if self._session:
            self._session.invalidate()  # ends the session instead of pooling it
            self._session.close()
            self._session = None

    def _ask(self, function: str, worker: str) -> bool:
        if self._session is None:
            self._session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        number = crc32(worker.encode()) - (1 << 31)  # 32 bits with a sign
        question = text(f"SELECT {function}(:space, :number)")
        return bool(self._session.execute(question, {"space": _SPACE, "number": number}).scalar_one())


def open_leases(engine: Engine, folder: Path) -> Leases:
    return PostgresLeases(engine) if engine.dialect.name == "postgresql" else FileLeases(folder)
