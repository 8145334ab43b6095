"""E-mail (.eml): its headers as a record, its body, and each attachment as a part.

Places are "headers", "line 3 of the body", "part 1: name.pdf, line 3". The body is the HTML version where
the plain one would lose a table, else the plain one. What is not read: signatures, and encrypted bodies.
"""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from core.errors import SightlineError, UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.limits import Limits
from ingest.readers import html, plain
from ingest.readers.encoding import decode
from ingest.readers.parts import Parts

EML = "message/rfc822"
_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    return read_parts(path, Parts(sink, limits))


def read_parts(path: Path, parts: Parts) -> Content:
    """Raises UnreadableFile where there are neither headers nor a body."""
    with parts.deeper():
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if not isinstance(message, EmailMessage):
            raise UnreadableFile("the file is no e-mail")
        headers = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
        body = tuple(_body(message))
        if not headers and not body:
            raise UnreadableFile("the e-mail has neither headers nor a body")
        record = [Block("record", "\n".join(headers), anchor="headers")] if headers else []
        pages = [Page(1, (*record, *body))]
        for number, (name, data) in enumerate(_attachments(message), 1):
            parts.count(data)
            pages += parts.pages(data, name, number, pages[-1].number + 1)
        return Content(EML, tuple(pages), _header(message, "Subject"), _meta(message), _sent(message))


def _header(message: EmailMessage, name: str) -> str:
    """A header in one line; what breaks the rules of headers is given as it stands."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError):
        # The standard library's parser gives up on some headers that mailers wrote.
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return " ".join(str(raw).split())


def _meta(message: EmailMessage) -> dict[str, str]:
    found = {"author": _header(message, "From"), "date": _header(message, "Date")}
    return {key: value for key, value in found.items() if value}


def _sent(message: EmailMessage) -> date | None:
    try:
        return parsedate_to_datetime(_header(message, "Date")).date()
    except (ValueError, TypeError):
        return None


def _body(message: EmailMessage) -> Iterator[Block]:
    if message.get_content_type() in _ENCRYPTED:
        yield Block("text", "The body of this e-mail is encrypted and was not read.", anchor="body")
        return
    written = message.get_body(("plain",))
    marked = message.get_body(("html",))
    source = _text(marked) if isinstance(marked, EmailMessage) else ""
    text = _text(written) if isinstance(written, EmailMessage) else ""
    if source and (not text.strip() or "<table" in source.lower()):
        yield from _marked(source)
    else:
        yield from (_in_body(block) for block in plain.blocks_of(text.replace("\r\n", "\n")))


def _marked(source: str) -> Iterator[Block]:
    try:
        content = html.content_of(source.encode("utf-8", "replace"), declared=False)
    except UnreadableFile:
        return
    yield from (_in_body(block) for block in content.pages[0].blocks)


def _in_body(block: Block) -> Block:
    return replace(block, anchor=f"{block.anchor} of the body")


def _text(part: EmailMessage) -> str:
    data = _payload(part)
    charset = part.get_content_charset()
    if charset:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return decode(data)
    except SightlineError:
        return data.decode("latin-1")


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _attachments(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of everything that is not the body; a forwarded e-mail is one attachment."""
    bodies = {id(part) for kind in ("plain", "html") if (part := message.get_body((kind,))) is not None}
    for part in _leaves(message):
        if (
            id(part) in bodies
            or part.get_content_type() in _SIGNATURES
            or part.get_content_type() in _ENCRYPTED
        ):
            continue
        if part.get_content_type() == EML:
            inner = part.get_payload(0) if part.is_multipart() else None
            data = inner.as_bytes() if isinstance(inner, EmailMessage) else b""
            yield _name(part, "message.eml"), data
        else:
            yield _name(part, "attachment"), _payload(part)


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    if message.get_content_maintype() == "multipart":
        for part in message.iter_parts():
            if isinstance(part, EmailMessage):
                yield from _leaves(part)
    else:
        yield message


def _name(part: EmailMessage, usual: str) -> str:
    try:
        return part.get_filename() or usual
    except (ValueError, IndexError, AttributeError, TypeError):
        return usual
