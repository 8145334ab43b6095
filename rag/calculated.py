"""EVIDENCE -> CALCULATED ANSWER: changes, shares, sums, means and comparisons with cited operands.

A `rag.row.Solver` for questions whose answer is computed from values that stand apart, in one table or
on pages of several documents. It answers only where each operand is named by the question and is the
only one that fits; where two fit, both are shown; where nothing can be computed, it says why.
Look-ups of one value, whys and definitions it leaves to the solvers after it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.currency import YUAN_OR_YEN
from core.quantity import agrees, show
from core.types import Answer, Cost, Language
from core.values import Value
from rag.cite import Quote, Statement, cite
from rag.doubt import names_strangers
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand, Refused
from rag.numbers.dialogue import Dialogue
from rag.numbers.grain import are_daily
from rag.numbers.pool import Fit, Pool
from rag.numbers.question import Asked, Operation, expanded, read_question
from rag.plan import Plan
from rag.row import Task

_COVERED = 0.85  # of the question's weight: what an operand and its passage must say
_PRECISE = 0.5  # of the label's words: what the question must say
_SAME = 0.08  # values whose scores differ by less fit equally well
_COST = Cost(path="calculated")

_DIRECTION = re.compile(
    r"\b(?P<up>increas\w*|grow\w*|grew|rise|rose|risen|improv\w*|higher|more|larger|greater|exceed\w*|up)\b"
    r"|\b(?P<down>decreas\w*|declin\w*|fall|fell|fallen|drop\w*|lower|less|smaller|fewer|deteriorat\w*|down)\b"
    r"|(?P<zhup>增长|增加|上升|提高|高于|超过)|(?P<zhdown>下降|减少|降低|下滑|低于)",
    re.IGNORECASE,
)
_YUAN_OR_YEN: dict[Language, str] = {
    "en": "“¥” is the yuan (CNY) or the yen (JPY): the documents do not say which. Nothing was converted.",
    "zh": "“¥”可能是人民币（CNY），也可能是日元（JPY）：文档没有说明，未作换算。",
}
_PART_OF = re.compile(
    r"\bwhat (?:percentage|percent|proportion|share|portion|fraction|%) of\b", re.IGNORECASE
)
_YES_NO = re.compile(r"^(?:did|was|were|is|are|has|have|does|do)\b|吗[?？]?$|是否", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Side:
    """One operand, and the others that fit as well but print another amount."""

    fit: Fit
    rivals: tuple[Fit, ...] = ()

    @property
    def operand(self) -> Operand:
        return self.fit.candidate.operand

    @property
    def value(self) -> Value:
        return self.fit.value


class CalculatedAnswerer:
    """Stateless; safe to share between threads."""

    def solve(self, task: Task) -> Answer | None:
        if task.asked.parts:
            return None  # several questions in one: each has its own words
        asked = _asked(task.asked)
        outcome = _Calculation(asked, task.asked, Pool(task.evidence)).run() if asked else None
        outcome = outcome or _in_conversation(task)
        if outcome is None or names_strangers(task):  # figures of another firm are no answer
            return None
        text = cite(outcome, task.evidence, between="\n")
        return Answer(text.text, "answered", text.citations, text.claims, evidence=task.evidence, cost=_COST)


_HANDLED: frozenset[Operation] = frozenset(
    ["change", "percentage_change", "growth_rate", "average", "sum", "ratio", "which_period"]
)


def _asked(plan: Plan) -> Asked | None:
    """What is to be computed, or None where nothing is."""
    if plan.kind in ("why", "definition", "who", "where"):
        return None
    asked = read_question(plan.question)
    compared = plan.kind in ("comparison", "change", "yes_no") and len(asked.periods) == 2
    if asked.operation in ("look_up", "text") and compared:
        return replace(asked, operation="change")
    return asked if asked.operation in _HANDLED else None


def _in_conversation(task: Task) -> list[Statement] | None:
    """A value computed with those that were asked for before ("and what is the change?")."""
    before = [message.text for message in task.history if message.role == "user"]
    if not before or not task.question:
        return None
    dialogue = Dialogue(task.evidence)
    for question in before:
        dialogue.ask(question)
    turn = dialogue.ask(task.question)
    certain = all(fit.covered >= _COVERED and fit.precise >= _PRECISE for fit in turn.fits)
    if not turn.derivation or len(turn.fits) < 2 or not certain:
        return None
    quotes = tuple(
        Quote(fit.candidate.evidence.key, fit.value.unit_start, fit.value.unit_end) for fit in turn.fits
    )
    return [Statement(turn.derivation, quotes, "derived", turn.derivation)]


class _Calculation:
    def __init__(self, asked: Asked, plan: Plan, pool: Pool) -> None:
        self.asked, self.plan, self.pool = asked, plan, pool
        self.language: Language = asked.language
        self.periods = expanded(
            asked.periods, pool.periods, span=asked.span and asked.operation in ("average", "sum")
        )

    def run(self) -> list[Statement] | None:
        match self.asked.operation:
            case "change" | "percentage_change" | "growth_rate":
                return self._change()
            case "ratio":
                return self._ratio()
            case "average" | "sum":
                return self._over_periods()
            case "which_period":
                return self._extreme()
        return None

    # ---------------- operands

    def side(self, words: str, period: str, beside: _Side | None = None) -> _Side | None:
        """The value that fits best, if it fits well enough: of the kind of `beside`, and from its
        document where that holds one as good, because a later report may restate an earlier one.
        """
        percent = _is_percentage(beside.value) if beside else self._wants_percent(words)
        ranked = self.pool.ranked(words, period, percent=percent)
        best = next(iter(ranked), None)
        if best is None or best.covered < _COVERED or best.precise < _PRECISE:
            return None
        if percent is not None and _is_percentage(best.value) != percent:
            return None
        near = [fit for fit in ranked if fit.score > best.score - _SAME and fit.covered >= _COVERED]
        if beside:
            best = next((fit for fit in near if _document(fit) == _document(beside.fit)), best)
        rivals = [fit for fit in near if not agrees(fit.value.quantity, best.value.quantity)]
        return _Side(best, tuple(rivals[:2]))

    def _wants_percent(self, words: str) -> bool | None:
        """A margin or a rate is a percentage; of what else may be one, nothing is known."""
        if self.asked.operation != "growth_rate" and re.search(
            r"\b(?:margin|rate)s?\b|[利税]率", words, re.IGNORECASE
        ):
            return True
        return None if re.search(r"\b(?:share|percentages?) of\b|占比", words, re.IGNORECASE) else False

    def sides(self, words: str, periods: Sequence[str]) -> list[_Side] | None:
        """A value for each period, all of one kind; None where one is missing."""
        found: dict[str, _Side] = {}
        for period in sorted(periods, reverse=True):
            side = self.side(words, period, next(iter(found.values()), None))
            if side is None:
                return None
            found[period] = side
        return [found[period] for period in periods]

    # ---------------- programs

    def _change(self) -> list[Statement] | None:
        if self.asked.parts:
            return self._between_items()
        periods = sorted(self.periods)
        if len(periods) == 1 and (before := _year_before(periods[0])):
            periods = [before, periods[0]]
        if len(periods) != 2:
            return None
        sides = self.sides(self.asked.question, periods)
        if sides is None:
            return None
        earlier, later = sides
        if self.asked.operation == "growth_rate":
            years = int(later.value.period[:4]) - int(earlier.value.period[:4])
            outcome = calc.growth_rate(later.operand, earlier.operand, years)
        elif self.asked.operation == "percentage_change" and later.value.quantity.unit != "%":
            outcome = calc.percentage_change(later.operand, earlier.operand)
        else:
            outcome = calc.subtract(later.operand, earlier.operand)
        return self._told(sides, outcome)

    def _between_items(self) -> list[Statement] | None:
        period = self.periods[0] if self.periods else ""
        one, other = (self.side(part, period) for part in self.asked.parts)
        if one is None or other is None or one.fit.candidate.key == other.fit.candidate.key:
            return None
        return self._told([one, other], calc.subtract(one.operand, other.operand), by_name=True)

    def _ratio(self) -> list[Statement] | None:
        if len(self.periods) > 1:
            return None
        period = self.periods[0] if self.periods else ""
        part, whole = (self.side(words, period) for words in self.asked.parts)
        if part is None or whole is None or part.fit.candidate.key == whole.fit.candidate.key:
            return None
        if _PART_OF.search(self.asked.question) and part.value.quantity.amount > whole.value.quantity.amount:
            return None  # the part of something else
        program = calc.share if self.asked.as_percentage else calc.divide
        return self._told([part, whole], program(part.operand, whole.operand), by_name=True)

    def _over_periods(self) -> list[Statement] | None:
        if len(self.periods) < 2:
            return None
        sides = self.sides(self.asked.question, self.periods)
        if sides is None:
            return None
        operands = [side.operand for side in sides]
        program = calc.average if self.asked.operation == "average" else calc.add
        return self._told(sides, program(operands))

    def _extreme(self) -> list[Statement] | None:
        """The period in which the value is highest or lowest, among those asked, else all."""
        periods = self.periods if len(self.periods) > 1 else self.pool.periods
        if are_daily(periods):
            return None  # of which the passages at hand hold a part
        sides = [side for period in periods if (side := self.side(self.asked.question, period))]
        if len(sides) < 2 or self.asked.threshold or (self.periods and len(sides) < len(self.periods)):
            return None
        units = {(side.value.quantity.unit, side.value.quantity.currency) for side in sides}
        ordered = sorted(sides, key=lambda side: side.value.quantity.amount, reverse=self.asked.largest)
        if len(units) > 1 or self.asked.rank >= len(ordered):
            return None
        chosen = ordered[self.asked.rank]
        line = f"{chosen.value.period}: {_shown(chosen.value, self.language)}"
        return [Statement(line, _quotes([chosen]), "derived", _ordered(ordered)), *self._table(sides)]

    # ---------------- words

    def _told(
        self, sides: Sequence[_Side], outcome: calc.Outcome, *, by_name: bool = False
    ) -> list[Statement]:
        """The operands as a small table, the result with its derivation, and what else fits."""
        table = self._table(sides, by_name=by_name)
        if isinstance(outcome, Refused):
            return [*table, Statement(outcome.reason(self.language), _quotes(sides), "derived")]
        in_order = sorted(sides, key=lambda side: outcome.operands.index(side.operand))
        derivation = f"{_lead(self.plan, outcome, self.language)}{_written(outcome, self.language)}"
        rivals = [rival for side in sides for rival in side.rivals]
        told = Statement(derivation, _quotes(in_order), "derived", outcome.derivation)
        return [*table, told, *(self._also(rival) for rival in rivals), *self._unsaid(sides)]

    def _unsaid(self, sides: Sequence[_Side]) -> list[Statement]:
        """What stays open of a sign that two currencies share."""
        shared = any(side.value.quantity.currency == YUAN_OR_YEN for side in sides)
        return [Statement(_YUAN_OR_YEN[self.language], ())] if shared else []

    def _table(self, sides: Sequence[_Side], *, by_name: bool = False) -> list[Statement]:
        name = _capital(min((side.value.name for side in sides), key=len))
        head = (
            f"| {'' if by_name else name}".rstrip()
            + " |"
            + (" 数值 |" if self.language == "zh" else " Value |")
        )
        rows = [
            Statement(
                f"| {_capital(side.value.name) if by_name else side.value.period} | {_shown(side.value, self.language)}",
                _quotes([side]),
            )
            for side in sides
        ]
        return [Statement(head, ()), Statement("|---|---|", ()), *rows]

    def _also(self, rival: Fit) -> Statement:
        value = rival.value
        about = value.period or rival.candidate.evidence.chunk.title
        lead = "另有数值" if self.language == "zh" else "Another value fits as well"
        colon = "：" if self.language == "zh" else ": "
        line = f"{lead}{colon}{value.name} ({about}) {_shown(value, self.language)}"
        return Statement(line, (Quote(rival.candidate.evidence.key, value.start, value.end),))


def _is_percentage(value: Value) -> bool:
    return value.quantity.unit in ("%", "pp")


def _document(fit: Fit) -> str:
    return fit.candidate.evidence.chunk.doc_id


def _quotes(sides: Sequence[_Side]) -> tuple[Quote, ...]:
    return tuple(
        Quote(side.fit.candidate.evidence.key, side.value.unit_start, side.value.unit_end)
        if side.value.kind == "cell"
        else Quote(side.fit.candidate.evidence.key, side.value.start, side.value.end)
        for side in sides
    )


def _lead(plan: Plan, outcome: Derived, language: Language) -> str:
    """Yes or No where that is asked, else nothing."""
    direction = _DIRECTION.search(plan.question)
    if not direction or not _YES_NO.search(plan.question):
        return ""
    wanted = 1 if direction["up"] or direction["zhup"] else -1
    value = outcome.quantity.value
    agreed = (value > 0) - (value < 0) == wanted
    if language == "zh":
        return "是：" if agreed else "否："
    return "Yes: " if agreed else "No: "


def _written(outcome: Derived, language: Language) -> str:
    """The derivation in the words of the language."""
    text = outcome.derivation
    if language == "zh":
        for quantity in (*(operand.quantity for operand in outcome.operands), outcome.quantity):
            text = text.replace(show(quantity), show(quantity, "zh"))
    return text


def _ordered(sides: Sequence[_Side]) -> str:
    return ", ".join(show(side.value.quantity) for side in sides)


def _shown(value: Value, language: Language) -> str:
    """As printed where the print says its unit, else with the scale that its table states."""
    quantity = value.quantity
    if quantity.scale or (quantity.unit and not re.search(r"[%％A-Za-z]", value.raw)):
        return show(quantity, language)
    return value.raw


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _year_before(period: str) -> str:
    if re.fullmatch(r"\d{4}", period):
        return str(int(period) - 1)
    match = re.fullmatch(r"(\d{4})(-(?:Q|H)\d)", period)
    return f"{int(match[1]) - 1}{match[2]}" if match else ""
