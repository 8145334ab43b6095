"""Files by the hash of their content: page images, figures, uploads.

Knows bytes and tenants, nothing of what the bytes mean. A key is the sha256 of the content in
hex, so putting the same bytes twice is one file, and a file under its final name is whole: it is
written beside, fsynced and renamed. Tenants are separate folders; a key of one tenant does not
open a file of another.
"""

import hashlib
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from core.errors import NotFound

_KEY = re.compile(r"[0-9a-f]{64}")
_ABANDONED = 3600.0  # seconds after which an unfinished write belongs to a process that died


class MediaStore:
    """Layout: <folder>/<hash of the tenant>/<first two of the key>/<key>."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def put(self, tenant: str, data: bytes) -> str:
        """Keeps `data` and returns its key; after it returns the bytes survive power loss."""
        key = hashlib.sha256(data).hexdigest()
        path = self.path(tenant, key)
        if self.is_whole(tenant, key):
            return key
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._incoming / uuid4().hex
        try:
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        # The names must survive too: of the file, and of the folders that may be new.
        for folder in (path.parent, path.parent.parent, self._folder):
            _fsync_folder(folder)
        return key

    def get(self, tenant: str, key: str) -> bytes:
        """The content of `key`. Raises NotFound."""
        try:
            return self.path(tenant, key).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no media {key!r}") from None

    def path(self, tenant: str, key: str) -> Path:
        """Where `key` lies or would lie. Raises NotFound for what is not a key."""
        if not _KEY.fullmatch(key):
            raise NotFound(f"no media {key!r}: a key is the sha256 of the content, 64 hex digits")
        return self._tenant(tenant) / key[:2] / key

    def exists(self, tenant: str, key: str) -> bool:
        return bool(_KEY.fullmatch(key)) and self.path(tenant, key).is_file()

    def is_whole(self, tenant: str, key: str) -> bool:
        """Is it there, with the content that its key names? Reads all of it."""
        if not self.exists(tenant, key):
            return False
        with self.path(tenant, key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == key

    def delete(self, tenant: str, key: str) -> None:
        """Removes `key`; nothing happens when it is not there."""
        self.path(tenant, key).unlink(missing_ok=True)

    def keys(self, tenant: str) -> Iterator[str]:
        """All keys of a tenant, ascending."""
        for path in sorted(self._tenant(tenant).glob("??/*")):
            if _is_placed(path):
                yield path.name

    def strangers(self, tenants: Collection[str]) -> list[Path]:
        """The files that belong to none of these tenants, and those that no key leads to."""
        known = {self._tenant(tenant) for tenant in tenants}
        folders = [
            folder for folder in self._folder.iterdir() if folder.is_dir() and folder != self._incoming
        ]
        found = (path for folder in folders for path in folder.glob("*/*"))
        return sorted(path for path in found if path.parent.parent not in known or not _is_placed(path))

    def _tenant(self, tenant: str) -> Path:
        # A hash: any string is a safe folder name, also where file names ignore case.
        return self._folder / hashlib.sha256(tenant.encode()).hexdigest()[:32]

    def _sweep(self) -> None:
        """Removes what a killed process left half written."""
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()


def _is_placed(path: Path) -> bool:
    return bool(_KEY.fullmatch(path.name)) and path.parent.name == path.name[:2]


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
