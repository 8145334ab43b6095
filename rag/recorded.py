"""QUESTION -> ANSWER FROM THE CATALOGUE'S FACTS: one attribute over many documents or years, with each value cited.

A `rag.row.Solver` for what no single passage holds: which of the documents states the most, in which year, how many pass a
bound, their sum or mean, a list of them; and, as a last resort, a look-up. The facts are those of live documents that the
caller may see; each is shown in its passage, which is fetched under the same access. It answers only where the
question says every word of the attribute, the rest of the question stands in the titles, and no document states two
values for one period. What is not covered: attributes in other words than the documents', beside those of the glossary.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from core.period import find_periods
from core.quantity import Quantity, agrees, find, same_currency, show
from core.text import CJK, STOP_WORDS, label_terms, normalize
from core.types import Access, Answer, Chunk, Cost, Evidence, Fact, Language
from rag.cite import Quote, Statement, cite
from rag.index.facts import Wanted
from rag.match import held, is_beginning, terms_of
from rag.movement import one_writing
from rag.numbers import calc
from rag.numbers.calc import Operand, Outcome, Refused
from rag.numbers.glossary import concept_of, concepts_of, matching_terms, telling_terms_of, words_of
from rag.numbers.grain import grain_asked, in_grain
from rag.numbers.question import Asked, Operation, expanded, read_question
from rag.plan import Plan
from rag.row import Task
from rag.stated import Facts, Passages, place_in, quantity_of

OVER_MANY: frozenset[Operation] = frozenset(
    [
        "which_item",
        "count",
        "list",
        "sum",
        "average",
        "change",
        "percentage_change",
        "growth_rate",
    ]
)
WHICH_PERIOD: frozenset[Operation] = frozenset(["which_period"])
LOOK_UPS: frozenset[Operation] = frozenset(["look_up"])
_MOST_FACTS = 2000  # of one attribute and the asked periods; of more, none is compared
_MOST_SHOWN = 12  # values of the days, months or years that come first
_COST = Cost(path="recorded")


class NamedFacts(Facts, Protocol):
    """... and the names of what they are of."""

    def attributes(self, words: Collection[str], *, access: Access) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A value with the passage that prints it at [start, end). `of`: the document's title without its period."""

    fact: Fact
    quantity: Quantity
    chunk: Chunk
    start: int
    of: str

    @property
    def period(self) -> str:
        return self.fact.period

    @property
    def title(self) -> str:
        return self.chunk.title or self.chunk.doc_id

    @property
    def operand(self) -> Operand:
        return Operand(self.quantity, self.fact.text, self.fact.attribute, self.title, self.period)


class RecordedAnswerer:
    """Stateless; safe to share between threads. `operations`: those that it answers."""

    def __init__(self, facts: NamedFacts, passages: Passages, operations: Collection[Operation]) -> None:
        self._facts = facts
        self._passages = passages
        self._operations = operations

    def solve(self, task: Task) -> Answer | None:
        if task.asked.parts or task.asked.kind in ("why", "definition", "who", "where"):
            return None
        asked = read_question(task.asked.question)
        if asked.operation not in self._operations:
            return None
        values = self._values(task, asked)
        told = _told(asked, values) if values else None
        return _answered(task, told) if told else None

    def _values(self, task: Task, asked: Asked) -> list[Recorded]:
        """One for each document and period, of the attribute that the question names most fully."""
        named = [fact for fact in self._named(task, asked) if _is_in(fact, asked)]
        best = max((len(_label(fact)) for fact in named), default=0)
        kept = [fact for fact in named if len(_label(fact)) == best]
        if len({_label(fact) for fact in kept}) != 1:
            return []
        return list(_distinct(self._read(kept, task)))

    def _named(self, task: Task, asked: Asked) -> Iterator[Fact]:
        """Facts all of whose words the question says, and whose documents' titles say the rest of it."""
        said = matching_terms(task.asked.question)
        words, rest = _words(task.asked), _Rest(task.asked)
        concepts = (telling_terms_of(term[1:]) for term in said if term[0] == "=")
        names = self._facts.attributes(said.union(*concepts), access=task.access)
        periods = () if asked.span else asked.periods
        for name in sorted(names):
            if not any(word in name for word in words) or not _says(said, name):
                continue
            wanted = Wanted(named=name, periods=periods)
            found = self._facts.find(wanted, access=task.access, limit=_MOST_FACTS)
            for fact in found if len(found) < _MOST_FACTS else ():
                allowed = task.documents is None or fact.place.doc_id in task.documents
                if allowed and rest.is_said_by(fact):
                    yield fact

    def _read(self, facts: Sequence[Fact], task: Task) -> Iterator[Recorded]:
        found = self._passages.get(list(dict.fromkeys(fact.chunk_id for fact in facts)), access=task.access)
        chunks = {chunk.id: chunk for chunk in found if task.access.allows(chunk)}
        for fact in facts:
            chunk = chunks.get(fact.chunk_id)
            if chunk and fact.text in chunk.text:
                yield Recorded(
                    fact, quantity_of(fact), chunk, place_in(fact, chunk), _without_period(chunk.title)
                )


# ---------------------------------------------------------------- which facts


def _words(asked: Plan) -> list[str]:
    """The beginnings of the question's words, and pairs of Chinese characters, by which attributes are looked up."""
    names = frozenset(term for name in asked.names for term in re.findall(r"\w+", name.lower()))
    words = [word.lower() for word in re.findall(rf"[^\W\d_{CJK}]{{3,}}", asked.subject)]
    plain = [word[: max(4, len(word) - 3)] for word in words if word not in names | STOP_WORDS]
    runs = re.findall(rf"[{CJK}]{{2,}}", asked.subject)
    return list(
        dict.fromkeys([*plain, *(run[at : at + 2] for run in runs for at in range(0, len(run) - 1, 2))])
    )


def _label(fact: Fact) -> frozenset[str]:
    return frozenset(concepts_of(fact.attribute)) or matching_terms(fact.attribute)


def _says(said: frozenset[str], attribute: str) -> bool:
    """Does the question say every word of the attribute, or its other name? "End" or "total" alone name none."""
    if attribute.endswith("(change)") or not re.search(r"[^\W\d_]", _ASKING.sub("", attribute)):
        return False
    if not (said.issuperset(label_terms(attribute)) or _is_only(attribute)):
        return False  # most names that share one word with the question
    label = matching_terms(attribute)
    concepts = {term for term in label if term[0] == "="}
    return bool(label) and (label <= said or (bool(concepts) and concepts <= said and _is_only(attribute)))


def _is_only(attribute: str) -> bool:
    """Is the whole attribute one name of the glossary, and not a part of it ("Revenue of services")?"""
    return bool(concept_of(attribute))


# Words that ask, count and compare: they name neither an attribute nor a document.
_ASKING = re.compile(
    r"\b(?:most|least|highest|lowest|largest|smallest|greatest|fewest|biggest|more|less|fewer|than|above|below|over|under|exceed\w*"
    r"|at|total|sum|average|mean|combined|together|altogether|across|all|each|every|end|beginning|year\w*|quarter\w*|period\w*|document\w*|report\w*"
    r"|have|has|had|state\w*|change\w*|increas\w*|decreas\w*|grow\w*|grew|growth|annual|compound|rate|percent\w*|much|many|list)\b"
    r"|最高|最低|最大|最小|最多|最少|超过|低于|合计|平均|变化|增长|各|所有|全部|年|哪|个|家|有|多少|列出",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"\b(?:which|what|how many)\s+(?:of the )?(?P<noun>[\w-]+)|(?:哪|多少|几)[个家座所]?(?P<zh>[^\W\d]{2})",
    re.IGNORECASE,
)


class _Rest:
    """What a question says beside its asking, its values and the kind of thing that is counted."""

    def __init__(self, asked: Plan) -> None:
        item = _ITEM.search(asked.question)
        rest = asked.question.replace(item[0], " ") if item else asked.question
        spans = [(each.start, each.end) for each in find_periods(rest)]
        spans += [(each.start, each.end) for each in find(rest)]
        for start, end in sorted(spans, reverse=True):
            rest = f"{rest[:start]} {rest[end:]}"
        wanted = one_writing(asked.terms) & terms_of(_ASKING.sub(" ", rest))
        names = {term for name in asked.names for term in terms_of(name) if not is_beginning(term)}
        self._terms = wanted | names
        self._concepts = concepts_of(asked.question)
        self._known: dict[tuple[str, str], bool] = {}

    def is_said_by(self, fact: Fact) -> bool:
        """Do attribute and heading say all of it?"""
        said = fact.attribute, fact.subject
        if said not in self._known:
            known = terms_of(" ".join(said))
            shared = concepts_of(fact.attribute) & self._concepts
            known |= frozenset(word for concept in shared for word in words_of(concept))
            self._known[said] = all(held(term, known) for term in self._terms)
        return self._known[said]


def _is_in(fact: Fact, asked: Asked) -> bool:
    """Of an asked period, of any within a span, and of any where none is asked."""
    if not asked.periods:
        return bool(fact.period)
    if asked.span:
        return min(asked.periods) <= fact.period <= max(asked.periods)
    return fact.period in asked.periods


def _distinct(values: Iterator[Recorded]) -> Iterator[Recorded]:
    """One for each document and period; of a document that states two amounts for one, none."""
    by_place: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for value in values:
        by_place[value.chunk.doc_id, value.period].append(value)
    for several in by_place.values():
        if all(agrees(several[0].quantity, other.quantity) for other in several):
            yield several[0]


def _without_period(title: str) -> str:
    for found in reversed(find_periods(title)):
        title = f"{title[: found.start]} {title[found.end :]}"
    return " ".join(re.sub(r"\d+", " ", normalize(title)).lower().split())


# ---------------------------------------------------------------- programs


@dataclass(frozen=True, slots=True)
class _Told:
    """`lead` and the values that it rests on; `shown`: all that were compared."""

    lead: str
    used: Sequence[Recorded]
    shown: Sequence[Recorded]
    derivation: str = ""
    copied: bool = False


def _told(asked: Asked, values: Sequence[Recorded]) -> _Told | None:
    if not _comparable(values):
        return None
    by_period = _by_period(values)
    match asked.operation:
        case "look_up":
            return _one(values, asked)
        case "which_period":
            return _which_period(asked, list(by_period.values()))
        case "which_item":
            return _extreme(asked, _by_document(values), "title")
        case "count":
            if asked.parts and _TIMES.search(asked.parts[0]):
                return _passing_times(asked, list(by_period.values()), counted=True)
            return _count(asked, _by_document(values))
        case "list":
            return _list(_by_document(values) or list(by_period.values()), asked.language)
        case "sum" | "average":
            several = list(by_period.values()) if len(by_period) > 1 else _by_document(values)
            return _over(asked, several)
        case "change" | "percentage_change" | "growth_rate":
            return _change(asked, by_period)
    return None


_TIMES = re.compile(r"\byears?\b|\bperiods?\b|\bquarters?\b|\bmonths?\b|\bdays?\b|\bdates?\b|[年月天日]|季度")


def _comparable(values: Sequence[Recorded]) -> bool:
    first = values[0].quantity
    return all(
        value.quantity.unit == first.unit and same_currency(value.quantity.currency, first.currency)
        for value in values
    )


def _by_period(values: Sequence[Recorded]) -> dict[str, Recorded]:
    """By period, where all are of one thing and no two documents state one period otherwise; else nothing."""
    if len({value.of for value in values}) != 1:
        return {}
    found: dict[str, Recorded] = {}
    for value in sorted(values, key=lambda each: (each.period, each.chunk.id)):
        if not agrees(found.setdefault(value.period, value).quantity, value.quantity):
            return {}
    return found


def _by_document(values: Sequence[Recorded]) -> list[Recorded]:
    """One for each document, where all are for one period and no two documents have one title; else nothing."""
    titles = {value.title for value in values}
    alone = len({value.period for value in values}) == 1 and len(titles) == len(values) > 1
    return sorted(values, key=lambda value: value.title) if alone else []


def _name(value: Recorded, by: str) -> str:
    return value.period if by == "period" else value.title


def _one(values: Sequence[Recorded], asked: Asked) -> _Told | None:
    agreed = all(agrees(values[0].quantity, other.quantity) for other in values)
    if not agreed or len(asked.periods) != 1 or len({value.of for value in values}) != 1:
        return None
    value = values[0]
    colon = "：" if asked.language == "zh" else ": "
    return _Told(
        f"{value.fact.attribute} ({value.period}){colon}{_print(value, asked.language)}",
        [value],
        [],
        copied=True,
    )


def _extreme(asked: Asked, values: Sequence[Recorded], by: str) -> _Told | None:
    ordered = sorted(values, key=lambda value: value.quantity.amount, reverse=asked.largest)
    if asked.threshold or len(ordered) < 2 or asked.rank >= len(ordered):
        return None
    best = ordered[asked.rank]
    colon = "：" if asked.language == "zh" else ": "
    return _Told(
        f"{_name(best, by)}{colon}{_print(best, asked.language)}", [best], ordered,
        ", ".join(show(value.quantity) for value in ordered),
    )  # fmt: skip


def _which_period(asked: Asked, values: Sequence[Recorded]) -> _Told | None:
    """The year, quarter, month or day that is asked for, though the values may be of days."""
    if asked.threshold:
        return _passing_times(asked, values, counted=False)
    told = _extreme(asked, values, "period")
    if told is None:
        return None
    best = told.used[0]
    alike = [value for value in told.shown if value.quantity.amount == best.quantity.amount]
    equals = sorted(_of_each(alike, asked), key=lambda value: value.period)
    shown = _of_each(told.shown, asked)
    if len(equals) == 1 and len(shown) == len(told.shown):
        return replace(told, shown=told.shown[:_MOST_SHOWN])
    colon, comma = ("：", "、") if asked.language == "zh" else (": ", ", ")
    names = comma.join(_time(value, asked) for value in equals)
    on = f" ({best.period})" if len(equals) == 1 else ""
    lead = f"{names}{colon}{_print(best, asked.language)}{on}"
    return _Told(lead, equals, shown[:_MOST_SHOWN], told.derivation)


def _passing_times(asked: Asked, values: Sequence[Recorded], *, counted: bool) -> _Told | None:
    """In which periods the value is beyond the bound, or in how many; of each the most extreme is shown."""
    if asked.threshold is None or len(values) < 2:
        return None
    by_amount = sorted(values, key=lambda value: value.quantity.amount, reverse=asked.largest)
    shown = sorted(_of_each(by_amount, asked), key=lambda value: value.period)
    passing = [value for value in shown if _passes(value, asked)]
    names = ("、" if asked.language == "zh" else ", ").join(_time(value, asked) for value in passing)
    if counted:
        lead = f"{len(passing)}{f' ({names})' if names else ''}"
        return _Told(lead, passing or shown, shown, names)
    return _Told(names, passing, shown, names) if passing else None


def _time(value: Recorded, asked: Asked) -> str:
    return in_grain(value.period, grain_asked(asked.question))


def _of_each(values: Sequence[Recorded], asked: Asked) -> list[Recorded]:
    """The first value of each period that is asked for."""
    first: dict[str, Recorded] = {}
    for value in values:
        first.setdefault(_time(value, asked), value)
    return list(first.values())


def _passes(value: Recorded, asked: Asked) -> bool:
    assert asked.threshold is not None
    amount, bound = value.quantity.amount, asked.threshold.amount
    return amount > bound if asked.largest else amount < bound


def _count(asked: Asked, values: Sequence[Recorded]) -> _Told | None:
    if asked.threshold is None or len(values) < 2:
        return None
    passing = [value for value in values if _passes(value, asked)]
    names = ("、" if asked.language == "zh" else ", ").join(value.title for value in passing)
    return _Told(f"{len(passing)}{f' ({names})' if names else ''}", passing or values, values, names)


def _list(values: Sequence[Recorded], language: Language) -> _Told | None:
    if len(values) < 2:
        return None
    head = f"{values[0].fact.attribute}：" if language == "zh" else f"{values[0].fact.attribute}:"
    return _Told(head, [], values)


def _over(asked: Asked, values: Sequence[Recorded]) -> _Told | None:
    if len(values) < 2 or (asked.periods and not asked.span and len(values) < len(asked.periods)):
        return None
    operands = [value.operand for value in values]
    return _computed(
        (calc.average if asked.operation == "average" else calc.add)(operands), values, asked.language
    )


def _change(asked: Asked, values: Mapping[str, Recorded]) -> _Told | None:
    periods = expanded(asked.periods, tuple(values), span=False)
    if len(periods) != 2 or any(period not in values for period in periods):
        return None
    earlier, later = (values[period] for period in sorted(periods))
    if asked.operation == "growth_rate":
        outcome = calc.growth_rate(
            later.operand, earlier.operand, int(later.period[:4]) - int(earlier.period[:4])
        )
    elif asked.operation == "percentage_change" and later.quantity.unit != "%":
        outcome = calc.percentage_change(later.operand, earlier.operand)
    else:
        outcome = calc.subtract(later.operand, earlier.operand)
    return _computed(outcome, [earlier, later], asked.language)


def _computed(outcome: Outcome, values: Sequence[Recorded], language: Language) -> _Told:
    if isinstance(outcome, Refused):
        return _Told(outcome.reason(language), values, values)
    return _Told(outcome.derivation, values, values, outcome.derivation)


# ---------------------------------------------------------------- words


def _print(value: Recorded, language: Language) -> str:
    quantity = value.quantity
    return (
        show(quantity, language) if quantity.scale or quantity.unit or quantity.currency else value.fact.text
    )


def _answered(task: Task, told: _Told) -> Answer:
    evidence = list(task.evidence)
    keys = {item.chunk.id: item.key for item in evidence}
    for value in (*told.used, *told.shown):
        if value.chunk.id not in keys:
            keys[value.chunk.id] = f"S{len(evidence) + 1}"
            evidence.append(Evidence(keys[value.chunk.id], value.chunk, 1.0, frozenset({"fact"})))

    def quotes(values: Sequence[Recorded]) -> tuple[Quote, ...]:
        return tuple(Quote(keys[one.chunk.id], one.start, one.start + len(one.fact.text)) for one in values)

    by = "period" if len({value.period for value in told.shown}) > 1 else "title"
    language = task.asked.language
    rows = [
        Statement(f"| {_name(value, by)} | {_print(value, language)} |", quotes([value]))
        for value in told.shown
    ]
    head = (
        [Statement(f"| | {told.shown[0].fact.attribute} |", ()), Statement("|---|---|", ())] if rows else []
    )
    lead = Statement(told.lead, quotes(told.used), "quoted" if told.copied else "derived", told.derivation)
    text = cite([lead, *head, *rows], evidence, between="\n")
    return Answer(text.text, "answered", text.citations, text.claims, evidence=tuple(evidence), cost=_COST)
