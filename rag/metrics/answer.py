"""QUESTION + ROUTE -> ANSWER: a figure of a company's statements with its derivation, or why there is none.

Reads the statement pages of the documents that the route names, the one for the latest year asked first; older
years come from older documents of the same company. Every operand is a row that the answer cites. What is
missing, divides by zero or comes out beyond what such a figure can be is said, never guessed. A question that
asks for no such figure is left to others: None.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from core.glossary import Glossary, Line
from core.ids import chunk_id
from core.ports import VectorStore
from core.quantity import Quantity
from core.types import Access, Answer, Chunk, Cost, Evidence, Gap, Language
from rag.cite import Quote, Statement, cite
from rag.index.keys import Keyed, StatementPage
from rag.metrics.formula import Absent, DivisionByZero, Value, dimension, evaluate, read_formula, written
from rag.metrics.question import Measure, read_measure
from rag.metrics.sheet import Row, Sheet, absolute, read_sheet, scale_of
from rag.plan import Plan
from rag.route import Route, Router
from rag.row import Task

PATH = "metrics"
MOST_PERCENT = 1000  # a share or margin beyond this is a misread row
GOES_ON = 12  # passages after a statement's page that may hold the rest of it

_EXACT = Context(prec=34, rounding=ROUND_HALF_UP)
_COST = Cost(path=PATH)


class MetricsAnswerer:
    """`rag.row.Solver`."""

    def __init__(self, router: Router, store: VectorStore, glossary: Glossary) -> None:
        self._router = router
        self._store = store
        self._glossary = glossary

    def solve(self, task: Task) -> Answer | None:
        return self.answer(task.asked, task.access, task.documents)

    def answer(self, asked: Plan, access: Access, documents: frozenset[str] | None = None) -> Answer | None:
        """None where the question names no document or asks for no figure of statements."""
        route = self._router.route(asked.question, access=access)
        if route and documents is not None:
            route = route.within(documents)
        if route is None or len({item.key.subject for item in route.kin}) != 1:
            return None
        measure = read_measure(asked.question, route.bare, self._glossary)
        if measure is None or not any(item.key.statements for item in route.kin):
            return None
        return _Books(route, measure, self._store, self._glossary, access, asked.language).answer()


@dataclass(frozen=True, slots=True)
class _Operand:
    line: Line
    year: int
    row: Row
    value: Quantity


class _Told(NamedTuple):
    """One figure of the answer, and the (line, year) of what it rests on."""

    measure: Measure
    value: Decimal
    operands: tuple[tuple[str, int], ...]


class _Impossible(Exception):
    """`value`, in percent, is beyond what such a figure can be."""

    def __init__(self, value: Decimal) -> None:
        self.value = value


@dataclass(slots=True)
class _Books:
    """The statements of one company, opened page by page as far as a measure needs them."""

    route: Route
    measure: Measure
    store: VectorStore
    glossary: Glossary
    access: Access
    language: Language
    operands: dict[tuple[str, int], _Operand] = field(default_factory=dict)
    used: list[tuple[str, int]] = field(default_factory=list)  # since it was last emptied
    sheets: dict[tuple[str, str], list[Sheet]] = field(default_factory=dict)
    scales: dict[str, int | None] = field(default_factory=dict)

    def answer(self) -> Answer | None:
        try:
            statements = self._statements()
        except Absent as absent:
            if isinstance(self.measure.formula, Value) and self.measure.over in ("year", "each"):
                return None  # it may stand elsewhere than on a statement
            return self._nothing(
                f"no row for {_spoken(absent.line)} in {absent.year}",
                f"没有{absent.year}年{_spoken(absent.line)}的数值",
                "period_missing",
            )
        except DivisionByZero:
            return self._nothing(f"{self._name()} would be divided by zero", f"{self._name()}的除数为零")
        except _Impossible as impossible:
            return self._nothing(
                f"{self._name()} comes out at {_plain(impossible.value, 0)} %, which no such figure can be",
                f"{self._name()}的结果不可信",
            )
        return self._cited(statements)

    # ---------------------------------------------------------------- what is told

    def _statements(self) -> list[_Told]:
        """Each figure that the question asks for, that of the year asked for first. Raises Absent, DivisionByZero or _Impossible."""
        measure = self.measure
        if measure.over == "each":
            if measure.claimed is None:
                return self._each()
            return sorted(self._each(), key=lambda one: one.value, reverse=measure.claimed == "highest")
        if measure.over == "comparison":
            return self._compared()
        return [self._told(measure)]

    def _each(self) -> list[_Told]:
        return [self._told(replace(self.measure, over="year", years=(year,))) for year in self.measure.years]

    def _compared(self) -> list[_Told]:
        """The figure of each year, the change, and this in percent where it is an amount and there was one."""
        measure, years = self.measure, self._each()
        told = [*years, self._told(replace(measure, over="change"))]
        if dimension(measure.formula) == 1 and years[0].value:
            told.append(self._told(replace(measure, over="percentage change", percent=True)))
        return told

    def _told(self, measure: Measure) -> _Told:
        self.used.clear()
        value = self._value(measure)
        if measure.percent and abs(value) * 100 > MOST_PERCENT:
            raise _Impossible(value * 100)
        return _Told(measure, value, tuple(dict.fromkeys(self.used)))

    # ---------------------------------------------------------------- computing

    def _value(self, measure: Measure) -> Decimal:
        if measure.over == "year":
            return self._in(measure.years[0])
        values = [self._in(year) for year in measure.years]
        if measure.over == "mean":
            return _EXACT.divide(sum(values, Decimal(0)), Decimal(len(values)))
        first, last = values[0], values[-1]
        if measure.over == "change":
            return _EXACT.subtract(last, first)
        if not first:
            raise DivisionByZero
        if measure.over == "percentage change":
            return _EXACT.divide(_EXACT.subtract(last, first), abs(first))
        if last <= 0 or first <= 0:
            raise DivisionByZero
        root = _EXACT.divide(Decimal(1), Decimal(measure.years[-1] - measure.years[0]))
        return _EXACT.subtract(_EXACT.power(_EXACT.divide(last, first), root), Decimal(1))

    def _in(self, year: int) -> Decimal:
        return evaluate(self.measure.formula, year, self._look)

    def _look(self, name: str, year: int) -> Decimal | None:
        line = self.glossary.lines[name]
        operand = self._operand(line, year)
        if operand is not None:
            self.used.append((name, year))
            return operand.value.amount
        if line.otherwise:
            formula = read_formula(line.otherwise, self.glossary)
            if formula is not None:
                return evaluate(formula, year, self._look)
        return None

    def _operand(self, line: Line, year: int) -> _Operand | None:
        known = self.operands.get((line.name, year))
        if known:
            return known
        for document in self._documents(year):
            for sheet in self._sheets_of(document, line.statement):
                row = sheet.find(line, year, self.measure.said)
                if row is not None:
                    value = _meant(line, row.values[year])
                    self.operands[line.name, year] = _Operand(line, year, row, value)
                    return self.operands[line.name, year]
        return None

    def _documents(self, year: int) -> list[Keyed]:
        """Annual reports that may show the year: first the one for the latest year asked, then the nearest."""
        last = max(self.measure.years)
        reports = [
            item
            for item in self.route.kin
            if item.key.form == "annual report" and item.key.year and 0 <= item.key.year - year <= 4
        ]
        return sorted(
            reports, key=lambda item: (item.key.year != last, abs((item.key.year or 0) - year), item.doc_id)
        )

    def _sheets_of(self, document: Keyed, statement: str) -> list[Sheet]:
        at = (document.doc_id, statement)
        if at not in self.sheets:
            pages = document.key.pages(statement)
            passages = self._pages(document, pages[0]) if pages else []
            passages += [self._pages(document, page)[0] for page in pages[1:] if page.score > 1]
            self.sheets[at] = [
                read_sheet(chunks, document.key.year or 0, self._scale(document)) for chunks in passages
            ]
        return self.sheets[at]

    def _scale(self, document: Keyed) -> int | None:
        """What any statement of the document says of its amounts."""
        at = document.doc_id
        if at not in self.scales:
            stated = (
                scale_of(self._pages(document, page)[0]) for page in document.key.statements if page.score > 1
            )
            self.scales[at] = next((scale for scale in stated if scale is not None), None)
        return self.scales[at]

    def _pages(self, document: Keyed, page: StatementPage) -> list[list[Chunk]]:
        """The passages of the page, and those of the next one, on which a statement may go on."""
        ordinals = range(page.first, page.last + 1 + GOES_ON)
        ids = [
            chunk_id(self.access.tenant, document.doc_id, document.version, ordinal) for ordinal in ordinals
        ]
        chunks = self.store.get(ids, access=self.access)
        own = [chunk for chunk in chunks if chunk.ordinal <= page.last]
        next_page = [
            chunk
            for chunk in chunks
            if chunk.ordinal > page.last and chunk.places and chunk.places[0].page == page.page + 1
        ]
        return [own, next_page] if next_page else [own]

    # ---------------------------------------------------------------- saying

    def _cited(self, told: Sequence[_Told]) -> Answer:
        operands = [self.operands[at] for at in dict.fromkeys(at for one in told for at in one.operands)]
        evidence, keys = _evidence(operand.row.chunk for operand in operands)
        said = [self._said(one, keys) for one in told]
        said[0] = replace(said[0], text=f"{self._verdict(told[0].value)}{said[0].text}")
        cited = cite(said, evidence, between="\n")
        return Answer(cited.text, "answered", cited.citations, cited.claims, tuple(evidence), _COST)

    def _said(self, told: _Told, keys: Mapping[str, str]) -> Statement:
        measure, printed = told.measure, self._printed(told.measure, told.value)
        used = [self.operands[at] for at in told.operands]
        quotes = tuple(
            dict.fromkeys(Quote(keys[one.row.chunk.id], one.row.start, one.row.end) for one in used)
        )
        text = f"{self._what(measure)}: {printed}"
        if len(used) == 1 and measure.over == "year":
            return Statement(text, quotes, "quoted")
        worked = self._worked(measure)
        return Statement(f"{text} = {worked}", quotes, "derived", f"{worked} = {printed}")

    def _verdict(self, first: Decimal) -> str:
        """Yes or no, or that the year is the one, where that was asked."""
        match self.measure.claimed:
            case None:
                return ""
            case "highest" | "lowest" as extreme:
                words = {"highest": ("Highest: ", "最高："), "lowest": ("Lowest: ", "最低：")}[extreme]
            case claimed:
                words = (
                    ("Yes. ", "是：") if (first < 0 if claimed == "down" else first > 0) else ("No. ", "否：")
                )
        return words[self.language == "zh"]

    def _name(self) -> str:
        """As the question says it, where the rows are called so."""
        said = self.measure.said
        named = said and all(operand.row.label == said for operand in self.operands.values())
        return said if named else self.measure.name

    def _what(self, measure: Measure) -> str:
        years = measure.years
        span = f"FY{years[0]}" if len(years) == 1 else f"FY{years[0]}-FY{years[-1]}"
        words = {
            "mean": "average ",
            "growth rate": "compound annual growth of ",
            "percentage change": "change of ",
            "change": "change of ",
        }
        chinese = {
            "mean": "平均",
            "growth rate": "年复合增长率",
            "percentage change": "变动",
            "change": "变动",
        }
        if self.language == "zh":
            return f"{span} {self._name()}{chinese.get(measure.over, '')}"
        return f"{span} {words.get(measure.over, '')}{self._name()}"

    def _printed(self, measure: Measure, value: Decimal) -> str:
        amount = dimension(measure.formula) == 1 and not measure.percent
        if measure.percent:
            unit = "percentage points" if measure.over == "change" else "%"
            return f"{_plain(value * 100, 1 if measure.decimals is None else measure.decimals)} {unit}"
        if not amount:
            shown = _plain(value, 2 if measure.decimals is None else measure.decimals)
            return f"{shown} days" if measure.days else shown
        return self._money(value)

    def _money(self, value: Decimal) -> str:
        printed = next(iter(self.operands.values())).value
        scale = printed.scale if self.measure.scale is None else self.measure.scale
        decimals = self.measure.decimals
        if decimals is None:
            decimals = max(printed.decimals, 0) if scale <= printed.scale else 2
        words = {0: "", 3: " thousand", 6: " million", 9: " billion"}
        currency = next(
            (sheet.currency for sheets in self.sheets.values() for sheet in sheets if sheet.currency), ""
        )
        return (
            f"{currency} {_plain(value.scaleb(-scale), decimals)}{words.get(scale, f' × 10^{scale}')}".strip()
        )

    def _worked(self, measure: Measure) -> str:
        parts = [written(measure.formula, year, self._shown) for year in measure.years]
        if measure.over == "year":
            return parts[0]
        if measure.over == "mean":
            return f"({' + '.join(parts)}) / {len(parts)}"
        if measure.over == "change":
            return f"{parts[-1]} - {parts[0]}"
        if measure.over == "percentage change":
            return f"({parts[-1]} - {parts[0]}) / {parts[0]}"
        return f"({parts[-1]} / {parts[0]}) ^ (1 / {measure.years[-1] - measure.years[0]}) - 1"

    def _shown(self, name: str, year: int) -> str:
        operand = self.operands.get((name, year))
        if operand is None:
            formula = read_formula(self.glossary.lines[name].otherwise, self.glossary)
            return written(formula, year, self._shown) if formula is not None else name
        value = operand.value
        return _plain(value.value, value.decimals)

    def _nothing(self, english: str, chinese: str, gap: Gap = "evidence_too_weak") -> Answer:
        reason = (
            f"{chinese}。"
            if self.language == "zh"
            else f"{english[0].upper()}{english[1:]} in these documents."
        )
        head = "文档中没有答案：" if self.language == "zh" else "Not in the documents: "
        evidence, _ = _evidence(operand.row.chunk for operand in self.operands.values())
        return Answer(
            f"{head}{reason}",
            "not_found",
            evidence=tuple(evidence),
            cost=_COST,
            reason=reason,
            gaps=(gap,),
            confidence=0.0,
        )


def _meant(line: Line, printed: Quantity) -> Quantity:
    """The value without the sign or the scale that the page prints and the line does not mean."""
    value = absolute(printed) if line.absolute else printed
    return replace(value, scale=0) if line.unscaled else value


def _evidence(chunks: Iterable[Chunk]) -> tuple[Sequence[Evidence], dict[str, str]]:
    """Each passage once, and its key by its id."""
    unique = {chunk.id: chunk for chunk in chunks}
    items = [
        Evidence(f"S{number}", chunk, 1.0, frozenset({"fact"}))
        for number, chunk in enumerate(unique.values(), start=1)
    ]
    return items, {item.chunk.id: item.key for item in items}


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _plain(value: Decimal, decimals: int) -> str:
    shown = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    return f"{shown or abs(shown):,f}"
