"""FILE -> STATEMENTS: sentences about the cells of its tables, right ones and ones with a planted fault.

A statement names subject, period and amount of one or two typed cells; it is right when its amount is
that of the cell (as printed, in another scale, rounded, as a ratio) or follows from the two cells by
the calculator. A wrong one is a right one with one thing changed, and is left out where the change
happens to give something that the evidence says. The same seed gives the same statements. Sentences
are Chinese where the row's label is.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from core.quantity import Quantity, agrees, convert, show
from core.table import Cell, read_table
from core.text import CJK, normalize
from core.types import Chunk
from rag.numbers import calc
from rag.numbers.calc import Derived, Operand
from rag.numbers.glossary import matching_terms

WRONG = ("digit", "scale", "sign", "period", "subject", "unit", "invented")
RIGHT = ("printed", "other_scale", "rounded", "as_ratio", "derived")

_DISTRACTORS = 7  # passages beside the one that the statement is about: what a search would bring along


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind` is one of WRONG or RIGHT. `evidence`: the passages that an answerer would have been given."""

    text: str
    kind: str
    is_right: bool
    evidence: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sentence is made of; `moved` is "rose" or "fell" where it speaks of a change."""

    subject: str
    amount: Quantity
    period: str
    moved: str = ""
    before: str = ""
    of: str = ""
    program: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    chunk: Chunk
    cells: tuple[Cell, ...]


def statements_of(chunks: Sequence[Chunk], chance: random.Random, per_kind: int) -> list[Statement]:
    """Up to `per_kind` statements of each kind, spread over the document's tables."""
    tables = [table for chunk in chunks if chunk.kind == "table" and (table := _table(chunk)).cells]
    terms = {chunk.id: matching_terms(chunk.indexed_text) for chunk in chunks}
    wanted = dict.fromkeys((*RIGHT, *WRONG), per_kind)
    made: list[Statement] = []
    chance.shuffle(tables)
    for table in tables:
        cell = chance.choice(table.cells)
        evidence = _evidence(table, cell, chunks, terms)
        known = [item for chunk in evidence if chunk.kind == "table" for item in _table(chunk).cells]
        kinds = [kind for kind, left in wanted.items() if left]
        chance.shuffle(kinds)
        for kind in kinds[:2]:
            maker = _right if kind in RIGHT else _wrong
            said = maker(kind, cell, table, known, chance)
            if said is not None:
                wanted[kind] -= 1
                made.append(Statement(_sentence(said, chance), kind, kind in RIGHT, evidence))
    return made


@lru_cache(maxsize=256)
def _table(chunk: Chunk) -> _Table:
    """With the cells that a sentence can be made of."""
    lines = chunk.text.splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if "|" in line]
    above = [chunk.heading, *(line for line in lines if "|" not in line)]
    cells = read_table(rows, above).cells
    keys = Counter(_key(cell) for cell in cells)
    labels = {" ".join(normalize(row[0]).split()) for row in rows}
    return _Table(
        chunk,
        tuple(
            cell
            for cell in cells
            if _can_be_said(cell)
            and keys[_key(cell)] == 1
            and any(label.startswith(cell.label) for label in labels)
        ),
    )


def _key(cell: Cell) -> tuple[str, str, str, str]:
    return cell.section, cell.label, cell.heading, cell.period


def _can_be_said(cell: Cell) -> bool:
    words = re.findall(rf"[A-Za-z]{{3,}}|[{CJK}]{{2,}}", cell.label)
    digits = len(re.sub(r"\D", "", cell.raw).lstrip("0"))
    typed = cell.scale_known or cell.quantity.currency or cell.quantity.unit
    return bool(
        words
        and re.fullmatch(r"(?:19|20)\d\d(?:-Q[1-4])?", cell.period)
        and len(cell.label) < 70
        and len(cell.heading.split()) <= 5
        and not re.search(r"\d", cell.heading)
        and digits >= 2
        and typed
        and (len(words) > 1 or cell.section)
    )


def _evidence(
    table: _Table, cell: Cell, chunks: Sequence[Chunk], terms: dict[str, frozenset[str]]
) -> tuple[Chunk, ...]:
    """The cell's passage among those that share most words with its label."""
    mine = matching_terms(_subject(cell))
    others = [chunk for chunk in chunks if chunk.id != table.chunk.id]
    others.sort(key=lambda chunk: (-len(mine & terms[chunk.id]) / (20 + len(terms[chunk.id])), chunk.ordinal))
    return (table.chunk, *others[:_DISTRACTORS])


def _subject(cell: Cell) -> str:
    few = len(re.findall(r"[A-Za-z]{3,}", cell.label)) < 2 and not re.search(f"[{CJK}]", cell.label)
    label = f"{cell.section}, {cell.label}" if few and cell.section else cell.label
    return f"{label} ({cell.heading})" if cell.heading else label


# ---------------------------------------------------------------- right ones


def _right(
    kind: str, cell: Cell, table: _Table, known: Sequence[Cell], chance: random.Random
) -> _Said | None:
    quantity = cell.quantity
    plain = _Said(_subject(cell), quantity, cell.period)
    if kind == "printed":
        return plain
    if kind == "other_scale":
        scaled = _in_scale(quantity, chance)
        return replace(plain, amount=scaled) if scaled else None
    if kind == "rounded":
        rounded = _rounded(quantity)
        return replace(plain, amount=rounded) if rounded else None
    if kind == "as_ratio":
        return replace(plain, amount=convert(quantity, "")) if quantity.unit == "%" else None
    return _derived(cell, table, chance)


def _in_scale(quantity: Quantity, chance: random.Random) -> Quantity | None:
    """The same amount under the next larger or smaller scale word, digit for digit."""
    if quantity.unit or quantity.scale not in (3, 6, 9):
        return None
    scale = chance.choice([each for each in (6, 9) if each != quantity.scale])
    value = quantity.value.scaleb(quantity.scale - scale)
    if not Decimal("0.1") <= abs(value) < Decimal(1_000_000):
        return None
    return replace(
        quantity, value=value, scale=scale, decimals=max(0, quantity.decimals + scale - quantity.scale)
    )


def _rounded(quantity: Quantity) -> Quantity | None:
    """To three digits."""
    drop = quantity.value.adjusted() - 2
    if drop < -quantity.decimals + 1:
        return None
    value = quantity.value.quantize(Decimal(1).scaleb(drop), ROUND_HALF_UP)
    if drop <= 0 or not quantity.scale:
        return replace(quantity, value=value, decimals=max(0, -drop)) if drop <= 0 else None
    scale = quantity.scale + 3
    if scale > 9:
        return None
    return replace(quantity, value=value.scaleb(-3), scale=scale, decimals=max(0, 3 - drop))


def _derived(cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    """A change against an earlier period of the row, or a share of another row of the column."""
    makers: list[Callable[[], _Said | None]] = [
        lambda: _change(cell, table, chance),
        lambda: _part(cell, table, chance),
        lambda: _mean(cell, table),
    ]
    chance.shuffle(makers)
    return next((said for make in makers if (said := make())), None)


def _row(cell: Cell, table: _Table) -> list[Cell]:
    return [
        other
        for other in table.cells
        if _key(other)[:3] == _key(cell)[:3] and other.period < cell.period and other.quantity.value
    ]


def _operand(cell: Cell) -> Operand:
    return Operand(cell.quantity, cell.raw, cell.label, period=cell.period)


def _change(cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    earlier = _row(cell, table)
    if not earlier or cell.quantity.value <= 0 or len(cell.period) > 4:
        return None
    other = earlier[0]
    if other.quantity.value <= 0 or other.quantity.value == cell.quantity.value:
        return None
    percent = chance.random() < 0.6 and cell.quantity.unit != "%"
    make = calc.percentage_change if percent else calc.subtract
    outcome = make(_operand(cell), _operand(other))
    if not isinstance(outcome, Derived):
        return None
    found = outcome.quantity
    shown = replace(found, value=abs(found.value), decimals=1 if percent else found.decimals)
    if not calc.rounded(shown.value, shown.decimals) or abs(found.value) > 10_000:
        return None
    moved = "rose" if found.value > 0 else "fell"
    return _Said(
        _subject(cell),
        shown,
        cell.period,
        moved,
        before=other.period,
        program="percent" if percent else "difference",
    )


def _part(cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    wholes = [
        other
        for other in table.cells
        if other.period == cell.period
        and other.heading == cell.heading
        and other.quantity.scale == cell.quantity.scale
        and other.quantity.unit == cell.quantity.unit == ""
        and other.quantity.value > cell.quantity.value > 0
        and other.label != cell.label
    ]
    if not wholes or len(cell.period) > 4:
        return None
    whole = chance.choice(wholes)
    outcome = calc.share(_operand(cell), _operand(whole))
    if not isinstance(outcome, Derived) or outcome.quantity.value < 1:
        return None
    return _Said(
        _subject(cell),
        replace(outcome.quantity, decimals=1),
        cell.period,
        of=_subject(whole),
        program="share",
    )


def _mean(cell: Cell, table: _Table) -> _Said | None:
    earlier = [other for other in _row(cell, table) if other.period[:4] == str(int(cell.period[:4]) - 1)]
    if not earlier or cell.quantity.unit or len(cell.period) > 4:
        return None
    outcome = calc.average([_operand(cell), _operand(earlier[0])])
    if not isinstance(outcome, Derived):
        return None
    return _Said(_subject(cell), outcome.quantity, cell.period, before=earlier[0].period, program="average")


# ---------------------------------------------------------------- wrong ones


def _wrong(
    kind: str, cell: Cell, table: _Table, known: Sequence[Cell], chance: random.Random
) -> _Said | None:
    said = _derived(cell, table, chance) if chance.random() < 0.25 else None
    if said is None or kind in ("scale", "subject", "unit", "period"):
        said = _Said(_subject(cell), cell.quantity, cell.period)
    changed = _FAULTS[kind](said, cell, table, chance)
    if changed is None or _happens_to_be_right(changed, said, known):
        return None
    return changed


def _other_digit(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    places = max(0, said.amount.decimals)
    digits = list(f"{abs(calc.rounded(said.amount.value, places)):f}")
    at = chance.choice([index for index, char in enumerate(digits) if char.isdigit()])
    digits[at] = chance.choice([char for char in "123456789" if char != digits[at]])
    value = Decimal("".join(digits))
    return replace(said, amount=replace(said.amount, value=-value if said.amount.value < 0 else value))


def _other_scale(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    quantity = said.amount
    if quantity.unit:
        return None
    scale = chance.choice([each for each in (3, 6, 9) if each != quantity.scale])
    return replace(said, amount=replace(quantity, scale=scale))


def _other_sign(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    if said.moved:
        return replace(said, moved="fell" if said.moved == "rose" else "rose")
    return replace(said, amount=said.amount.negated()) if said.amount.value else None


def _other_period(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    years = {other.period[:4] for other in table.cells} | {str(int(cell.period[:4]) + by) for by in (-4, 3)}
    year = chance.choice(sorted(years - {cell.period[:4]}))
    return replace(said, period=year + cell.period[4:])


def _other_subject(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    others = sorted({_subject(other) for other in table.cells if other.label != cell.label})
    return replace(said, subject=chance.choice(others)) if others else None


def _other_unit(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    quantity = said.amount
    if quantity.unit == "%":
        return replace(said, amount=replace(quantity, unit="", currency="USD", scale=6))
    if quantity.currency:
        return replace(
            said, amount=replace(quantity, currency="EUR" if quantity.currency != "EUR" else "USD")
        )
    return replace(said, amount=replace(quantity, unit="%", scale=0))


def _invented(said: _Said, cell: Cell, table: _Table, chance: random.Random) -> _Said | None:
    value = said.amount.value * Decimal(chance.randint(130, 900)) / 100 + Decimal(chance.randint(1, 99)) / 10
    places = max(0, said.amount.decimals)
    return replace(said, amount=replace(said.amount, value=calc.rounded(value, places)))


_Fault = Callable[[_Said, Cell, _Table, random.Random], _Said | None]
_FAULTS: dict[str, _Fault] = {
    "digit": _other_digit,
    "scale": _other_scale,
    "sign": _other_sign,
    "period": _other_period,
    "subject": _other_subject,
    "unit": _other_unit,
    "invented": _invented,
}


def _happens_to_be_right(changed: _Said, said: _Said, known: Sequence[Cell]) -> bool:
    """True where a cell says what was to be wrong, or where the change did not show."""
    if changed == said or (
        changed.moved and agrees(changed.amount, said.amount) and changed.moved == said.moved
    ):
        return True
    mine = matching_terms(changed.subject)
    for cell in known:
        same = matching_terms(_subject(cell))
        named = same <= mine or mine <= same
        if named and cell.period[:4] == changed.period[:4] and agrees(cell.quantity, changed.amount):
            return True
    return False


# ---------------------------------------------------------------- sentences

_ENGLISH = (
    "{subject} was {amount} in {period}.",
    "In {period}, {subject} came to {amount}.",
    "The company reported {subject} of {amount} for {period}.",
    "{subject} amounted to {amount} in {period}.",
)
_CHINESE = ("{period}{subject}为{amount}。", "{subject}在{period}达到{amount}。")


def _sentence(said: _Said, chance: random.Random) -> str:
    chinese = bool(re.search(f"[{CJK}]", said.subject))
    amount = _shown(said.amount, chinese=chinese)
    period, before = (_period(label, chinese=chinese) for label in (said.period, said.before))
    if said.program in ("percent", "difference"):
        if chinese:
            verb = "增长" if said.moved == "rose" else "下降"
            return f"{said.subject}从{before}到{period}{verb}了{amount}。"
        return f"{said.subject} {said.moved} by {amount} from {before} to {period}."
    if said.program == "share":
        if chinese:
            return f"{period}{said.subject}占{said.of}的{amount}。"
        return f"In {period}, {said.subject} was {amount} of {said.of}."
    if said.program == "average":
        if chinese:
            return f"{before}和{period}{said.subject}的平均值为{amount}。"
        return f"The average of {said.subject} over {before} and {period} was {amount}."
    wording = chance.choice(_CHINESE if chinese else _ENGLISH)
    return wording.format(subject=said.subject, amount=amount, period=period)


def _shown(quantity: Quantity, *, chinese: bool) -> str:
    return show(quantity, "zh" if chinese and quantity.scale in (0, 4, 8) else "en")


def _period(label: str, *, chinese: bool) -> str:
    if chinese:
        return re.sub(r"-Q([1-4])", r"年第\1季度", label) if "-" in label else f"{label}年"
    year, _, quarter = label.partition("-")
    return f"{quarter} {year}" if quarter else year


def spread(statements: Sequence[Statement], count: int, chance: random.Random) -> Iterator[Statement]:
    """`count` of them in a fixed random order, each kind as often as the others where there are enough."""
    by_kind: dict[str, list[Statement]] = {}
    for statement in statements:
        by_kind.setdefault(statement.kind, []).append(statement)
    for members in by_kind.values():
        chance.shuffle(members)
    while count > 0 and any(by_kind.values()):
        for kind in sorted(by_kind):
            if by_kind[kind] and count > 0:
                count -= 1
                yield by_kind[kind].pop()
