"""ZIP archives: a document of parts, each read as what it is. Places are "part 2: name.pdf, line 3".

Folders inside of it are parts of the names; what systems put beside files (__MACOSX, .DS_Store) is left
out. Nothing is unpacked under its own name.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from core.errors import SightlineError, UnreadableFile
from core.ports import ImageSink
from core.types import Content, Page
from ingest.limits import Limits
from ingest.readers.package import open_package, read_member
from ingest.readers.parts import Parts, failed, shown_name

ZIP = "application/zip"
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def read(path: Path, sink: ImageSink, *, limits: Limits) -> Content:
    return read_parts(path, Parts(sink, limits))


def read_parts(path: Path, parts: Parts) -> Content:
    """Raises UnreadableFile for an empty or damaged archive, LockedFile for one with a password, TooLarge."""
    with parts.deeper(), open_package(path, parts.limits) as package:
        members = [member for member in package.infolist() if _is_wanted(member)]
        if not members:
            raise UnreadableFile("the archive is empty")
        return Content(ZIP, tuple(_pages(package, members, parts)))


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    return not member.is_dir() and not any(clutter in member.filename for clutter in _CLUTTER)


def _pages(package: zipfile.ZipFile, members: list[zipfile.ZipInfo], parts: Parts) -> Iterator[Page]:
    page = 0
    for number, member in enumerate(members, 1):
        for found in _member(package, member, number, page + 1, parts):
            yield found
            page = found.number


def _member(
    package: zipfile.ZipFile, member: zipfile.ZipInfo, number: int, first: int, parts: Parts
) -> tuple[Page, ...]:
    try:
        data = read_member(package, member, parts.room)
        parts.count(data)
    except SightlineError as error:
        return (failed(f"part {number}: {shown_name(member.filename)}", error.message, first),)
    return parts.pages(data, member.filename, number, first)
