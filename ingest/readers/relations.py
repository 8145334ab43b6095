"""How the parts of an Office package refer to each other (the .rels files of Open Packaging)."""

import posixpath
import zipfile
from typing import Any, NamedTuple

from lxml import etree

from core.errors import UnreadableFile
from ingest.readers.package import read_member

Element = Any  # lxml comes without types

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


class Related(NamedTuple):
    """`kind` is the last word of the relationship's type; `target` the name of a part of the package."""

    kind: str
    target: str


def parse(data: bytes) -> Element:
    """The root of XML that comes from a stranger: no entities, no network, no document type.

    Raises UnreadableFile where it is broken.
    """
    try:
        return etree.fromstring(
            data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        )
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(f"a part of the file is no XML: {error}") from error


def related(package: zipfile.ZipFile, part: str, most: int) -> dict[str, Related]:
    """By id, what `part` refers to inside of the package."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if rels not in package.NameToInfo:
        return {}
    found = {}
    for one in parse(read_member(package, rels, most)).iter(_RELATIONSHIP):
        if one.get("TargetMode") != "External":
            kind = (one.get("Type") or "").rpartition("/")[2]
            found[one.get("Id") or ""] = Related(kind, resolve(folder, one.get("Target") or ""))
    return found


def resolve(folder: str, target: str) -> str:
    """The name of a part that is named relative to `folder`, or from the root."""
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
