"""Each stage is counted and held against the one before: what does not add up never goes live."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from core.database import migrate, open_engine
from core.errors import BackendError
from core.types import PUBLIC, Block, Content, Document, Page
from ingest.chunk import Chunker
from ingest.pipeline import _check_chunks
from kg import tables
from kg.census import Counted
from kg.store import GraphStore
from rag.index.facts import FactStore
from rag.index.tables import documents
from tests.ingest.house import TENANT, House, job, memory_store


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{tmp_path / 'sightline.db'}")
    migrate(engine)
    yield House(engine, tmp_path, memory_store())
    engine.dispose()


def test_every_stage_leaves_its_count(house: House) -> None:
    ready = house.ingest(
        "a.txt",
        'Margins of Acme Corporation (the "Company") fell.\n\nCosts rose. See the logo.\fbroken\fSales grew.',
    )
    assert (ready.pages_total, ready.blocks) == (3, 4)
    assert ready.chunks == ready.vectors == ready.passages == house.store.count(TENANT, ready.id, 1) > 0
    assert min(ready.sentences, ready.mentions, ready.subjects) > 0
    rows = Counted(ready.passages, ready.sentences, ready.mentions, ready.subjects)
    with house.engine.connect() as connection:
        assert house.graph.census(connection, TENANT) == {(ready.id, 1): rows}
        assert house.graph.census(connection, "globex") == {}


def test_an_artefact_that_is_not_what_was_read_goes_no_further(house: House) -> None:
    pipeline = house.open()
    file = pipeline.accept(TENANT, "a.txt", b"Margins fell.\n\nCosts rose.")
    artefact = pipeline.read(*job(file))
    with house.engine.begin() as connection:
        connection.execute(update(documents).values(blocks=3))
    with pytest.raises(BackendError, match="holds 1 pages and 2 blocks, 1 and 3 were read"):
        pipeline.index(*job(file), artefact)
    assert house.catalog.live(TENANT, [file.id]) == {}


class Forgetful:
    """A graph that loses rows of one table of whatever is written."""

    def __init__(self, graph: Any, table: Any = tables.passages) -> None:
        self._graph = graph
        self._table = table

    def write_many(self, connection: Any, tenant: str, rows: Any) -> Any:
        written = self._graph.write_many(connection, tenant, rows)
        connection.execute(delete(self._table).where(self._table.c.passage == 0))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)


def test_a_graph_that_lacks_a_passage_goes_no_further_and_keeps_nothing(house: House) -> None:
    pipeline = house.open(lambda part: Forgetful(part) if isinstance(part, GraphStore) else part)
    file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
    with pytest.raises(BackendError, match=f"the graph holds 0 of the 1 passages of '{file.id}'"):
        pipeline.run(job(file))
    assert house.catalog.live(TENANT, [file.id]) == {}
    assert house.found("margins") == []
    assert house.documents_in_graph() == set()


@pytest.mark.parametrize("table", [tables.sentences, tables.mentions, tables.subjects])
def test_a_graph_that_lacks_other_rows_goes_no_further_either(house: House, table: Any) -> None:
    what = table.name.removeprefix("kg_")
    pipeline = house.open(lambda part: Forgetful(part, table) if isinstance(part, GraphStore) else part)
    file = pipeline.accept(TENANT, "a.txt", b'Margins of Acme Corporation (the "Company") fell.')
    with pytest.raises(BackendError, match=rf"the graph holds 0 of the \d+ {what} of '{file.id}'"):
        pipeline.run(job(file))
    assert house.catalog.live(TENANT, [file.id]) == {}


def test_a_block_that_no_passage_holds_is_a_failure() -> None:
    blocks = tuple(Block("text", text) for text in ("Margins fell. " * 99, "Costs rose. " * 99, " "))
    document = Document("d", TENANT, "a", 1, "a", PUBLIC, Content("text/plain", (Page(1, blocks),)))
    measured = Chunker(count_tokens=words, max_tokens=99).split(document)
    _check_chunks(document, measured)
    with pytest.raises(BackendError, match="the passages of 'd' hold 1 of 2 blocks with words"):
        _check_chunks(document, measured[: len(measured) // 3])


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


class ForgetsFacts:
    """A store of facts that loses one of whatever is written."""

    def __init__(self, facts: Any) -> None:
        self._facts = facts

    def write_many(self, connection: Any, tenant: str, documents: Any) -> None:
        less = [(doc_id, version, found[1:]) for doc_id, version, found in documents]
        self._facts.write_many(connection, tenant, less)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._facts, name)


def test_a_database_that_lacks_a_fact_goes_no_further_and_keeps_nothing(house: House) -> None:
    pipeline = house.open(lambda part: ForgetsFacts(part) if isinstance(part, FactStore) else part)
    file = pipeline.accept(TENANT, "a.txt", b"Revenue of Acme rose 12 % to $41.3 million in 2025.")
    with pytest.raises(BackendError, match=rf"the database holds \d of the \d facts of '{file.id}'"):
        pipeline.run(job(file))
    assert house.catalog.live(TENANT, [file.id]) == {}
    assert house.documents_in_graph() == set()
