"""ANSWER -> ANSWER THAT NAMES ANOTHER VALUE: what other documents of the same subject state for the same thing.

Looks the cited values, of tables and of sentences, up among the typed facts. A document contradicts where it speaks of
the same subject, states the same attribute for the same period and unit, one value throughout, and that value is no
other print of ours. Both are shown with their places and dates; the later document is preferred, since it restates
the earlier one. The subject is that of the documents' keys; where they have none it is whom the question names, and
where it names nobody only titles that tell two things apart do. What is not covered: values in charts only.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import NamedTuple, Protocol

from core.quantity import agrees, same_currency
from core.text import telling_term, tokens
from core.types import Access, Answer, Chunk, Evidence, Fact, Language
from rag.cite import Quote, Statement, cite
from rag.index.facts import Wanted
from rag.index.keys import DocumentKey
from rag.match import coverage, held, is_beginning, terms_of, weights
from rag.numbers.glossary import concept_of, telling_terms_of
from rag.plan import Plan
from rag.row import Check, Task
from rag.stated import Facts, Passages, place_in, quantity_of

_MOST_FACTS = 2000  # of one attribute and period
_MOST_OF_A_PASSAGE = 2000  # no passage holds as many
_MOST_NOTES = 3
_MOST_OTHERS = 3  # documents that state it otherwise; more than these speak of as many subjects
_NAMED = 0.6  # of the attribute's words: what the question says
_STATED = frozenset({"table", "text", "cell"})


KeyOf = Callable[[str, int], DocumentKey | None]
"""The key of a document by its id and live version."""


class Filed(Protocol):
    """What is needed of a file of the catalogue (`rag.index.files.FileStatus`)."""

    @property
    def valid_from(self) -> date | None: ...


FilesOf = Callable[[str, Collection[str]], Mapping[str, Filed]]
"""Files by id, of a tenant and these ids."""


class Stated(NamedTuple):
    """`day`: from which its document speaks, where that is known."""

    fact: Fact
    chunk: Chunk
    key: DocumentKey
    day: date | None

    def is_later_than(self, other: "Stated") -> bool:
        """Does its document surely speak from a later day?"""
        one, two = _day(self), _day(other)
        return bool(one and two) and len(one) == len(two) and one > two


@dataclass(frozen=True, slots=True)
class Conflicts:
    """A `rag.row.Check`: adds a sentence for each value that another document states otherwise."""

    facts: Facts
    passages: Passages
    key_of: KeyOf
    files_of: FilesOf

    def __call__(self, task: Task, answer: Answer) -> Answer:
        if answer.status not in ("answered", "partial") or answer.cost.model:
            return answer
        pairs = list(islice(self._pairs(task, answer), _MOST_NOTES))
        return _noted(answer, pairs, task.asked.language) if pairs else answer

    def _pairs(self, task: Task, answer: Answer) -> Iterator[tuple[Stated, Stated]]:
        """What the answer cites, and what contradicts it in documents that it does not cite."""
        cited = {place.doc_id for citation in answer.citations for place in citation.places}
        seen: set[tuple[str, str]] = set()
        for ours in self._cited(task, answer):
            what = ours.fact.attribute.lower(), ours.fact.period
            if what in seen:
                continue
            seen.add(what)
            for theirs in self.otherwise(ours, task.asked, task.access, task.documents):
                if theirs.chunk.doc_id not in cited:
                    yield ours, theirs

    def _cited(self, task: Task, answer: Answer) -> Iterator[Stated]:
        """The facts of the answer's quotes that the question names, for the periods that it asks for."""
        chunks = {item.chunk.id: item.chunk for item in answer.evidence}
        known: dict[str, list[Stated]] = {}
        for citation in answer.citations:
            if citation.chunk_id not in chunks or not re.search(r"\d", citation.quote):
                continue
            chunk = chunks[citation.chunk_id]
            if chunk.id not in known:
                known[chunk.id] = self.stated([chunk], task.asked, task.access)
            yield from (one for one in known[chunk.id] if one.fact.text in citation.quote)

    def stated(self, chunks: Sequence[Chunk], asked: Plan, access: Access) -> list[Stated]:
        """The facts of these passages that the question names, for the periods that it asks for, if it does."""
        periods = [period.label for period in asked.periods]
        by_chunk: dict[str, list[Fact]] = {chunk.id: [] for chunk in chunks}
        wanted = Wanted(chunks=list(by_chunk), periods=periods)
        most = _MOST_OF_A_PASSAGE * len(chunks)
        for fact in self.facts.find(wanted, access=access, limit=most) if chunks else ():
            if fact.method in _STATED and _names(asked.question, fact):
                by_chunk[fact.chunk_id].append(fact)
        found = []
        for chunk in chunks:
            key, day = self._dated(chunk) if by_chunk[chunk.id] else (DocumentKey(), None)
            for period in periods or [""]:
                mine = (fact for fact in by_chunk[chunk.id] if period in ("", fact.period))
                found += [Stated(fact, chunk, key, day) for fact in mine]
        return found

    def otherwise(
        self, ours: Stated, asked: Plan, access: Access, among: Collection[str] | None
    ) -> list[Stated]:
        """One fact of each other document of the subject that states another value throughout.

        `among`: the documents that count; None: all.
        """
        attribute = ours.fact.attribute
        concept = concept_of(attribute)
        words = {telling_term(attribute), *(telling_terms_of(concept) if concept else ())}
        wanted = Wanted(attribute, words=words, periods=[ours.fact.period])
        documents: dict[str, list[Fact]] = {}
        for fact in self.facts.find(wanted, access=access, limit=_MOST_FACTS):
            if _same_thing(fact, ours.fact) and (among is None or fact.place.doc_id in among):
                documents.setdefault(fact.place.doc_id, []).append(fact)
        own = documents.pop(ours.chunk.doc_id, [])
        found = [
            stated for facts in documents.values() if (stated := self._other(facts, own, ours, asked, access))
        ]
        known = bool(asked.names or ours.key.subject)
        return found if known or len(found) <= _MOST_OTHERS else []

    def _other(
        self, facts: Sequence[Fact], own: Sequence[Fact], ours: Stated, asked: Plan, access: Access
    ) -> Stated | None:
        if not all(_agree(facts[0], fact) for fact in facts) or any(_agree(facts[0], fact) for fact in own):
            return None
        for chunk in self.passages.get([facts[0].chunk_id], access=access):
            stated = Stated(facts[0], chunk, *self._dated(chunk))
            if facts[0].text in chunk.text and _same_subject(ours, stated, asked):
                return stated
        return None

    def _dated(self, chunk: Chunk) -> tuple[DocumentKey, date | None]:
        """The key of the passage's document, and from which day it speaks."""
        key = self.key_of(chunk.doc_id, chunk.version) or DocumentKey()
        file = self.files_of(chunk.tenant, [chunk.doc_id]).get(chunk.doc_id)
        return key, key.ends or (file.valid_from if file else None)


def in_turn(*checks: Check) -> Check:
    """Each check over what the one before it made of the answer."""

    def check(task: Task, answer: Answer) -> Answer:
        for one in checks:
            answer = one(task, answer)
        return answer

    return check


def _names(question: str, fact: Fact) -> bool:
    """Does the question say most of what the fact is about?"""
    return coverage(weights(tokens(fact.attribute), [], fact.attribute), terms_of(question)) >= _NAMED


def _same_thing(one: Fact, other: Fact) -> bool:
    return (
        {one.method, other.method} <= _STATED
        and _same_attribute(one.attribute, other.attribute)
        and one.period == other.period
        and one.unit == other.unit
        and same_currency(one.currency, other.currency)
    )


def _same_attribute(one: str, other: str) -> bool:
    return one.lower() == other.lower() or (bool(concept_of(one)) and concept_of(one) == concept_of(other))


def _agree(one: Fact, other: Fact) -> bool:
    """Can both print one amount? A table that does not say in which scale it counts may count in the other's."""
    first, second = quantity_of(one), quantity_of(other)
    if agrees(first, second):
        return True
    unscaled = 0 in (first.scale, second.scale) and "table" in (one.method, other.method)
    return unscaled and agrees(replace(first, scale=0), replace(second, scale=0))


# ---------------------------------------------------------------- one subject

# Words by which versions of one document differ, and words of any document.
_OF_VERSIONS = re.compile(
    r"\b(?:draft|final|revised|revision|restated|corrected|updated?|amended|old|new|copy|version|v|rev|provisional|preliminary"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\b|\d+|草案|草稿|终稿|修订|更正|更新|版",
    re.IGNORECASE,
)


def _same_subject(ours: Stated, theirs: Stated, asked: Plan) -> bool:
    if ours.key.subject and theirs.key.subject:
        return ours.key.subject == theirs.key.subject
    if asked.names:
        wanted = {term for name in asked.names for term in terms_of(name) if not is_beginning(term)}
        texts = [terms_of(stated.chunk.indexed_text) for stated in (ours, theirs)]
        return all(held(term, text) for text in texts for term in wanted)
    one, other = (terms_of(_OF_VERSIONS.sub(" ", stated.chunk.title)) for stated in (ours, theirs))
    # "Alder Clinic" and "Birch Clinic" are two of a kind; of titles that have nothing in common nothing is known.
    return one <= other or other <= one or one.isdisjoint(other)


# ---------------------------------------------------------------- in words

_NOTE = {
    "en": "{title} states {theirs} for {attribute}{period}, not {ours}; {preferred}.",
    "zh": "{title}所载{period}{attribute}为{theirs}，而非{ours}；{preferred}。",
}
_PREFERRED = {
    "en": ("it is the later document ({other}; the answer's is of {one}) and preferred",
           "it is the earlier document ({other}), the answer's of {one} is preferred",
           "neither is known to be later, so both are shown"),
    "zh": ("该文档较新（{other}，答案所据文档为{one}），以其为准", "该文档较早（{other}），以答案所据文档（{one}）为准",
           "无法确定哪个较新，故一并列出"),
}  # fmt: skip


def _noted(answer: Answer, pairs: Sequence[tuple[Stated, Stated]], language: Language) -> Answer:
    """The answer with a cited sentence for each pair."""
    evidence, statements = list(answer.evidence), []
    for ours, theirs in pairs:
        key = next((item.key for item in evidence if item.chunk.id == theirs.chunk.id), "")
        if not key:
            key = f"S{len(evidence) + 1}"
            evidence.append(Evidence(key, theirs.chunk, 1.0, frozenset({"fact"})))
        at = place_in(theirs.fact, theirs.chunk)
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


def _sentence(ours: Stated, theirs: Stated, language: Language) -> str:
    one, other = _day(ours), _day(theirs)
    later, earlier, same = _PREFERRED[language]
    preferred = later if theirs.is_later_than(ours) else earlier if ours.is_later_than(theirs) else same
    period = theirs.fact.period
    return _NOTE[language].format(
        title=theirs.chunk.title or theirs.chunk.doc_id,
        theirs=theirs.fact.text,
        ours=ours.fact.text,
        attribute=theirs.fact.attribute,
        period=f" in {period}" if period and language == "en" else period,
        preferred=preferred.format(one=one, other=other),
    )


def _day(stated: Stated) -> str:
    """The day from which its document speaks, else the year that it covers, else ""."""
    if stated.day:
        return stated.day.isoformat()
    return str(stated.key.year or "")
