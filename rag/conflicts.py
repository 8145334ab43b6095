"""ANSWER -> ANSWER THAT NAMES ANOTHER VALUE: what other documents of the same subject state for the same thing.

Looks the cited table cells up among the typed facts. A document contradicts where it is about the same subject,
states the same attribute for the same period and unit, one value throughout, and that value is no other print of
ours. Both are shown with their places; the later document is preferred, since it restates the earlier one. What is
not covered: values that stand in sentences or charts only, and documents whose subject is not known.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple, Protocol

from core.quantity import Quantity, agrees
from core.text import tokens
from core.types import Access, Answer, Chunk, Evidence, Fact, Language
from rag.cite import Quote, Statement, cite
from rag.index.facts import Wanted
from rag.index.keys import DocumentKey
from rag.match import coverage, terms_of, weights
from rag.row import Check, Task

_MOST_FACTS = 2000  # of one document and period, or of one attribute and period
_MOST_NOTES = 3
_NAMED = 0.6  # of the attribute's words: what the question says


class Facts(Protocol):
    """What is needed of `rag.index.facts.FactStore`."""

    def find(self, wanted: Wanted, *, access: Access, limit: int) -> list[Fact]: ...


class Passages(Protocol):
    """What is needed of a vector store."""

    def get(self, ids: Sequence[str], *, access: Access) -> list[Chunk]: ...


KeyOf = Callable[[str, int], DocumentKey | None]
"""The key of a document by its id and live version."""


class _Stated(NamedTuple):
    fact: Fact
    chunk: Chunk
    key: DocumentKey


@dataclass(frozen=True, slots=True)
class Conflicts:
    """A `rag.row.Check`: adds a sentence for each value that another document states otherwise."""

    facts: Facts
    passages: Passages
    key_of: KeyOf

    def __call__(self, task: Task, answer: Answer) -> Answer:
        if answer.status != "answered" or answer.cost.model or not task.asked.periods:
            return answer
        pairs = list(self._pairs(task, answer))[:_MOST_NOTES]
        return _noted(answer, pairs, task.asked.language) if pairs else answer

    def _pairs(self, task: Task, answer: Answer) -> Iterator[tuple[_Stated, _Stated]]:
        """What the answer cites, and what contradicts it."""
        seen: set[tuple[str, str]] = set()
        for ours in self._cited(task, answer):
            what = ours.fact.attribute.lower(), ours.fact.period
            if what in seen:
                continue
            seen.add(what)
            for theirs in self._otherwise(ours, task):
                yield ours, theirs

    def _cited(self, task: Task, answer: Answer) -> Iterator[_Stated]:
        """The facts of the answer's table cells that the question names."""
        chunks = {item.chunk.id: item.chunk for item in answer.evidence}
        for citation in answer.citations:
            chunk = chunks.get(citation.chunk_id)
            key = self.key_of(chunk.doc_id, chunk.version) if chunk and chunk.kind == "table" else None
            if chunk is None or key is None or not key.subject:
                continue
            for period in task.asked.periods:
                wanted = Wanted(doc_id=chunk.doc_id, period=period.label)
                for fact in self.facts.find(wanted, access=task.access, limit=_MOST_FACTS):
                    of_cell = fact.chunk_id == chunk.id and fact.period == period.label
                    if of_cell and fact.text in citation.quote and _names(task.asked.question, fact):
                        yield _Stated(fact, chunk, key)

    def _otherwise(self, ours: _Stated, task: Task) -> Iterator[_Stated]:
        """One fact of each other document that states another value throughout."""
        wanted = Wanted(attribute=ours.fact.attribute, period=ours.fact.period)
        documents: dict[str, list[Fact]] = {}
        for fact in self.facts.find(wanted, access=task.access, limit=_MOST_FACTS):
            if _same_thing(fact, ours.fact) and (
                task.documents is None or fact.place.doc_id in task.documents
            ):
                documents.setdefault(fact.place.doc_id, []).append(fact)
        own = documents.pop(ours.chunk.doc_id, [])
        for found in documents.values():
            stated = self._passage(found[0], task.access)
            if stated is None or stated.key.subject != ours.key.subject:
                continue
            values = [_quantity(fact) for fact in found]
            of_one_mind = all(agrees(values[0], value) for value in values)
            if of_one_mind and not any(agrees(values[0], _quantity(fact)) for fact in own):
                yield stated

    def _passage(self, fact: Fact, access: Access) -> _Stated | None:
        for chunk in self.passages.get([fact.chunk_id], access=access):
            key = self.key_of(chunk.doc_id, chunk.version)
            if key is not None and fact.text in chunk.text:
                return _Stated(fact, chunk, key)
        return None


def in_turn(*checks: Check) -> Check:
    """Each check over what the one before it made of the answer."""

    def check(task: Task, answer: Answer) -> Answer:
        for one in checks:
            answer = one(task, answer)
        return answer

    return check


def _names(question: str, fact: Fact) -> bool:
    """Does the question say most of what the fact is about?"""
    return coverage(weights(tokens(fact.attribute), []), terms_of(question)) >= _NAMED


def _same_thing(one: Fact, other: Fact) -> bool:
    return (
        one.method == other.method == "table"
        and one.attribute.lower() == other.attribute.lower()
        and one.period == other.period
        and one.unit == other.unit
        and (one.currency == other.currency or not one.currency or not other.currency)
    )


def _quantity(fact: Fact) -> Quantity:
    value = Decimal(fact.value)
    exponent = value.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return Quantity(value, fact.scale, fact.unit, fact.currency, decimals)


# ---------------------------------------------------------------- in words

_NOTE = {
    "en": "{title} states {theirs} for {attribute} in {period}, not {ours}; {preferred}.",
    "zh": "{title}所载{period}{attribute}为{theirs}，而非{ours}；{preferred}。",
}
_PREFERRED = {
    "en": ("it is the later document and preferred", "it is the earlier document, the answer's is preferred",
           "neither is later, so both are shown"),
    "zh": ("该文档较新，以其为准", "该文档较早，以答案所据文档为准", "两者日期相同，故一并列出"),
}  # fmt: skip


def _noted(answer: Answer, pairs: Sequence[tuple[_Stated, _Stated]], language: Language) -> Answer:
    """The answer with a cited sentence for each pair."""
    evidence, statements = list(answer.evidence), []
    for ours, theirs in pairs:
        key = next((item.key for item in evidence if item.chunk.id == theirs.chunk.id), "")
        if not key:
            key = f"S{len(evidence) + 1}"
            evidence.append(Evidence(key, theirs.chunk, 1.0, frozenset({"fact"})))
        at = _position(theirs)
        quote = Quote(key, at, at + len(theirs.fact.text))
        statements.append(Statement(_sentence(ours, theirs, language), (quote,)))
    noted = cite(statements, evidence)
    by = len(answer.text) + 1
    return replace(
        answer,
        text=f"{answer.text}\n{noted.text}",
        citations=(
            *answer.citations,
            *(replace(item, start=item.start + by, end=item.end + by) for item in noted.citations),
        ),
        claims=(
            *answer.claims,
            *(replace(item, start=item.start + by, end=item.end + by) for item in noted.claims),
        ),
        evidence=tuple(evidence),
        gaps=(*answer.gaps, "sources_conflict"),
    )


def _position(stated: _Stated) -> int:
    """Where the value stands in its passage: in a line with a word of its attribute, where there is one."""
    words, start = terms_of(stated.fact.attribute), 0
    for line in stated.chunk.text.splitlines(keepends=True):
        if stated.fact.text in line and not words.isdisjoint(terms_of(line)):
            return start + line.index(stated.fact.text)
        start += len(line)
    return stated.chunk.text.index(stated.fact.text)


def _sentence(ours: _Stated, theirs: _Stated, language: Language) -> str:
    one, other = _date(ours.key), _date(theirs.key)
    later, earlier, same = _PREFERRED[language]
    return _NOTE[language].format(
        title=theirs.chunk.title or theirs.chunk.doc_id,
        theirs=theirs.fact.text,
        ours=ours.fact.text,
        attribute=theirs.fact.attribute,
        period=theirs.fact.period,
        preferred=later if other > one else earlier if other < one else same,
    )


def _date(key: DocumentKey) -> tuple[str, int]:
    return (key.ends.isoformat() if key.ends else "", key.year or 0)
