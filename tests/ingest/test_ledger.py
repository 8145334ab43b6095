"""Each stage is counted and held against the one before: what does not add up never goes live."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from core.database import migrate, open_engine
from core.errors import BackendError
from kg import tables
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
    ready = house.ingest("a.txt", "Margins fell.\n\nCosts rose. See the logo.\fbroken\fSales grew.")
    assert (ready.pages_total, ready.blocks) == (3, 4)
    assert ready.chunks == ready.vectors == ready.passages == house.store.count(TENANT, ready.id, 1) > 0
    with house.engine.connect() as connection:
        assert house.graph.census(connection, TENANT) == {(ready.id, 1): ready.passages}
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
    """A graph that loses a passage of whatever is written."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def write_many(self, connection: Any, tenant: str, rows: Any) -> None:
        self._graph.write_many(connection, tenant, rows)
        connection.execute(delete(tables.passages).where(tables.passages.c.passage == 0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)


def test_a_graph_that_lacks_a_passage_goes_no_further_and_keeps_nothing(house: House) -> None:
    pipeline = house.open(lambda part: Forgetful(part) if hasattr(part, "write_many") else part)
    file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
    with pytest.raises(BackendError, match=f"the graph holds 0 of the 1 passages of '{file.id}'"):
        pipeline.run(job(file))
    assert house.catalog.live(TENANT, [file.id]) == {}
    assert house.found("margins") == []
    assert house.documents_in_graph() == set()


class ForgetsFacts:
    """A store of facts that loses one of whatever is written."""

    def __init__(self, facts: Any) -> None:
        self._facts = facts

    def write(self, connection: Any, tenant: str, doc_id: str, version: int, found: Any) -> None:
        self._facts.write(connection, tenant, doc_id, version, found[1:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._facts, name)


def test_a_database_that_lacks_a_fact_goes_no_further_and_keeps_nothing(house: House) -> None:
    pipeline = house.open(lambda part: ForgetsFacts(part) if isinstance(part, FactStore) else part)
    file = pipeline.accept(TENANT, "a.txt", b"Revenue of Acme rose 12 % to $41.3 million in 2025.")
    with pytest.raises(BackendError, match=rf"the database holds \d of the \d facts of '{file.id}'"):
        pipeline.run(job(file))
    assert house.catalog.live(TENANT, [file.id]) == {}
    assert house.documents_in_graph() == set()
