"""Deletion leaves no byte: canaries are planted in documents, and the whole state is searched for them.

The real parts, but for the encoder: reading children, SQLite, DBOS, Qdrant Edge, media.
"""

import io
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from PIL import Image

from api import operations
from api.assemble import Sightline
from bench.erasure import RACES, TENANTS, UNSEEN, Model, Paper, paper, traces
from core import state
from core.settings import Settings
from core.types import Access
from tests.fakes import WordEmbedder

ME, OTHER = Access("acme"), Access("globex")
KEPT = "zanzibar4711"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def opened(folder: Path) -> Sightline:
    state.create(folder)
    return Sightline(Settings(state=folder), embedder=WordEmbedder())


def papers(canary: str) -> dict[str, bytes]:
    return {
        f"{canary} {kind}.{kind}": paper(kind, canary) for kind in ("pdf", "md", "txt", "csv", "zip", "png")
    }


@pytest.mark.parametrize("point", ["after_flush", "after_flip"])
def test_the_older_content_stays_where_the_newer_is_deleted_before_it_is_seen(
    folder: Path, point: str
) -> None:
    model = Model(folder)
    try:
        model.ingest("acme", "paper", "md")
        model.ingest("acme", "paper", "md", delete_at=point)
        assert model.done["raced"] == 1
        assert list(model.papers) == ([("acme", "paper.md")] if point in UNSEEN else [])
        assert not +model.settle()
    finally:
        model.close()


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


# ---------------------------------------------------------------- under random use, against a dictionary

KIND = st.sampled_from(["md", "csv", "txt"])
NAME = st.sampled_from(["letter", "report"])
TENANT = st.sampled_from(TENANTS)


class Use(RuleBasedStateMachine):
    """What `python -m bench erasure` does two hundred times, as hypothesis chooses it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.model = Model(Path(self.folder.name) / "state")

    def teardown(self) -> None:
        try:
            assert not +self.model.settle()
        finally:
            self.model.close()
            self.folder.cleanup()

    @rule(tenant=TENANT, name=NAME, kind=KIND)
    def ingest(self, tenant: str, name: str, kind: str) -> None:
        self.model.ingest(tenant, name, kind)

    @rule(tenant=TENANT, name=NAME, kind=KIND, point=st.sampled_from(RACES))
    def ingest_and_delete_meanwhile(self, tenant: str, name: str, kind: str, point: str) -> None:
        self.model.ingest(tenant, name, kind, delete_at=point)

    @rule(tenant=TENANT, name=NAME)
    def delete(self, tenant: str, name: str) -> None:
        self.model.delete(tenant, name)

    @rule()
    def compact(self) -> None:
        assert not +self.model.settle()


def test_under_random_use_what_is_deleted_is_gone_and_the_rest_is_there() -> None:
    few = settings(
        max_examples=2, stateful_step_count=4, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Use, settings=few)


def test_the_count_of_faults_sees_a_document_that_was_not_deleted(tmp_path: Path) -> None:
    model = Model(tmp_path / "state")
    model.ingest("acme", "letter", "md")
    ((kept,),) = model.papers.values()
    model.gone.append(kept)  # the dictionary says deleted, the state has it
    model.papers.clear()
    faults = model.settle()
    assert faults["canaries_found"] > 0
    assert faults["residue_rows"] > 0
    model.papers["acme", "lost.md"] = [Paper("file-that-never-was", "quagmire99999x", "md")]
    assert model.settle()["lost"] == 1
    model.close()


def test_a_word_is_found_in_whatever_it_is_packed(tmp_path: Path) -> None:
    word = "quagmire00001x"
    picture, archive = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG", comment=word.encode())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("first.txt", "nothing " * 20)
        packed.writestr("second.txt", f"the word {word} " * 20)
    planted = {
        "utf8": word.encode(),
        "little": word.encode("utf-16-le"),
        "big": b"x" + word.encode("utf-16-be"),
        "zlib": b"head" + zlib.compress(word.encode() * 3),
        "jpeg": picture.getvalue(),
        "png": paper("png", word),
        "pdf": zlib.compress(b"(" + word.encode() + b") Tj"),
        "zip": b"head" + archive.getvalue(),
    }
    for name, content in planted.items():
        (tmp_path / name).write_bytes(content)
    found = {line.partition(":")[0] for line in traces(tmp_path, [word])}
    assert found == set(planted)
    assert traces(tmp_path, ["quagmire00002x"]) == []
