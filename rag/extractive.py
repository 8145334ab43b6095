"""EVIDENCE -> ANSWER without generative weights: the sentences and table rows that answer.

Ranks the units of the evidence by words, periods and cues (`rag/relevance.py`) and the best few by
meaning, with the dense encoder. Picks one unit for a look-up, one for each side of a comparison, and
for a why the sentence that states the cause. It copies; it never calculates or rephrases. Where
the evidence does not suffice (`rag/doubt.py`) it says what is missing (`rag/support.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.ports import Embedder
from core.types import Answer, Chunk, Cost, Evidence
from rag.causes import states_cause
from rag.cite import Quote, Statement, cite
from rag.doubt import ENOUGH, likelihood
from rag.plan import Plan, sides_of
from rag.read_once import ReadOnce
from rag.relevance import Question, Scored
from rag.row import Task
from rag.support import Missing, gaps_of, missing, not_found, reason_of
from rag.units import Unit, shown, units_of

_COMPARED = 6  # units of a question that the dense encoder reads
_FIRST = 2  # of them are read before the others: a batch for each core
_COSINE = 0.2  # worth of meaning beside words; on TAT-QA words alone are as good
_MOST_ITEMS = 8  # items of a list that follow the sentence that announces them
_COST = Cost(path="extractive")
_MORE_CAUSES = 2  # beside the best one
_LEANS = 0.15  # coverage that a unit owes to the sentence before, from which both are shown


@dataclass(frozen=True, slots=True)
class Found:
    """What answers one part of a question, in reading order. `likely`: how likely it does, 0 to 1."""

    part: Plan
    units: tuple[Unit, ...]
    likely: float


class ExtractiveAnswerer:
    """A `rag.row.Solver` that always has an answer or a reason. The embedder reads a few sentences for each part of a question."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = ReadOnce(embedder)

    def solve(self, task: Task) -> Answer:
        return self.answer(task.asked, task.evidence)

    def likely(self, task: Task) -> float:
        """How likely it is that the evidence answers the question, 0 to 1."""
        question = Question(task.asked, task.evidence)
        best = _Reading(self._embedder, task.evidence).best(question)
        return likelihood(question, best, self._embedder.name) if best else 0.0

    def answer(self, asked: Plan, evidence: Sequence[Evidence]) -> Answer:
        reading = _Reading(self._embedder, evidence)
        outcomes = [outcome for part in asked.parts or (asked,) for outcome in reading.answers(part)]
        found = [outcome for outcome in outcomes if isinstance(outcome, Found)]
        gaps = [outcome for outcome in outcomes if isinstance(outcome, Missing)]
        reason = reason_of(gaps, asked.language)
        likely = min(outcome.likely for outcome in found or outcomes)
        if not found:
            text = not_found(reason, asked.language)
            return Answer(
                text,
                "not_found",
                evidence=tuple(evidence),
                cost=_COST,
                reason=reason,
                gaps=gaps_of(gaps),
                confidence=likely,
            )
        statements = _statements(found)
        cited = cite(statements, evidence, between=_between(asked, found))
        return Answer(
            f"{cited.text}{_between(asked, found)}{reason}" if reason else cited.text,
            "partial" if reason else "answered",
            citations=cited.citations,
            claims=cited.claims,
            evidence=tuple(evidence),
            cost=_COST,
            reason=reason,
            gaps=gaps_of(gaps),
            confidence=likely,
        )


def best_of(asked: Plan, evidence: Sequence[Evidence], embedder: Embedder) -> Scored | None:
    """The unit that answers best, with its cosine where the encoder knows the language; None without evidence."""
    return _Reading(ReadOnce(embedder), evidence).best(Question(asked, evidence))


class _Reading:
    """The evidence of one question, read once."""

    def __init__(self, embedder: ReadOnce, evidence: Sequence[Evidence]) -> None:
        self._embedder = embedder
        self._evidence = evidence
        self._units = [unit for item in evidence for unit in units_of(item)]
        self._in_order = sorted(self._units, key=lambda unit: _position(unit.evidence.chunk, unit.start))

    def answers(self, part: Plan) -> list[Found | Missing]:
        """One outcome, or one for each side where the parts of a comparison stand apart."""
        sides = sides_of(part)
        if not sides:
            return [self._answer(part)]
        if len(part.periods) > 1 and len(sides) == len(part.periods):
            question = Question(part, self._evidence)
            whole = self.best(question)
            if whole and question.all_periods(whole.unit):
                return [self._answer(part)]
        return [self._answer(side) for side in sides]

    def _answer(self, part: Plan) -> Found | Missing:
        question = Question(part, self._evidence)
        best = self.best(question)
        if best is None:
            return Missing("nothing", part.subject)
        likely = likelihood(question, best, self._embedder.name)
        unit = best.unit
        if (
            likely < ENOUGH
            or question.tells_nothing(unit)
            or question.is_of_the_whole_year(unit)
            or question.speaks_past(best)
        ):
            return missing(question, best, self._embedder.name)
        units = [*self._with_what_it_needs(unit, question), *self._other_causes(unit, question)]
        return Found(part, tuple(dict.fromkeys(units)), likely)

    def best(self, question: Question) -> Scored | None:
        part = question.plan
        on_pages = part.pages and [unit for unit in self._units if not unit.pages.isdisjoint(part.pages)]
        ranked = sorted((question.score(unit) for unit in on_pages or self._units), key=_best_first)
        return self._best_by_meaning(part, ranked[:_COMPARED])

    def _best_by_meaning(self, part: Plan, few: Sequence[Scored]) -> Scored | None:
        """Of a few, best first by words, with its cosine to the question where the encoder knows the language.

        The encoder reads the first two, then those whose words would let them win if they meant just what is asked.
        """
        if not few or part.language not in self._embedder.languages:
            return few[0] if few else None
        best = min(self._with_meaning(part, few[:_FIRST]), key=_best_first)
        may_win = [item for item in few[_FIRST:] if item.score + _COSINE >= best.score]
        return min([best, *self._with_meaning(part, may_win)], key=_best_first)

    def _with_meaning(self, part: Plan, few: Sequence[Scored]) -> list[Scored]:
        question = self._embedder.query(part.question)
        vectors = self._embedder.chunks([_as_chunk(item.unit) for item in few])
        cosines = [float(vector @ question) for vector in vectors]
        return [
            replace(item, score=item.score + _COSINE * cosine, cosine=cosine)
            for item, cosine in zip(few, cosines)
        ]

    def _with_what_it_needs(self, unit: Unit, question: Question) -> Iterator[Unit]:
        """The unit; before it the sentence that it leans on, after it what it announces."""
        if _stands_in_a_list_about(unit, question):
            yield from [item for item in self._in_order if _same_passage(item, unit)][:_MOST_ITEMS]
            return
        if question.plan.kind == "why" and question.is_cause(unit, alone=True):
            yield unit  # what stands beside it is the cause of something else, or not asked
            return
        at = self._in_order.index(unit)
        before = self._in_order[at - 1] if at else None
        after = self._in_order[at + 1 :]
        if before and _same_passage(before, unit) and question.owed_to_before(unit) > _LEANS:
            yield before
        yield unit
        if unit.text.rstrip().endswith((":", "：")):
            yield from (item for item in after[:_MOST_ITEMS] if _goes_on(unit, item))
        elif question.plan.kind == "why" and after and _explains(after[0], unit):
            yield after[0]

    def _other_causes(self, unit: Unit, question: Question) -> list[Unit]:
        """The other sentences that state a cause of what a why asks, for its period; none where the best states none."""
        if question.plan.kind != "why" or not question.is_cause(unit):
            return []
        causes = [other for other in self._units if other.key != unit.key and question.is_cause(other)]
        return sorted(causes, key=lambda other: _best_first(question.score(other)))[:_MORE_CAUSES]


def _statements(found: Sequence[Found]) -> list[Statement]:
    """A statement for each unit, once."""
    statements: list[Statement] = []
    seen: set[tuple[str, int]] = set()
    for outcome in found:
        for unit in outcome.units:
            if unit.key not in seen:
                seen.add(unit.key)
                statements.append(_statement(unit, outcome.part))
    return statements


def _statement(unit: Unit, part: Plan) -> Statement:
    periods = frozenset(period.label for period in part.periods)
    text = shown(unit, periods=periods, terms=part.terms, language=part.language)
    return Statement(text, (Quote(unit.evidence.key, unit.start, unit.end),))


def _between(asked: Plan, found: Sequence[Found]) -> str:
    units = [unit for outcome in found for unit in outcome.units]
    if any(unit.row or unit.text.rstrip().endswith((":", "：")) for unit in units):
        return "\n"
    return "" if asked.language == "zh" else " "


def _best_first(item: Scored) -> tuple[float, str, int]:
    return (-item.score, item.unit.evidence.chunk.id, item.unit.start)


def _position(chunk: Chunk, start: int) -> tuple[str, int, int]:
    return (chunk.doc_id, chunk.ordinal, start)


def _same_passage(one: Unit, other: Unit) -> bool:
    return one.evidence.key == other.evidence.key


def _goes_on(unit: Unit, item: Unit) -> bool:
    """True for items of the same passage, or of the list that is the next passage."""
    here, there = unit.evidence.chunk, item.evidence.chunk
    next_list = there.kind == "list" and here.ordinal + 1 == there.ordinal
    return here.doc_id == there.doc_id and (here.ordinal == there.ordinal or next_list)


def _stands_in_a_list_about(unit: Unit, question: Question) -> bool:
    """True for an item that fits the question by its heading alone: then all items answer."""
    if unit.evidence.chunk.kind != "list":
        return False
    return question.heading_coverage(unit) >= question.own_coverage(unit)


def _explains(item: Unit, unit: Unit) -> bool:
    """True when the sentence after `unit` states the cause that `unit` leaves open."""
    return _same_passage(unit, item) and states_cause(item.text) and not states_cause(unit.text)


def _as_chunk(unit: Unit) -> Chunk:
    """The unit as a passage of its own, under its heading, for the encoder."""
    text = unit.text
    if unit.row:
        cells = [f"{cell.column} {cell.text}" for cell in unit.row.cells]
        text = " ".join([unit.row.section, unit.row.label, *cells])
    return replace(unit.evidence.chunk, text=text, spans=())
