"""Deletion leaves no byte: canaries are planted in documents, and the whole state is searched for them.

The real parts, but for the encoder: reading children, SQLite, DBOS, Qdrant Edge, media.
"""

import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from reportlab.pdfgen.canvas import Canvas

from api import operations
from api.assemble import Sightline
from core import state
from core.settings import Settings
from core.types import Access
from tests.fakes import WordEmbedder

ME, OTHER = Access("acme"), Access("globex")
KEPT = "zanzibar4711"
LONGEST = 4_000_000  # bytes that a compressed stream is unpacked to


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def opened(folder: Path) -> Sightline:
    state.create(folder)
    return Sightline(Settings(state=folder), embedder=WordEmbedder())


def traces(folder: Path, canaries: list[str]) -> list[str]:
    """Where any of these words lies in a file, as it is, in UTF-16, or inside something compressed."""
    forms = {
        (canary, code): canary.encode(code)
        for canary in canaries
        for code in ("utf-8", "utf-16-le", "utf-16-be")
    }
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for layer in (data, *unpacked(data)):
                found += [
                    f"{path.name}: {canary} as {code}"
                    for (canary, code), form in forms.items()
                    if form in layer
                ]
    return found


def unpacked(data: bytes) -> Iterator[bytes]:
    """What zlib finds at every place where a stream of it may begin."""
    for head in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        at = data.find(head)
        while at >= 0:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(data[at : at + LONGEST], LONGEST)
            at = data.find(head, at + 1)


def papers(canary: str) -> dict[str, bytes]:
    pdf = io.BytesIO()
    canvas = Canvas(pdf, pageCompression=1)
    canvas.drawString(72, 700, f"The board of {canary} met in Geneva in March 2024.")
    picture = io.BytesIO()
    Image.effect_noise((200, 100), 50).save(picture, "PNG")
    canvas.showPage()
    canvas.save()
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", f"taken by {canary}", zip=True)
    photo = io.BytesIO()
    Image.effect_noise((300, 200), 50).save(photo, "PNG", pnginfo=told)
    return {
        f"{canary}.pdf": pdf.getvalue(),
        f"{canary}.md": f"# Letter of {canary}\n\nDr. {canary.title()} Smith wrote to Ada Lovelace.\n".encode(),
        f"{canary} wide.txt": f"Signed by {canary}, in two bytes a letter.".encode("utf-16"),
        f"{canary}.csv": f"name;value\n{canary};41\n".encode(),
        f"{canary}.png": photo.getvalue(),
    }


def test_nothing_of_a_deleted_document_is_left_in_the_state(folder: Path) -> None:
    canary = "quagmire8128"
    sightline = opened(folder)
    for name, content in papers(canary).items():
        operations.accept(sightline, name, content, ME)
    kept = operations.accept(sightline, "kept.md", f"# Kept\n\n{KEPT} stays.\n".encode(), OTHER)
    sightline.jobs.drain(timeout=60)
    files = operations.list_files(sightline, ME).data
    assert sum(file.stage == "ready" for file in files) >= 4, files
    assert traces(folder, [canary]), "the canary must be there before it can be gone"

    receipts = [operations.delete(sightline, file.id, ME).removed for file in files]
    assert sum(receipt.points for receipt in receipts) == sum(file.chunks for file in files)
    assert sum(receipt.passages for receipt in receipts) == sum(file.chunks for file in files)
    assert sum(receipt.entities for receipt in receipts) > 0
    assert all(receipt.blobs >= 1 and receipt.jobs == 1 for receipt in receipts)
    sightline.jobs.drain(timeout=60)
    operations.compact(sightline, sightline.jobs.held)
    found = sightline.retriever.search(KEPT, access=OTHER, limit=3)
    assert [hit.chunk.doc_id for hit in found] == [kept.id]  # what is left is found in the compacted index
    sightline.close()

    assert traces(folder, [canary, canary.title()]) == []
    assert traces(folder, [KEPT])
    again = opened(folder)
    assert [file.id for file in operations.list_files(again, OTHER).data] == [kept.id]
    assert again.store.count(OTHER.tenant) == 1
    again.close()
