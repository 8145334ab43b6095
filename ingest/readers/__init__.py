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

from core.errors import LockedFile, UnreadableFile, UnsupportedFormat
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
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EPUB = "application/epub+zip"
EML = "message/rfc822"
JSON = "application/json"
ZIP = "application/zip"
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


def _docx(limits: Limits) -> Reader:
    from ingest.readers import docx

    return partial(docx.read, limits=limits)


def _pptx(limits: Limits) -> Reader:
    from ingest.readers import pptx

    return partial(pptx.read, limits=limits)


def _xlsx(limits: Limits) -> Reader:
    from ingest.readers import xlsx

    return partial(xlsx.read, limits=limits)


def _epub(limits: Limits) -> Reader:
    from ingest.readers import epub

    return partial(epub.read, limits=limits)


def _mail(limits: Limits) -> Reader:
    from ingest.readers import mail

    return partial(mail.read, limits=limits)


def _json(_limits: Limits) -> Reader:
    from ingest.readers import jsontree

    return jsontree.read


def _archive(limits: Limits) -> Reader:
    from ingest.readers import archive

    return partial(archive.read, limits=limits)


class Format(NamedTuple):
    """`reader` opens the reader: the parser is imported only then.

    `reads`, `leaves` and `places` say for people what is read, what is not, and what a citation points
    at; docs/formats.md is made of them.
    """

    reader: Callable[[Limits], Reader]
    description: str
    suffixes: tuple[str, ...]
    reads: str = ""
    leaves: str = ""
    places: str = ""


REGISTRY: dict[str, Format] = {
    PDF: Format(
        _pdf,
        "PDF",
        (".pdf",),
        "text in reading order, headings, tables (over page breaks too), figures, page labels; scanned pages by OCR",
        "forms, annotations, attachments, media; what is hidden from the eye",
        "page and box",
    ),
    PLAIN: Format(
        _plain, "plain text", (".txt", ".text", ".log"), "paragraphs, lone headings; any encoding", "", "line"
    ),
    MARKDOWN: Format(
        _markdown,
        "Markdown",
        (".md", ".markdown"),
        "headings, paragraphs, lists, tables, code, front matter",
        "pictures that it refers to",
        "line, row and cell of a table",
    ),
    HTML: Format(
        _html,
        "HTML",
        (".html", ".htm", ".xhtml"),
        "the main content: headings, paragraphs, lists, code, tables with merged cells; alternative texts",
        "scripts, navigation, what is hidden, pictures, anything that would have to be fetched",
        "line, row and cell of a table",
    ),
    CSV: Format(
        _delimited, "CSV", (".csv",), "rows with their header; any delimiter and encoding", "", "row and cell"
    ),
    TSV: Format(
        _delimited, "TSV", (".tsv", ".tab"), "rows with their header; any encoding", "", "row and cell"
    ),
    PNG: Format(_image, "PNG image", (".png",), "words by OCR, the picture", "", "page and box"),
    JPEG: Format(
        _image,
        "JPEG image",
        (".jpg", ".jpeg"),
        "words by OCR, the picture, turned upright",
        "",
        "page and box",
    ),
    TIFF: Format(
        _image, "TIFF image", (".tif", ".tiff"), "each page: words by OCR, the picture", "", "page and box"
    ),
    WEBP: Format(
        _image,
        "WebP image",
        (".webp",),
        "words by OCR, the picture",
        "frames after the first",
        "page and box",
    ),
    DOCX: Format(
        _docx,
        "Word document",
        (".docx",),
        "headings and lists with their numbers, tables with merged cells, foot- and endnotes, comments, text boxes, "
        "equations in one line, pictures with descriptions, chart values; inserted text",
        "deleted text, words inside pictures, SmartArt, macros; headers and footers are kept for the record only",
        "paragraph, row and cell of a table, footnote, comment, chart",
    ),
    PPTX: Format(
        _pptx,
        "PowerPoint file",
        (".pptx",),
        "titles, texts, tables with merged cells, chart values, SmartArt, pictures with descriptions, notes; "
        "hidden slides, said so",
        "words inside pictures, masters and layouts, animations, media, comments",
        "slide and box of the shape, row and cell of a table, notes of a slide",
    ),
    XLSX: Format(
        _xlsx,
        "Excel workbook",
        (".xlsx", ".xlsm"),
        "every table of every sheet, merged cells, numbers as displayed and exact, dates as ISO, stored results of "
        "formulas, chart values; hidden sheets, said so",
        "formulas themselves, pictures, cell comments, pivot definitions, macros",
        "range of cells and row; cell",
    ),
    EPUB: Format(
        _epub,
        "EPUB book",
        (".epub",),
        "chapters in reading order: headings, paragraphs, lists, tables",
        "pictures, fixed positions; books under DRM",
        "chapter and line",
    ),
    EML: Format(
        _mail,
        "e-mail",
        (".eml",),
        "headers, the body (plain or HTML), each attachment as its own format, forwarded e-mails",
        "encrypted bodies, signatures",
        "headers, line of the body, part",
    ),
    ZIP: Format(
        _archive,
        "ZIP archive",
        (".zip",),
        "each member as its own format, archives in archives; the DICOM files of one study as its series, slices in order",
        "members with a password, clutter of operating systems",
        "part, and the place in it; slice of a series",
    ),
    DICOM: Format(
        _dicom,
        "DICOM",
        (".dcm", ".dicom"),
        "the header without what identifies the patient, measurements, windowed pictures",
        "identifiers of the patient; codecs under the GPL",
        "frame; slice of a series",
    ),
    FHIR_JSON: Format(
        _fhir,
        "FHIR as JSON",
        (".json", ".ndjson"),
        "resources under their patient, observations as typed values",
        "extensions that are not known",
        "resource",
    ),
    JSON: Format(
        _json,
        "JSON",
        (".json", ".jsonl", ".ndjson"),
        "records with their paths, lists of records as tables, numbers as written",
        "",
        "JSON pointer",
    ),
    DXF: Format(
        _dxf,
        "DXF drawing",
        (".dxf",),
        "texts, dimensions, attributes, tables, layers, a picture",
        "three-dimensional solids",
        "layer and box",
    ),
    FHIR_XML: Format(
        _fhir,
        "FHIR as XML",
        (".xml",),
        "resources under their patient, observations as typed values",
        "extensions that are not known",
        "resource",
    ),
    MP4: Format(
        partial(_video, media_type=MP4),
        "MP4 or MOV video",
        (".mp4", ".m4v", ".mov"),
        "frames at changes of the picture and every second: words by OCR, the picture",
        "sound",
        "second, frame and box",
    ),
    MATROSKA: Format(
        partial(_video, media_type=MATROSKA),
        "WebM video",
        (".webm", ".mkv"),
        "frames at changes of the picture and every second: words by OCR, the picture",
        "sound",
        "second, frame and box",
    ),
    AVI: Format(
        partial(_video, media_type=AVI),
        "AVI video",
        (".avi",),
        "frames at changes of the picture and every second: words by OCR, the picture",
        "sound",
        "second, frame and box",
    ),
}

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What stands at the start of files that we name but may not read.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (_OLE, "application/x-ole-storage"),
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
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "an Excel workbook",
    "application/vnd.oasis.opendocument.text": "an OpenDocument text",
    "application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument spreadsheet",
    "application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation",
    "application/vnd.ms-excel.sheet.binary": "a binary Excel workbook (.xlsb)",
}
_ZIP_MEMBERS = {
    "word/document.xml": DOCX,
    "xl/workbook.xml": XLSX,
    "ppt/presentation.xml": PPTX,
    "xl/workbook.bin": "application/vnd.ms-excel.sheet.binary",
}
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")  # the stream of an Office file with a password
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

    Raises UnreadableFile for an empty file, LockedFile for an encrypted Office file, UnsupportedFormat for one that no reader takes.
    """
    with path.open("rb") as file:
        start = file.read(_SNIFFED)
    if not start:
        raise UnreadableFile("the file is empty")
    found = _by_signature(start, path) or _fhir_kind(start, path) or _by_text(start, path, name)
    if found in REGISTRY:
        return found
    what = _NAMED.get(found, "binary data of an unknown kind" if not found else f"a file of type {found}")
    raise UnsupportedFormat(f"{name!r} is {what}; Sightline reads {readable()}")


def readable() -> str:
    """The kinds of files that can be read, for people: "PDF (.pdf), plain text (.txt ...), ..."."""
    return ", ".join(f"{form.description} ({' '.join(form.suffixes)})" for form in REGISTRY.values())


def table() -> str:
    """docs/formats.md: what is read of each format, what is not, and what a citation points at."""
    rows = [
        f"| {form.description} | {' '.join(form.suffixes)} | {form.reads} | {form.leaves or '-'} | {form.places} |"
        for form in sorted(REGISTRY.values(), key=lambda form: form.description.lower())
    ]
    return "\n".join(
        [
            "# Formats",
            "",
            "What a file is, its content says; the name decides among text formats only. Every reader works in a child",
            "process under limits of memory, time and size; archives also under limits of members, ratio and nesting. Files",
            "with a password are refused as locked, broken ones with the reason. Made from the registry in",
            "`ingest/readers/__init__.py`.",
            "",
            "| format | names | what is read | what is not | places |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _by_signature(start: bytes, path: Path) -> str:
    # Many real PDF files have bytes before the header; readers accept it in the first kilobyte.
    if b"%PDF-" in start[:1024]:
        return PDF
    if start.startswith(_OLE) and _ENCRYPTED_PACKAGE in path.read_bytes():
        raise LockedFile("the Office file is protected by a password: save it without one")
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
        return ZIP
    return ZIP


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


_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]*):[ \t]|>?From [^\n]*\n")
_MAIL_HEADERS = frozenset(
    (
        b"from",
        b"to",
        b"date",
        b"subject",
        b"message-id",
        b"mime-version",
        b"received",
        b"return-path",
        b"sender",
    )
)


def _is_mail(start: bytes) -> bool:
    """The lines before the first empty one are headers, and three of them are those of e-mails."""
    head = re.split(rb"\r?\n\r?\n", start.lstrip(), maxsplit=1)[0].splitlines()
    lines = [line for line in head if not line.startswith((b" ", b"\t"))]
    names = [found[1].lower() for line in lines if (found := _HEADER.match(line + b"\n")) and found[1]]
    return len(names) >= len(lines) - 1 and len(_MAIL_HEADERS.intersection(names)) >= 3


def _is_json(start: bytes, path: Path, suffix: str) -> bool:
    if not start.lstrip(_BOMS[0] + b" \t\r\n").startswith((b"{", b"[")):
        return False
    if suffix in REGISTRY[JSON].suffixes:
        return True
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True


def _by_text(start: bytes, path: Path, name: str) -> str:
    if not _looks_like_text(start):
        return ""
    plain = start.decode("utf-16", "replace").encode() if start[:2] in _BOMS else start
    if _HTML_START.match(plain.removeprefix(_BOMS[0])):
        return HTML
    suffix = PurePath(name).suffix.lower()
    if _is_mail(plain):
        return EML
    if _is_json(plain, path, suffix):
        return JSON
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
