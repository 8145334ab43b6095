"""The formats that hold documents of other formats. They are read with the `Parts` that they share."""

from collections.abc import Callable
from pathlib import Path

from core.types import Content
from ingest.readers import archive, mail
from ingest.readers.parts import Parts

NESTED: dict[str, Callable[[Path, Parts], Content]] = {
    archive.ZIP: archive.read_parts,
    mail.EML: mail.read_parts,
}
