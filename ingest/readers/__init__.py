"""One reader for each kind of file: a function from a path to `Content`.

`detect` says what a file is by what stands in it; the name is a hint among text formats only,
since plain text, Markdown and CSV cannot be told apart by their bytes. `REGISTRY` has a reader for
each. Importing this module loads no parser.
"""

import json
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from typing import NamedTuple

from core.errors import UnreadableFile, UnsupportedFormat
from core.ports import Reader
from ingest.limits import Limits

_SNIFFED = 64 * 1024

PDF = "application/pdf"
PLAIN = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
CSV = "text/csv"
TSV = "text/tab-separated-values"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
WEBP = "image/webp"
DICOM = "application/dicom"
FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
DXF = "image/vnd.dxf"
MP4 = "video/mp4"
MATROSKA = "video/x-matroska"
AVI = "video/avi"


def _pdf(limits: Limits) -> Reader:
    from ingest.readers import pdf

    return partial(pdf.read, limits=limits)


def _plain(_limits: Limits) -> Reader:
    from ingest.readers import plain

    return plain.read


def _markdown(_limits: Limits) -> Reader:
    from ingest.readers import markdown

    return markdown.read


def _html(_limits: Limits) -> Reader:
    from ingest.readers import html

    return html.read


def _delimited(_limits: Limits) -> Reader:
    from ingest.readers import delimited

    return delimited.read


def _image(limits: Limits) -> Reader:
    from ingest.readers import image

    return partial(image.read, limits=limits)


def _dicom(limits: Limits) -> Reader:
    from ingest.readers import dicom

    return partial(dicom.read, limits=limits)


def _fhir(_limits: Limits) -> Reader:
    from ingest.readers import fhir

    return fhir.read


def _dxf(limits: Limits) -> Reader:
    from ingest.readers import dxf

    return partial(dxf.read, limits=limits)


def _video(limits: Limits, *, media_type: str) -> Reader:
    from ingest.readers import video

    return partial(video.read, limits=limits, media_type=media_type)


class Format(NamedTuple):
    """`reader` opens the reader: the parser is imported only then."""

    reader: Callable[[Limits], Reader]
    description: str
    suffixes: tuple[str, ...]


REGISTRY: dict[str, Format] = {
    PDF: Format(_pdf, "PDF", (".pdf",)),
    PLAIN: Format(_plain, "plain text", (".txt", ".text", ".log")),
    MARKDOWN: Format(_markdown, "Markdown", (".md", ".markdown")),
    HTML: Format(_html, "HTML", (".html", ".htm", ".xhtml")),
    CSV: Format(_delimited, "CSV", (".csv",)),
    TSV: Format(_delimited, "TSV", (".tsv", ".tab")),
    PNG: Format(_image, "PNG image", (".png",)),
    JPEG: Format(_image, "JPEG image", (".jpg", ".jpeg")),
    TIFF: Format(_image, "TIFF image", (".tif", ".tiff")),
    WEBP: Format(_image, "WebP image", (".webp",)),
    DICOM: Format(_dicom, "DICOM", (".dcm", ".dicom")),
    MP4: Format(partial(_video, media_type=MP4), "MP4 or MOV video", (".mp4", ".m4v", ".mov")),
    MATROSKA: Format(partial(_video, media_type=MATROSKA), "WebM video", (".webm", ".mkv")),
    AVI: Format(partial(_video, media_type=AVI), "AVI video", (".avi",)),
    FHIR_JSON: Format(_fhir, "FHIR as JSON", (".json", ".ndjson")),
    DXF: Format(_dxf, "DXF drawing", (".dxf",)),
    FHIR_XML: Format(_fhir, "FHIR as XML", (".xml",)),
}

# What stands at the start of files that we name but may not read.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"AC10", "image/vnd.dwg"),
)
_NAMED = {
    "image/gif": "a GIF image",
    "image/bmp": "a BMP image",
    "application/x-ole-storage": "an old Office file (.doc, .xls, .ppt, .msg)",
    "application/gzip": "a gzip archive",
    "application/zip": "a ZIP archive",
    "application/x-bzip2": "a bzip2 archive",
    "application/x-xz": "an xz archive",
    "application/x-7z-compressed": "a 7-Zip archive",
    "application/vnd.rar": "a RAR archive",
    "application/x-executable": "a program",
    "application/vnd.sqlite3": "an SQLite database",
    "application/rtf": "an RTF document",
    "application/postscript": "a PostScript file",
    "application/ogg": "an Ogg file",
    "audio/mpeg": "an MP3 file",
    "audio/wav": "a WAV file",
    "image/heic": "a HEIC image",
    "image/vnd.dwg": "an AutoCAD drawing (DWG)",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "a Word document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "an Excel workbook",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "a PowerPoint file",
    "application/vnd.oasis.opendocument.text": "an OpenDocument text",
    "application/epub+zip": "an EPUB book",
}
_ZIP_MEMBERS = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_HTML_START = re.compile(
    rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
# DICOM from before it had a preamble: its first element is of group 8, with a VR or a short length.
_BARE_DICOM = re.compile(rb"\x08\x00[\x00-\x18]\x00(?:[A-Z]{2}|[\x00-\xff]\x00\x00\x00)", re.DOTALL)
# Group code 0 and SECTION, after comments of group code 999.
_DXF_START = re.compile(rb"(?:\s*999\s*\n[^\n]*\n)*\s*0\s*\n\s*SECTION\s")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_TEXT_BYTES = frozenset(range(0x20, 0x100)) - {0x7F} | {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B, 0x85}


def detect(path: Path, name: str) -> str:
    """The media type of the file at `path`, which its owner calls `name`. Always one of `REGISTRY`.

    Raises UnreadableFile for an empty file, UnsupportedFormat for one that no reader takes.
    """
    with path.open("rb") as file:
        start = file.read(_SNIFFED)
    if not start:
        raise UnreadableFile("the file is empty")
    found = _by_signature(start, path) or _fhir_kind(start, path) or _by_text(start, name)
    if found in REGISTRY:
        return found
    what = _NAMED.get(found, "binary data of an unknown kind" if not found else f"a file of type {found}")
    raise UnsupportedFormat(f"{name!r} is {what}; Sightline reads {readable()}")


def readable() -> str:
    """The kinds of files that can be read, for people: "PDF (.pdf), plain text (.txt ...), ..."."""
    return ", ".join(f"{form.description} ({' '.join(form.suffixes)})" for form in REGISTRY.values())


def _by_signature(start: bytes, path: Path) -> str:
    # Many real PDF files have bytes before the header; readers accept it in the first kilobyte.
    if b"%PDF-" in start[:1024]:
        return PDF
    if start[:4] == b"PK\x03\x04" or start[:4] == b"PK\x05\x06":
        return _zip_kind(path)
    if start[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"WAVE": "audio/wav", b"AVI ": AVI}.get(start[8:12], "")
    if start[4:8] == b"ftyp":
        return "image/heic" if start[8:11] in {b"hei", b"mif", b"avi"} else MP4
    if start[4:8] in {b"moov", b"mdat", b"wide"}:  # QuickTime from before it had a file type
        return MP4
    if start.startswith(b"AutoCAD Binary DXF") or _DXF_START.match(start):
        return DXF
    if start[128:132] == b"DICM" or _BARE_DICOM.match(start):
        return DICOM
    for signature, media_type in _SIGNATURES:
        if start.startswith(signature) and not (len(signature) == 2 and _looks_like_text(start)):
            return media_type
    return ""


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            for member, media_type in _ZIP_MEMBERS.items():
                if member in members:
                    return media_type
            if "mimetype" in members and archive.getinfo("mimetype").file_size < 200:
                return archive.read("mimetype").decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
        return "application/zip"
    return "application/zip"


_FHIR_START = re.compile(rb'[\s\xef\xbb\xbf]*\{\s*"resourceType"\s*:\s*"[A-Z]')
_FHIR_XML_START = re.compile(
    rb"""[\s\xef\xbb\xbf]*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<[A-Z]\w+\s[^>]*xmlns=["']http://hl7\.org/fhir["']""",
    re.DOTALL,
)


def _fhir_kind(start: bytes, path: Path) -> str:
    """JSON whose outermost object has a resourceType, wherever in it that stands; XML in FHIR's namespace."""
    if _FHIR_XML_START.match(start):
        return FHIR_XML
    if not start.lstrip(_BOMS[0] + b" \t\r\n").startswith(b"{") or b'"resourceType"' not in start:
        return ""
    if _FHIR_START.match(start):
        return FHIR_JSON
    try:
        whole = json.loads(path.read_bytes())
    except ValueError:
        return ""
    return FHIR_JSON if isinstance(whole, dict) and isinstance(whole.get("resourceType"), str) else ""


def _by_text(start: bytes, name: str) -> str:
    if not _looks_like_text(start):
        return ""
    plain = start.decode("utf-16", "replace").encode() if start[:2] in _BOMS else start
    if _HTML_START.match(plain.removeprefix(_BOMS[0])):
        return HTML
    suffix = PurePath(name).suffix.lower()
    for media_type in (MARKDOWN, HTML, CSV, TSV):
        if suffix in REGISTRY[media_type].suffixes:
            return media_type
    return PLAIN


def _looks_like_text(start: bytes) -> bool:
    if start.startswith(_BOMS):
        return True
    if b"\x00" in start:
        return _utf16_without_mark(start)
    strange = sum(1 for byte in start[:4096] if byte not in _TEXT_BYTES)
    return strange <= 0.01 * min(len(start), 4096)


def _utf16_without_mark(start: bytes) -> bool:
    """UTF-16 of a Western text has a zero in nearly every second byte, all on one side."""
    even, odd = start[0:4096:2].count(0), start[1:4096:2].count(0)
    half = min(len(start), 4096) // 2
    return (
        half > 8
        and (min(even, odd) == 0 or max(even, odd) > 50 * min(even, odd))
        and max(even, odd) > 0.4 * half
    )
