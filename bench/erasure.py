"""Deletion under random use: two tenants, documents that change and go, deletion in the middle of work.

Each round plants documents with a canary word (as text, UTF-16, and inside compressed streams), changes
and deletes some, some of them while they pass a point of `ingest.crashpoints`, compacts, and compares the
state with a plain dictionary: what is deleted is nowhere, what is not deleted is found by its owner alone.
The parts are those of `api/assemble.py` but for the encoder, which is a bag of words.
"""

import argparse
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

from PIL import Image, PngImagePlugin
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import MetaData, String, Text, select

from api import operations
from api.assemble import Sightline
from bench.meter import children_seconds, cpu_seconds
from bench.processes import BagOfWords
from bench.report import Report
from core import state
from core.settings import Settings
from core.types import Access, Hit

TENANTS = ("acme", "globex")
LONGEST = 4_000_000  # bytes that a compressed stream is unpacked to
WAIT = 120.0  # seconds for all work to end
# Where a document may be deleted under the hands that work on it; in the open ones a transaction holds
# the database, so that the deletion waits for its end.
OPEN = frozenset({"after_graph", "after_flip"})
# Deleted here, a new content was never seen: the older one under its name, which nobody deleted, stays.
UNSEEN = ("after_read", "after_keep", "after_refer", "after_describe", "after_upsert", "after_flush")
RACES = (*UNSEEN, *sorted(OPEN), "after_publish", "after_release")
KINDS = ("md", "md", "csv", "txt", "pdf", "zip")
PICTURES = ("png", "jpg")  # read by OCR: a hundred times as slow
FAULTS = ("canaries_found", "residue_rows", "lost", "half_visible")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)


def run(options: argparse.Namespace) -> Report:
    random = Random(options.seed)
    began = cpu_seconds() + children_seconds()
    faults: Counter[str] = Counter()
    with TemporaryDirectory(prefix="bench-") as folder:
        model = Model(Path(folder) / "state")
        try:
            for _ in range(options.rounds):
                random_round(model, random)
                faults += model.settle()
        finally:
            model.close()
    return Report(
        bench="erasure",
        data="",
        metrics={
            "rounds": options.rounds,
            **{name: faults[name] for name in FAULTS},
            **model.done,
            "cpu_seconds": cpu_seconds() + children_seconds() - began,
        },
        settings={"seed": options.seed},
    )


def random_round(model: "Model", random: Random) -> None:
    for _ in range(random.randint(2, 4)):
        tenant, name = random.choice(TENANTS), f"paper {random.randint(1, 4)}"
        kind = random.choice(PICTURES) if random.random() < 0.03 else random.choice(KINDS)
        match random.randint(0, 3):
            case 0 | 1:
                model.ingest(tenant, name, kind)
            case 2:
                model.ingest(tenant, name, kind, delete_at=random.choice(RACES))
            case _:
                model.delete(tenant, name)


# ---------------------------------------------------------------- what should be


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that nobody deleted."""

    file_id: str
    canary: str
    kind: str


@dataclass(slots=True)
class Gate:
    """Does what is asked of it once, when ingestion passes `point`."""

    point: str = ""
    action: Callable[[], None] | None = None
    begun: list[Thread] = field(default_factory=list)

    def __call__(self, here: str) -> None:
        if here != self.point or self.action is None:
            return
        thread = Thread(target=self.action)
        self.point, self.action = "", None
        self.begun.append(thread)
        thread.start()
        if here not in OPEN:
            thread.join()


class Model:
    """A state, and beside it a dictionary of what should be in it. One rule is one method."""

    def __init__(self, folder: Path) -> None:
        state.create(folder)
        self.folder = folder
        self.gate = Gate()
        self.sightline = Sightline(Settings(state=folder), embedder=BagOfWords(), reached=self.gate)
        # Under each name what nobody deleted: the one that is seen, and what came later and is not.
        self.papers: dict[tuple[str, str], list[Paper]] = {}
        self.gone: list[Paper] = []
        self.done: Counter[str] = Counter(ingested=0, replaced=0, deleted=0, raced=0)
        self._number = 0

    def close(self) -> None:
        self.sightline.close()

    def ingest(self, tenant: str, name: str, kind: str, *, delete_at: str = "") -> None:
        """New, or other content under a name that is known; `delete_at`: deleted while it passes that point."""
        self._number += 1
        canary = f"quagmire{self._number:05}x"
        source = f"{name}.{kind}"
        taken: Future[str] = Future()
        if delete_at:
            self.gate.action = lambda: self._remove(tenant, taken.result())
            self.gate.point = delete_at
        accepted = operations.accept(self.sightline, source, paper(kind, canary), Access(tenant))
        taken.set_result(accepted.id)
        self._idle()
        self.done["ingested"] += 1
        raced = bool(delete_at) and not self.gate.point
        unreadable = not raced and kind in PICTURES and self._stage(tenant, accepted.id) == "failed"
        if not unreadable and not (raced and delete_at in UNSEEN):
            self._forget(tenant, source)
        self.gate.point, self.gate.action = "", None
        kept = Paper(accepted.id, canary, kind)
        if raced:
            self.done["raced"] += 1
            self.gone.append(kept)
        else:
            self.papers.setdefault((tenant, source), []).append(kept)

    def delete(self, tenant: str, name: str) -> None:
        for key in [key for key in self.papers if key[0] == tenant and key[1].startswith(f"{name}.")]:
            for one in self.papers.pop(key):
                self._remove(tenant, one.file_id)
                self.done["deleted"] += 1
                self.gone.append(one)

    def settle(self) -> Counter[str]:
        """Compacts, and counts where the state is not as the dictionary says."""
        self._idle()
        self.sightline.pipeline.compact()
        faults = Counter(
            canaries_found=len(traces(self.folder, [one.canary for one in self.gone])),
            residue_rows=self._residue(),
        )
        for (tenant, _), papers in self.papers.items():
            for one in papers:
                faults += self._visible(tenant, one)
        self.gone.clear()
        return faults

    def _visible(self, tenant: str, one: Paper) -> Counter[str]:
        owner, other = Access(tenant), Access(next(name for name in TENANTS if name != tenant))
        stage = self._stage(tenant, one.file_id)
        found = {hit.chunk.doc_id for hit in self._holding(one.canary, owner)}
        if not stage or (one.kind not in PICTURES and stage != "ready"):
            return Counter(lost=1)
        if stage == "ready" and one.kind not in PICTURES and found != {one.file_id}:
            return Counter(lost=1)
        return Counter(half_visible=int(bool(self._holding(one.canary, other))))

    def _stage(self, tenant: str, file_id: str) -> str:
        """Empty where the file is not there."""
        files = operations.list_files(self.sightline, Access(tenant)).data
        return next((file.stage for file in files if file.id == file_id), "")

    def _holding(self, canary: str, access: Access) -> list[Hit]:
        hits = self.sightline.retriever.search(canary, access=access, limit=10)
        return [hit for hit in hits if canary in hit.chunk.text.lower()]

    def _residue(self) -> int:
        """Rows of any table that name a document which is deleted."""
        engine = self.sightline.engine
        known = MetaData()
        known.reflect(engine)
        kept = {one.file_id for papers in self.papers.values() for one in papers}
        deleted = {one.file_id for one in self.gone} - kept
        rows = 0
        with engine.connect() as connection:
            for table in known.tables.values():
                columns = [column for column in table.columns if isinstance(column.type, String | Text)]
                for row in connection.execute(select(*columns)) if columns else ():
                    rows += any(id_ in str(value) for value in row if value for id_ in deleted)
        return rows

    def _remove(self, tenant: str, file_id: str) -> None:
        operations.delete(self.sightline, file_id, Access(tenant))

    def _forget(self, tenant: str, source: str) -> None:
        """What new content has replaced, since it is seen."""
        for before in self.papers.pop((tenant, source), []):
            self.done["replaced"] += 1
            self.gone.append(before)

    def _idle(self) -> None:
        self.sightline.jobs.drain(timeout=WAIT)
        while self.gate.begun:
            self.gate.begun.pop().join()
        for one in self.gone:
            self.sightline.jobs.forget(one.file_id)


# ---------------------------------------------------------------- what is planted, and looked for


def paper(kind: str, canary: str) -> bytes:
    """A small document that says the canary."""
    text = f"# Letter of {canary}\n\nDr. {canary.title()} Smith wrote to Ada Lovelace about 41 units.\n"
    target = io.BytesIO()
    match kind:
        case "md":
            return text.encode()
        case "txt":
            return f"Signed by {canary}, in two bytes a letter.".encode("utf-16")
        case "csv":
            return f"name;value\n{canary};41\n".encode()
        case "pdf":
            canvas = Canvas(target, pageCompression=1)
            canvas.drawString(72, 700, f"The board of {canary} met in Geneva in March 2024.")
            canvas.showPage()
            canvas.save()
        case "zip":
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("letter.md", text * 3)
        case "png":
            told = PngImagePlugin.PngInfo()
            told.add_text("Comment", f"taken by {canary}", zip=True)
            Image.effect_noise((300, 200), 50).save(target, "PNG", pnginfo=told)
        case _:
            Image.effect_noise((300, 200), 50).save(target, "JPEG", comment=f"taken by {canary}".encode())
    return target.getvalue()


_EMPTY = bytes(
    1024
)  # a stretch of a file that was made large in advance: most of the state, and slow to search


def traces(folder: Path, canaries: Iterable[str]) -> list[str]:
    """Where any of these words lies in a file, as it is, in UTF-16, or inside something compressed."""
    forms = {
        (word, code): word.encode(code)
        for canary in canaries
        for word in {canary, canary.title()}
        for code in ("utf-8", "utf-16-le", "utf-16-be")
    }
    found = []
    for path in sorted(folder.rglob("*")) if forms else ():
        if path.is_file():
            data = path.read_bytes().replace(_EMPTY, b"")
            for layer in (data, *unpacked(data)):
                found += [
                    f"{path.name}: {word} as {code}" for (word, code), form in forms.items() if form in layer
                ]
    return found


def unpacked(data: bytes) -> Iterator[bytes]:
    """What zlib finds at every place where a stream of it, or an entry of a ZIP file, may begin."""
    for head in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        yield from _inflated(data, head, 0, zlib.MAX_WBITS)
    at = data.find(b"PK\x03\x04")
    while at >= 0:
        name, extra = (int.from_bytes(data[at + place : at + place + 2], "little") for place in (26, 28))
        yield from _inflated(
            data[at : at + LONGEST], b"PK\x03\x04", 30 + name + extra, -zlib.MAX_WBITS, once=True
        )
        at = data.find(b"PK\x03\x04", at + 1)


def _inflated(data: bytes, head: bytes, skip: int, bits: int, *, once: bool = False) -> Iterator[bytes]:
    at = data.find(head)
    while at >= 0:
        with suppress(zlib.error):
            start = at + skip
            yield zlib.decompressobj(bits).decompress(data[start : start + LONGEST], LONGEST)
        at = -1 if once else data.find(head, at + 1)
