"""Which documents a question means: by name, period and form, and never without a name."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, insert

from core.database import migrate, open_engine
from core.glossary import load_glossary
from core.types import PUBLIC, Access
from rag.index.keys import DocumentKey, Form, KeyStore, Name, StatementPage
from rag.index.tables import documents
from rag.inside import InsideSearch
from rag.instructions import without_instructions
from rag.retrieve import Retriever
from rag.route import Router
from tests.rag.conftest import Index, make_passage

ACME = (Name("acmewidgets", 1.0), Name("acme", 0.7, "proper"), Name("aw", 0.6, "symbol"))
SHEET = StatementPage("balance", 2, 1.5, 1, 1)


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = open_engine("sqlite://")
    migrate(opened)
    yield opened
    opened.dispose()


class Shelf:
    """Documents with keys in a catalogue."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.keys = KeyStore(engine)
        self.router = Router(self.keys, load_glossary())

    def put(
        self, doc_id: str, key: DocumentKey, *, access: frozenset[str] = PUBLIC, live: int | None = 1
    ) -> None:
        now = datetime.now(UTC)
        row = {
            "id": doc_id,
            "tenant": "default",
            "source": doc_id,
            "status": "ready",
            "version": 1,
            "live_version": live,
        }
        row |= {
            "content_hash": doc_id,
            "bytes": 1,
            "access": sorted(access),
            "created_at": now,
            "updated_at": now,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(documents), row)
            self.keys.write(connection, "default", doc_id, 1, key)

    def put_acme(self) -> None:
        for year in (2019, 2020, 2021):
            self.put(f"k{year}", self.acme("annual report", year))
        self.put("q", self.acme("quarterly report", 2021, 2))

    @staticmethod
    def acme(form: Form, year: int, quarter: int | None = None) -> DocumentKey:
        return DocumentKey("acmewidgets", ACME, form, year, quarter, date(year, 12, 31), (SHEET,))

    def first(self, question: str, access: Access | None = None) -> str | None:
        route = self.router.route(question, access=access or Access())
        return route.documents[0].document.doc_id if route else None


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    shelf = Shelf(engine)
    shelf.put_acme()
    return shelf


def test_keys_of_several_documents_are_written_at_once_and_replace_only_their_own(shelf: Shelf) -> None:
    quarterly = shelf.keys.get("q", 1)
    assert quarterly
    changed = replace(quarterly, names=ACME[:1])
    with shelf.engine.begin() as connection:
        before = shelf.keys.census(connection, "default")
        shelf.keys.write_many(connection, "default", [("k2019", 1, DocumentKey()), ("k2020", 1, changed)])
        shelf.keys.write_many(connection, "default", [])
        after = shelf.keys.census(connection, "default")
    assert (shelf.keys.get("k2019", 1), shelf.keys.get("k2020", 1)) == (None, replace(changed, names=()))
    assert shelf.keys.get("q", 1) == quarterly
    assert after == {one: rows for one, rows in before.items() if one[0] != "k2019"} | {("k2020", 1): 2}


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("What were Acme Widgets' total assets in FY2020?", "k2020"),
        ("What were the sales of ACME WIDGETS from 2019 to 2021?", "k2021"),
        ("What did AW sell in FY2019?", "k2019"),
        ("what drove the margin of acme in q2 of fy2021?", "q"),
        ("What does the 10-Q of Acme say of leases?", "q"),
        ("What does Acme expect for 2022?", "k2021"),
    ],
)
def test_name_period_and_form_lead_to_the_document(shelf: Shelf, question: str, document: str) -> None:
    assert shelf.first(question) == document


@pytest.mark.parametrize(
    "question",
    [
        "What were total assets in FY2020?",
        "Who wrote the aw report?",
        "Was acmewidgetsville sold?",
        "What is an acme?",
        "?",
    ],
)
def test_a_question_without_a_name_has_no_route(shelf: Shelf, question: str) -> None:
    assert shelf.first(question) is None


def test_what_may_not_be_seen_or_is_not_live_does_not_exist(shelf: Shelf) -> None:
    shelf.put("secret", DocumentKey("zephyr", (Name("zephyr", 1.0),)), access=frozenset({"board"}))
    shelf.put("old", DocumentKey("borealis", (Name("borealis", 1.0),)), live=2)
    assert shelf.first("What does Zephyr make?") is None
    assert shelf.first("What does Zephyr make?", Access(labels=frozenset({"board"}))) == "secret"
    assert shelf.first("What does Zephyr make?", Access("other", frozenset({"board"}))) is None
    assert shelf.first("What does Borealis make?") is None


def test_a_longer_name_wins_over_the_shorter_one_inside_it(shelf: Shelf) -> None:
    shelf.put("steel", DocumentKey("acmesteel", (Name("acmesteel", 1.0),), "annual report", 2020))
    assert shelf.first("What did Acme Steel earn in 2020?") == "steel"


def test_names_of_two_companies_bring_documents_of_both(shelf: Shelf) -> None:
    shelf.put("steel", DocumentKey("borealis", (Name("borealis", 1.0),), "annual report", 2020))
    route = shelf.router.route("Compare the 2020 sales of Borealis and Acme Widgets", access=Access())
    assert route
    assert {"steel", "k2020"} <= {routed.document.doc_id for routed in route.documents}


def test_two_spellings_of_one_company_are_one_subject(shelf: Shelf) -> None:
    for subject, doc_id in (("blockwerk", "b1"), ("squarewerk", "b2"), ("blockwerkinternational", "b3")):
        names = (Name("blockwerk", 0.9, "proper"),)
        shelf.put(doc_id, DocumentKey(subject, names, "annual report", 2020))
    route = shelf.router.route("What did Blockwerk earn in 2020?", access=Access())
    assert route
    assert {item.key.subject for item in route.kin} == {"blockwerk"}


def test_a_deleted_version_leaves_no_name(shelf: Shelf) -> None:
    with shelf.engine.begin() as connection:
        for doc_id in ("k2019", "k2020", "k2021", "q"):
            shelf.keys.delete(connection, doc_id, before_version=2)
    assert shelf.first("What did Acme Widgets sell in 2020?") is None
    assert shelf.keys.get("k2020", 1) is None


def test_the_query_inside_is_without_names_years_and_instructions_but_with_the_words_of_statements(
    shelf: Shelf,
) -> None:
    question = "What is the FY2020 capex of Acme Widgets? Round your answer to two decimal places."
    route = shelf.router.route(question, access=Access())
    assert route
    assert route.query.startswith("What is the capex of ? purchases of property")
    assert route.statements == {"cash_flow": pytest.approx(0.2)}
    assert [line.name for line in route.lines] == ["capital_expenditure"]


def test_instructions_are_cut_and_questions_stay() -> None:
    text = "Using only the information within the balance sheet, how much inventory did Acme have? Answer in USD millions."
    assert without_instructions(text) == "how much inventory did Acme have?"
    assert without_instructions("Why did the balance fall?") == "Why did the balance fall?"


def test_passages_of_the_named_document_and_its_statement_come_first(shelf: Shelf, index: Index) -> None:
    sheet = "Total current assets | 5 | 4\nTotal assets | 9 | 8"
    for doc in ("k2019", "k2020"):
        index.add(
            make_passage("Acme grew. What were total assets worth? Nobody asks.", doc=doc, ordinal=0, page=1),
            make_passage(sheet, doc=doc, ordinal=1, page=2, kind="table"),
        )
    index.add(make_passage("total assets in FY2020 of Acme Widgets", doc="press"))
    inside = InsideSearch(shelf.router, index.embedder, index.sparse, index.store)
    retriever = Retriever(index.embedder, index.sparse, index.store, index.shelf, inside=inside)
    hits = retriever.search(
        "What were Acme Widgets' total assets on the balance sheet of FY2020?", access=Access()
    )
    assert (hits[0].chunk.doc_id, hits[0].chunk.ordinal) == ("k2020", 1)
    assert "fact" in hits[0].legs
    assert hits[-1].chunk.doc_id == "press"
    plain = "What were total assets on the balance sheet of FY2020?"
    routed = [hit.chunk.id for hit in retriever.search(plain, access=Access())]
    assert routed == [hit.chunk.id for hit in index.retriever.search(plain, access=Access())]


def test_a_part_of_a_question_is_looked_for_where_the_whole_points(shelf: Shelf, index: Index) -> None:
    index.add(
        make_passage("The wheel is round.", doc="k2020"), make_passage("Which wheel is round?", doc="press")
    )
    inside = InsideSearch(shelf.router, index.embedder, index.sparse, index.store)
    retriever = Retriever(index.embedder, index.sparse, index.store, index.shelf, inside=inside)
    hits = retriever.search("What did Acme Widgets sell in FY2020? Which wheel is round?", access=Access())
    assert hits[0].chunk.doc_id == "k2020"
