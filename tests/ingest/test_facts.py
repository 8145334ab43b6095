"""Facts: made from tables, sentences and readings, live with their document, gone with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from core.database import migrate, open_engine, reading
from core.text import telling_term
from core.types import Access, Block, Box, Content, Document, Page, Reading
from ingest.chunk import chunks_of
from ingest.facts import facts_of
from rag.index.facts import Wanted
from tests.ingest.house import TENANT, House, job, memory_store


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{tmp_path / 'sightline.db'}")
    migrate(engine)
    yield House(engine, tmp_path, memory_store())
    engine.dispose()


TEXT = "Revenue rose 12 % to $5.2 billion in 2025.\n\nin millions | 2025 | 2024\nOcean | 10.5 | 9.0"


def document(*blocks: Block) -> Document:
    content = Content("text/plain", (Page(1, blocks, 100, 100),))
    return Document("d1", TENANT, "a.txt", 1, "Report", frozenset({"public"}), content)


def found(*blocks: Block) -> list[tuple[str, str, str, int, str, str]]:
    doc = document(*blocks)
    chunks = chunks_of(doc, count_tokens=lambda texts: [len(text.split()) for text in texts], max_tokens=200)
    return [
        (fact.attribute, fact.period, fact.value, fact.scale, fact.unit, fact.method)
        for fact in facts_of(doc, chunks)
    ]


def test_sentences_and_tables_give_facts() -> None:
    rows = ((" in millions", "2025", "2024"), ("Ocean", "10.5", "9.0"))
    table = Block("table", "\n".join(" | ".join(row) for row in rows), rows=rows)
    assert found(Block("text", "Revenue rose 12 % to $5.2 billion in 2025."), table) == [
        ("Revenue (change)", "2025", "12", 0, "%", "text"),
        ("Revenue", "2025", "5.2", 9, "", "text"),
        ("Ocean", "2025", "10.5", 6, "", "table"),
        ("Ocean", "2024", "9.0", 6, "", "table"),
    ]


def test_a_record_that_its_reader_typed_is_not_read_again_for_values() -> None:
    words = "Observation: Glucose\nStatus: 3 of 4\nGlucose: 6.3 mmol/l"
    reading = Reading("Glucose", "6.3", "6.3 mmol/l", "mmol/L", "2024-03-05", "Anna Berg", "fhir")
    assert found(Block("record", words, readings=(reading,), anchor="Observation/1")) == [
        ("Glucose", "2024-03-05", "6.3", 0, "mmol/L", "fhir")
    ]
    assert found(Block("record", words, anchor="Observation/1"))


def test_what_a_reader_typed_keeps_its_box() -> None:
    reading = Reading("Revenue", "41.3", "41.3", "%", "Q3 2024", "Flow", "chart-xml", 0.8, Box(1, 2, 3, 4))
    doc = document(Block("figure", "a chart", readings=(reading,)))
    (fact,) = facts_of(doc, [])
    assert (fact.subject, fact.period, fact.place.box, fact.method) == (
        "Flow", "2024-Q3", Box(1, 2, 3, 4), "chart-xml",
    )  # fmt: skip


@pytest.mark.parametrize(("unit", "currency"), [("JPY", "JPY"), ("", ""), ("CNY", "CNY")])
def test_words_do_not_overrule_the_currency_that_the_reader_typed(unit: str, currency: str) -> None:
    rows = (("Item", "2025"), ("Sales", "¥1,200"))
    reading = Reading("Sales", "1200", "¥1,200", unit, "2025", method="cell")
    table = Block("table", "\n".join(" | ".join(row) for row in rows), rows=rows, readings=(reading,))
    doc = document(table)
    chunks = chunks_of(doc, count_tokens=lambda texts: [len(text.split()) for text in texts], max_tokens=200)
    (said, typed) = facts_of(doc, chunks)
    assert (said.method, said.currency, typed.method, typed.unit) == ("table", currency, "cell", unit)


@pytest.mark.parametrize(
    ("note", "currency"), [("All in RMB.", "CNY"), ("All in yen.", "JPY"), ("All.", "¥")]
)
def test_another_passage_tells_whose_sign_an_amount_has(note: str, currency: str) -> None:
    doc = document(
        Block("text", "Sales were ¥5.2 billion in 2025. " + "Ferries sail daily. " * 80), Block("text", note)
    )
    chunks = chunks_of(doc, count_tokens=lambda texts: [len(text.split()) for text in texts], max_tokens=200)
    assert len(chunks) > 1
    assert [fact.currency for fact in facts_of(doc, chunks) if fact.value == "5.2"] == [currency]


def counted(house: House) -> dict[tuple[str, int], int]:
    with reading(house.engine) as connection:
        return house.facts.census(connection, TENANT)


def test_facts_are_live_with_their_document_and_gone_with_it(house: House) -> None:
    file = house.ingest("a.txt", TEXT)
    assert house.catalog.get(TENANT, file.id).facts == counted(house)[file.id, 1] == 4
    (fact, *_) = house.facts.find(Wanted("revenue", period="2025"), access=Access(TENANT), limit=10)
    assert (fact.text, fact.place.page) == ("12 %", 1)
    pipeline = house.open()
    pipeline.delete(TENANT, file.id)
    pipeline.run(job(file))
    assert house.facts.find(Wanted(), access=Access(TENANT), limit=10) == []
    assert counted(house) == {}


def test_facts_of_several_versions_are_written_at_once_and_replace_only_their_own(house: House) -> None:
    first, second = house.ingest("a.txt", TEXT), house.ingest("b.txt", TEXT.replace("Ocean", "Lakes"))
    found = house.facts.find(Wanted(), access=Access(TENANT), limit=10)
    assert [fact.place.doc_id for fact in found] == sorted([first.id, second.id] * 4)
    with house.engine.begin() as connection:
        house.facts.write_many(connection, TENANT, [(first.id, 1, found[:2]), (first.id, 2, found[:3])])
        house.facts.write_many(connection, TENANT, [(first.id, 2, [])])
        house.facts.write_many(connection, TENANT, [])
    assert counted(house) == {(first.id, 1): 2, (second.id, 1): 4}


def test_facts_are_seen_by_those_who_may_see_the_document(house: House) -> None:
    house.ingest("a.txt", TEXT, frozenset({"board"}))
    assert house.facts.find(Wanted(), access=Access(TENANT), limit=10) == []
    assert house.facts.find(Wanted(), access=Access("other", frozenset({"board"})), limit=10) == []
    assert house.facts.find(Wanted(), access=Access(TENANT, frozenset({"board"})), limit=1)


def test_words_are_found_in_any_order_and_a_year_holds_its_quarters(house: House) -> None:
    house.ingest("a.txt", "Net sales of pumps were $5 million in Q3 2024 and 100% is no wildcard_.")
    access = Access(TENANT)
    for wanted, count in [
        (Wanted("sales net"), 1), (Wanted(period="2024"), 1), (Wanted(period="2024-Q2"), 0), (Wanted("%"), 1),
    ]:  # fmt: skip
        assert bool(house.facts.find(wanted, access=access, limit=10)) == bool(count), wanted


def test_attributes_are_looked_up_in_the_index_of_their_words(house: House) -> None:
    """SQLite would rather go through the names of all facts: they are distinct in that order already."""
    asked: list[tuple[str, tuple[str, ...]]] = []
    event.listen(house.engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    house.facts.attributes({"governor", "lid"}, access=Access(TENANT))
    statement, values = next(each for each in asked if "DISTINCT" in each[0])
    with reading(house.engine) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    assert "COVERING INDEX ix_facts_tenant_word_period" in plan[0][3]


def test_attributes_are_looked_up_by_the_term_that_tells_most(house: House) -> None:
    assert telling_term("Seal 04711, weight") == "04711"
    house.ingest(
        "a.txt", "The weight of the governor was 5 kg. The weight of the lid was 6 kg. The price rose 3 %."
    )
    access = Access(TENANT)
    (name,) = house.facts.attributes({"governor", "cover"}, access=access)
    assert name == "weight of the governor"
    assert house.facts.attributes({"lid"}, access=access) == []
    assert house.facts.attributes({"governor"}, access=Access("other")) == []
    (fact,) = house.facts.find(Wanted(words=["governor"]), access=access, limit=10)
    assert fact.value == "5"
    assert len(house.facts.find(Wanted(chunks=[fact.chunk_id]), access=access, limit=10)) == 3
    assert house.facts.find(Wanted(chunks=["none"]), access=access, limit=10) == []
    assert house.facts.find(Wanted(words=["governor"], periods=["2023"]), access=access, limit=10) == []
