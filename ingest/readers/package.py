"""ZIP files, whose promises are checked before anything is unpacked: Office files, EPUB and archives.

Python's zipfile never gives more bytes of a member than the directory declares, so that a check of
the declared sizes binds; `read_member` counts nevertheless. Nothing is ever unpacked to a path.
"""

import lzma
import re
import zipfile
import zlib
from pathlib import Path

from core.errors import LockedFile, TooLarge, UnreadableFile
from ingest.limits import Limits

_MEGABYTE = 1 << 20
_SMALL = 10 * _MEGABYTE  # below this no ratio of packed to unpacked does harm
_ENCRYPTED = 0x1
_XML = (".xml", ".rels", ".vml")
_PROLOGUE = 8192
_TYPE_DECLARED = re.compile(rb"<\x00?!\x00?D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E", re.IGNORECASE)

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def open_package(path: Path, limits: Limits) -> zipfile.ZipFile:
    """An open archive within `limits`. The caller closes it.

    Raises UnreadableFile for a damaged one, LockedFile where members are encrypted, TooLarge for more
    members, bytes or compression than allowed.
    """
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise UnreadableFile(f"the archive is damaged or cut off: {error}") from error
    try:
        _check(archive.infolist(), limits)
    except BaseException:
        archive.close()
        raise
    return archive


def _check(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.archive_entries:
        raise TooLarge(
            f"the archive has {len(members):,} members; at most {limits.archive_entries:,} are read"
        )
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > limits.archive_mb * _MEGABYTE:
        raise TooLarge(
            f"the archive unpacks to {unpacked / _MEGABYTE:,.0f} MB; at most {limits.archive_mb:,} MB are read"
        )
    if unpacked > _SMALL and unpacked > limits.archive_ratio * max(packed, 1):
        raise TooLarge(
            f"the archive unpacks to {unpacked / max(packed, 1):,.0f} times its size; at most "
            f"{limits.archive_ratio} times is read"
        )
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise LockedFile("the archive is encrypted: save it without a password")


def open_markup(path: Path, limits: Limits) -> zipfile.ZipFile:
    """As `open_package`, for an Office file: its XML may not declare a document type, hence no entities."""
    archive = open_package(path, limits)
    try:
        declared = [member.filename for member in archive.infolist() if _declares_a_type(archive, member)]
    except DAMAGE as error:
        archive.close()
        raise UnreadableFile(f"the file is damaged or cut off: {error}") from error
    if declared:
        archive.close()
        raise UnreadableFile(
            f"{declared[0]!r} in the file declares a document type, which Office files never do"
        )
    return archive


def _declares_a_type(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if not member.filename.lower().endswith(_XML):
        return False
    with archive.open(member) as file:
        return _TYPE_DECLARED.search(file.read(_PROLOGUE)) is not None


def read_member(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of a member. Raises TooLarge past `most`, UnreadableFile for a damaged or absent one."""
    called = name if isinstance(name, str) else name.filename
    try:
        with archive.open(name) as file:
            data = file.read(most + 1)
    except KeyError as error:
        raise UnreadableFile(f"the file lacks its part {called!r}") from error
    except DAMAGE as error:
        raise UnreadableFile(f"{called!r} is damaged: {error}") from error
    if len(data) > most:
        raise TooLarge(f"{called!r} unpacks to more than {most / _MEGABYTE:,.0f} MB")
    return data
