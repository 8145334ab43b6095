"""What other documents state otherwise is named, with its place and which is preferred."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from core.text import telling_term
from core.types import Access, Answer, Chunk, Cost, Evidence, Fact, Place
from rag.cite import Quote, Statement, cite
from rag.conflicts import Conflicts, in_turn
from rag.index.facts import Wanted
from rag.index.keys import DocumentKey
from rag.plan import plan
from rag.row import Task, unchanged
from tests.rag.conftest import make_passage

QUESTION = "What was the revenue of Larkspur in 2024?"
KEYS = {
    "old": DocumentKey("larkspur", year=2024, ends=date(2024, 12, 31)),
    "new": DocumentKey("larkspur", year=2025, ends=date(2025, 12, 31)),
    "other": DocumentKey("pemberton", year=2025, ends=date(2025, 12, 31)),
}


def table(doc: str, value: str) -> Chunk:
    return make_passage(
        f"USD million | 2024\nRevenue | {value}", doc=doc, kind="table", title=f"Report {doc}"
    )


def fact(chunk: Chunk, value: str, **other: Any) -> Fact:
    known = Fact("", "Revenue", value, "", 6, "USD", "2024", Place(chunk.doc_id, 1), chunk.id, "table", value)
    return replace(known, **other)


def files(_tenant: str, _ids: Collection[str]) -> dict[str, Any]:
    """The catalogue knows no dates: the keys do."""
    return {}


class Stored:
    """Facts and passages in memory."""

    def __init__(self, *stated: tuple[Chunk, Fact]) -> None:
        self.stated = stated

    def find(self, wanted: Wanted, *, access: Access, limit: int) -> list[Fact]:
        return [
            one
            for _, one in self.stated
            if (not wanted.chunks or one.chunk_id in wanted.chunks)
            and wanted.attribute.lower() in one.attribute.lower()
            and (not wanted.words or telling_term(one.attribute) in wanted.words)
            and (not wanted.periods or one.period in wanted.periods)
        ][:limit]

    def get(self, ids: Sequence[str], *, access: Access) -> list[Chunk]:
        return [chunk for chunk, _ in self.stated if chunk.id in ids]


def answered(cited: Chunk, *stated: tuple[Chunk, Fact], question: str = QUESTION) -> Answer:
    evidence = (Evidence("S1", cited, 1.0, frozenset({"dense"})),)
    start = cited.text.index("Revenue")
    said = cite([Statement(cited.text[start:], (Quote("S1", start, len(cited.text)),))], evidence)
    answer = Answer(said.text, "answered", said.citations, said.claims, evidence)
    stored = Stored(*stated)
    conflicts = Conflicts(stored, stored, lambda doc_id, _: KEYS.get(doc_id), files)
    return in_turn(conflicts, unchanged)(Task(plan(question), evidence, Access()), answer)


OLD, NEW, OTHER = table("old", "436.5"), table("new", "431.2"), table("other", "99.0")
OURS = (OLD, fact(OLD, "436.5"))


def test_a_later_document_that_states_another_value_is_named_and_preferred() -> None:
    answer = answered(OLD, OURS, (NEW, fact(NEW, "431.2")))
    note = "Report new states 431.2 for Revenue in 2024, not 436.5; it is the later document (2025-12-31; the answer's is of 2024-12-31) and preferred."
    assert answer.text == f"Revenue | 436.5 [S1]\n{note} [S2]"
    assert answer.gaps == ("sources_conflict",)
    ours, theirs = answer.citations
    assert answer.text[theirs.start : theirs.end] == note
    assert (ours.key, theirs.key, theirs.quote) == ("S1", "S2", "431.2")
    assert theirs.places[0].doc_id == "new"
    assert NEW.text[theirs.quote_start : theirs.quote_end] == "431.2"


def test_an_earlier_document_does_not_win() -> None:
    answer = answered(NEW, (NEW, fact(NEW, "431.2")), OURS)
    assert "it is the earlier document (2024-12-31), the answer's of 2025-12-31 is preferred" in answer.text


def test_other_prints_of_the_same_value_are_none() -> None:
    rounded = table("new", "437")
    assert answered(OLD, OURS, (rounded, fact(rounded, "437"))).gaps == ()


def test_another_firm_period_unit_or_kind_is_none() -> None:
    others = [
        (OTHER, fact(OTHER, "99.0")),
        (NEW, fact(NEW, "431.2", period="2024-Q4")),
        (NEW, fact(NEW, "431.2", unit="%")),
        (NEW, fact(NEW, "431.2", currency="EUR")),
        (NEW, fact(NEW, "431.2", method="chart-vector")),
        (NEW, fact(NEW, "431.2", attribute="Revenue of services")),
    ]
    for other in others:
        assert answered(OLD, OURS, other).gaps == ()


def test_a_document_that_states_our_value_too_or_several_is_none() -> None:
    assert answered(OLD, OURS, (NEW, fact(NEW, "431.2")), (NEW, fact(NEW, "436.5"))).gaps == ()
    assert answered(OLD, OURS, (NEW, fact(NEW, "431.2")), (NEW, fact(NEW, "12.0"))).gaps == ()


def test_what_was_not_asked_for_is_left_alone() -> None:
    both = OURS, (NEW, fact(NEW, "431.2"))
    assert answered(OLD, *both, question="How many people worked there in 2024?").gaps == ()


def test_a_model_has_its_own_words_and_a_refusal_none() -> None:
    stored = Stored(OURS, (NEW, fact(NEW, "431.2")))
    conflicts = Conflicts(stored, stored, lambda doc_id, _: KEYS.get(doc_id), files)
    task = Task(plan(QUESTION), (), Access())
    for answer in (Answer("", "not_found"), Answer("436.5", "answered", cost=Cost("model", model="m"))):
        assert conflicts(task, answer) is answer


def test_a_chinese_question_is_told_in_chinese() -> None:
    chinese = fact(NEW, "431.2", attribute="营业收入")
    ours = fact(OLD, "436.5", attribute="营业收入")
    answer = answered(OLD, (OLD, ours), (NEW, chinese), question="Larkspur公司2024年的营业收入是多少？")
    assert (
        "Report new所载2024营业收入为431.2，而非436.5；该文档较新（2025-12-31，答案所据文档为2024-12-31），以其为准。"
        in answer.text
    )
