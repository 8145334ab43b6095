"""Identity: the same bytes of the same tenant always get the same names.

Doing a step twice therefore changes nothing, and the neighbours of a passage are found by computing
their ids. Tenants never share an id, so an id that leaks says nothing about another tenant's files.
"""

import hashlib
import uuid

_NAMESPACE = uuid.UUID("6f1b9b58-6f0e-5c57-9d53-1f6a5c2a8a41")


def content_hash(data: bytes) -> str:
    """The sha256 of the bytes, in hex: their key in the media store."""
    return hashlib.sha256(data).hexdigest()


def document_id(tenant: str, content_hash: str) -> str:
    """The id of the document with this content, for this tenant."""
    return "doc-" + hashlib.sha256(f"{tenant}\0{content_hash}".encode()).hexdigest()[:24]


def chunk_id(tenant: str, doc_id: str, version: int, ordinal: int) -> str:
    """The id of one passage, a UUID in text form (vector stores take nothing else)."""
    return str(uuid.uuid5(_NAMESPACE, f"{tenant}|{doc_id}|{version}|{ordinal}"))
