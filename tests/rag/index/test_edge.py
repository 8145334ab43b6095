"""What only the embedded store does: its folder, its owner, its durability, its limits."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pytest

import rag
from core.errors import BackendError, IndexMismatch, InputError, StateInUse
from core.types import Access, Point
from rag.index.edge import EdgeStore
from rag.index.payload import INDEXED_FIELDS
from rag.index.store import Identity, Space
from tests.fakes import a_chunk

IDENTITY = Identity({"text": Space("test", 4)}, "bm25")
EAST = np.array([1, 0, 0, 0], dtype=np.float32)
ME = Access()


def an_id(number: int) -> str:
    return str(uuid5(NAMESPACE_URL, str(number)))


def a_point(number: int, text: str = "text") -> Point:
    return Point(a_chunk(an_id(number), text, ordinal=number), {"text": EAST})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path, IDENTITY)
    yield opened
    opened.close()


def test_what_was_flushed_is_there_again_after_closing(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, IDENTITY)
    store.upsert([a_point(n) for n in range(30)])
    store.flush()
    store.close()
    store.close()
    again = EdgeStore(tmp_path, IDENTITY)
    assert again.count("default") == 30
    assert again.get([an_id(7)], access=ME)[0].ordinal == 7
    again.close()


def test_a_second_owner_is_told_who_has_the_folder(store: EdgeStore, tmp_path: Path) -> None:
    with pytest.raises(StateInUse, match=f"process {os.getpid()}"):
        EdgeStore(tmp_path, IDENTITY)
    store.upsert([a_point(1)])
    assert store.count("default") == 1


def test_another_embedder_is_refused_and_the_folder_stays_free(tmp_path: Path) -> None:
    EdgeStore(tmp_path, IDENTITY).close()
    for other in (
        Identity({"text": Space("other", 4)}, "bm25"),
        Identity({"text": Space("test", 8)}, "bm25"),
        Identity({"text": Space("test", 4)}, "bm25-other"),
    ):
        with pytest.raises(IndexMismatch, match=r"text=test \(4\), words=bm25"):
            EdgeStore(tmp_path, other)
    EdgeStore(tmp_path, IDENTITY).close()


def test_a_folder_that_was_left_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "points.unfinished" / "shard").mkdir(parents=True)
    store = EdgeStore(tmp_path, IDENTITY)
    store.upsert([a_point(1)])
    store.close()
    assert not (tmp_path / "points.unfinished").exists()


def test_a_damaged_folder_is_a_backend_error_and_stays_free(tmp_path: Path) -> None:
    EdgeStore(tmp_path, IDENTITY).close()
    for file in (tmp_path / "points/identity.json", tmp_path / "points/shard/edge_config.json"):
        whole = file.read_bytes()
        file.write_text("{")
        with pytest.raises(BackendError, match="vector index"):
            EdgeStore(tmp_path, IDENTITY)
        file.write_bytes(whole)
    EdgeStore(tmp_path, IDENTITY).close()


def test_the_payload_indexes_are_there_before_the_first_point(store: EdgeStore) -> None:
    schema = store._shard.info().payload_schema
    assert set(schema) == set(INDEXED_FIELDS)
    assert schema["tenant"].params.is_tenant


def test_more_than_the_documented_size_is_refused(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, IDENTITY, max_points=10)
    store.upsert([a_point(n) for n in range(8)])
    with pytest.raises(InputError, match="SIGHTLINE_QDRANT_URL"):
        store.upsert([a_point(n) for n in range(8, 12)])
    assert store.count("default") == 8
    store.close()


def test_points_know_when_they_were_written(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, IDENTITY, clock=lambda: 1_700_000_000.9)
    store.upsert([a_point(1)])
    (record,) = store._shard.retrieve([an_id(1)], True, False)
    assert record.payload["created"] == 1_700_000_000
    store.close()


def test_threads_may_write_and_search_at_the_same_time(store: EdgeStore) -> None:
    def write(batch: int) -> None:
        store.upsert([a_point(batch * 50 + n) for n in range(50)])

    def search(_number: int) -> int:
        return len(store.search("text", EAST, access=ME, limit=10))

    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, batch) for batch in range(10)]
        found = [pool.submit(search, number) for number in range(40)]
        for write_done in written:
            write_done.result()
        assert max(search_done.result() for search_done in found) <= 10
    assert store.count("default") == 500


def test_nothing_of_ours_optimizes_in_the_process() -> None:
    """`optimize()` holds the interpreter lock for minutes (measured: one tick in 39 s)."""
    root = Path(rag.__file__).parent.parent
    sources = [
        path for package in ("core", "kg", "rag", "ingest", "api") for path in (root / package).rglob("*.py")
    ]
    assert len(sources) > 10
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr == "optimize"), path


# ---------------------------------------------------------------- kill -9

CHILD = """
import sys
from pathlib import Path
import numpy as np
from core.errors import InputError
from core.types import Point
from rag.index.edge import EdgeStore
from tests.rag.index.test_edge import IDENTITY, a_chunk, a_point, an_id

store = EdgeStore(Path(sys.argv[1]), IDENTITY)
wrong = Point(a_chunk(an_id(10**6), "wrong"), {"txt": np.ones(4, dtype=np.float32)})
for batch in range(10**6):
    store.upsert([a_point(batch * 20 + n, f"text of {batch}") for n in range(20)])
    try:
        store.upsert([wrong])
    except InputError:
        pass
    if batch == 3:
        store.delete("default", "doc-gone")
        store.flush()
    print(batch, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9_and_what_was_refused_stays_away(tmp_path: Path) -> None:
    root = Path(rag.__file__).parent.parent
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = -1
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged == 7:
            child.kill()
            break
    rest = child.stdout.read().split()
    child.stdout.close()
    child.wait()
    assert child.returncode == -9
    acknowledged = int(rest[-1]) if rest else acknowledged

    store = EdgeStore(tmp_path, IDENTITY)
    kept = [an_id(number) for number in range((acknowledged + 1) * 20)]
    chunks = store.get(kept, access=ME)
    assert [chunk.id for chunk in chunks] == kept
    assert [chunk.text for chunk in chunks[-20:]] == [f"text of {acknowledged}"] * 20
    # The batch in flight may be there, whole or not; nothing else may.
    assert len(kept) <= store.count("default") <= len(kept) + 20
    assert store._shard.info().points_count == store.count("default")
    found = store.search("text", EAST, access=ME, limit=len(kept))
    assert {round(scored.score, 5) for scored in found} == {1.0}
    assert store.get([an_id(10**6)], access=ME) == []
    store.close()


def test_searches_and_writes_go_on_while_the_store_is_compacted(store: EdgeStore) -> None:
    store.upsert([a_point(n) for n in range(60)])
    store.delete(ME.tenant, "doc-2")

    def work(number: int) -> int:
        if number == 10:
            store.compact()
        elif number % 5 == 0:
            store.upsert([a_point(100 + number)])
        return len(store.search("text", EAST, access=ME, limit=5))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(40))) == {5}
    assert store.count(ME.tenant) == 67
