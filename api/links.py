"""Links to evidence: one quote of one passage, signed, so that a browser can open it without a key.

A link is a capability: whoever has it may see that quote on its page, for as long as the document
is there and carries the label under which it was shown. It names its tenant and passage openly;
the signature (HMAC-SHA256 cut to 128 bits, RFC 2104 section 5) is what cannot be guessed. The
secret lies in the state directory: with it every link ever given dies. Knows nothing of HTTP.
"""

import base64
import hashlib
import hmac
import os
import secrets
import struct
from binascii import Error as NotBase64
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from core.types import Access, Chunk

_SECRET = "secret"  # noqa: S105 the file's name
_SIGNATURE_BYTES = 16
_HEAD = struct.Struct(">B16sIIB")  # version, chunk, start, end, length of the tenant's name
_VERSION = 1


class Reference(NamedTuple):
    """Characters [start, end) of a passage, and with which eyes it was found."""

    access: Access
    chunk_id: str
    start: int
    end: int


class Links:
    """Makes and reads the links of one state directory; `base` is where its server is found."""

    def __init__(self, secret: bytes, base: str) -> None:
        self._secret = secret
        self._base = base.rstrip("/")

    def url(self, chunk: Chunk, start: int, end: int, access: Access) -> str:
        """The page that shows characters [start, end) of `chunk`; "" where no server would answer."""
        return f"{self._base}/e/{self.token(chunk, start, end, access)}" if self._base else ""

    def token(self, chunk: Chunk, start: int, end: int, access: Access) -> str:
        label = min(access.labels & chunk.access)
        tenant = chunk.tenant.encode()
        head = _HEAD.pack(_VERSION, UUID(chunk.id).bytes, start, end, len(tenant))
        message = head + tenant + label.encode()
        return _written(self._sign(message) + message)

    def read(self, token: str) -> Reference | None:
        """None for whatever this state did not sign."""
        try:
            signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (NotBase64, ValueError):
            return None
        if _written(signed) != token:
            return None  # one link is written in one way only
        signature, message = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(message)):
            return None
        _, chunk, start, end, length = _HEAD.unpack_from(message)
        names = message[_HEAD.size :]
        access = Access(names[:length].decode(), frozenset({names[length:].decode()}))
        return Reference(access, str(UUID(bytes=chunk)), start, end)

    def _sign(self, message: bytes) -> bytes:
        return hmac.digest(self._secret, message, hashlib.sha256)[:_SIGNATURE_BYTES]


def _written(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def open_secret(state: Path) -> bytes:
    """The secret of this state directory, made once; readable by its owner alone."""
    path = state / _SECRET
    if not path.exists():
        fresh = path.with_name(f".{_SECRET}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: whoever comes second keeps the secret of the first.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
