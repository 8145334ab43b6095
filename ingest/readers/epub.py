"""EPUB books: a page for each chapter, in the order of the spine. Places are "chapter.xhtml, line 12".

What is not read: pictures (their descriptions are), fixed positions, scripts; a book under DRM is locked.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from core.errors import LockedFile, UnreadableFile
from core.ports import ImageSink
from core.types import Content, Page
from ingest.limits import Limits, exhausted
from ingest.readers import html
from ingest.readers.package import open_package, read_member
from ingest.readers.relations import Element, parse, resolve

EPUB = "application/epub+zip"
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = (".otf", ".ttf", ".woff", ".woff2")
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_ROOTFILE = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_CIPHER = "{http://www.w3.org/2001/04/xmlenc#}CipherReference"
_MEGABYTE = 1 << 20
# XHTML closes any element in its own tag; to an HTML parser that would be an opening tag.
_CLOSED = re.compile(
    rb"<(title|script|style|a|p|div|span|i|b|em|td|th|iframe|section)(\s[^<>]*)?/>", re.IGNORECASE
)


def read(path: Path, _sink: ImageSink, *, limits: Limits) -> Content:
    """Raises UnreadableFile for a book without text, LockedFile for one under DRM."""
    most = limits.archive_mb * _MEGABYTE
    with open_package(path, limits) as package:
        _refuse_locked(package, most)
        container = parse(read_member(package, _CONTAINER, most))
        root = next((one.get("full-path") for one in container.iter(_ROOTFILE)), None)
        if not root:
            raise UnreadableFile("the book does not say where its contents are")
        opf = parse(read_member(package, root, most))
        pages = tuple(
            _page(number, name, package, most, limits) for number, name in enumerate(_spine(opf, root), 1)
        )
    if not any(page.blocks or page.problem for page in pages):
        raise UnreadableFile("the book holds no text")
    return Content(EPUB, pages, _told(opf, "title"), _meta(opf))


def _refuse_locked(package: zipfile.ZipFile, most: int) -> None:
    if _ENCRYPTION not in package.NameToInfo:
        return
    names = [one.get("URI") or "" for one in parse(read_member(package, _ENCRYPTION, most)).iter(_CIPHER)]
    if any(not name.lower().endswith(_FONTS) for name in names):
        raise LockedFile("the book is protected (DRM): its text is encrypted")


def _spine(opf: Element, root: str) -> Iterator[str]:
    """The chapters' names in the package, in reading order."""
    folder = posixpath.dirname(root)
    items = {one.get("id"): one for one in opf.iter(f"{_OPF}item") if "html" in (one.get("media-type") or "")}
    for reference in opf.iter(f"{_OPF}itemref"):
        item = items.get(reference.get("idref"))
        # The table of contents only repeats the headings.
        if item is not None and "nav" not in (item.get("properties") or "").split():
            yield resolve(folder, unquote(item.get("href") or ""))


def _page(number: int, name: str, package: zipfile.ZipFile, most: int, limits: Limits) -> Page:
    called = posixpath.basename(name)
    problem = exhausted(limits)
    if problem:
        return Page(number, (), label=called, problem=problem)
    if name not in package.NameToInfo:
        return Page(number, (), label=called, problem=f"the book lacks its chapter {called!r}")
    source = _CLOSED.sub(rb"<\1\2></\1>", read_member(package, name, most))
    try:
        content = html.content_of(source)
    except UnreadableFile:
        return Page(number, (), label=called)  # a chapter of pictures only
    blocks = (replace(block, anchor=f"{called}, {block.anchor}") for block in content.pages[0].blocks)
    return Page(number, tuple(blocks), label=called)


def _told(opf: Element, name: str) -> str:
    return " ".join((opf.findtext(f".//{_DC}{name}") or "").split())


def _meta(opf: Element) -> dict[str, str]:
    found = {"author": _told(opf, "creator"), "language": _told(opf, "language"), "date": _told(opf, "date")}
    return {key: value for key, value in found.items() if value}
