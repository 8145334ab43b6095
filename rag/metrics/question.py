"""QUESTION -> MEASURE: which figure of the statements is asked for, over which years, printed how.

Reads questions that a figure answers ("What is the FY2019 inventory turnover of ...?"). A question for
anything else, or with a word that no rule knows ("iPhone revenue", "adjusted EBITDA"), is not read: None.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from core.glossary import Glossary, Named, Ratio, plain
from core.period import find_periods
from rag.instructions import without_instructions
from rag.metrics.formula import Formula, Product, Value, dimension, read_formula

Over = Literal["year", "each", "mean", "growth rate", "percentage change", "change", "comparison"]
Claimed = Literal["up", "down", "positive", "highest", "lowest"]


@dataclass(frozen=True, slots=True)
class Measure:
    """`formula` in each of `years` (ascending), put together as `over` says.

    `said`: what the question calls it, where it is one line and called otherwise than the glossary does. `claimed`: what a question for yes or no says of it, or which of the years is asked for.
    `scale`: the power of ten that the answer is asked in, None: as the statement prints it.
    `decimals` as asked, None: as fits. `percent`: a ratio is meant in percent.
    """

    name: str
    formula: Formula
    years: tuple[int, ...]
    over: Over = "year"
    percent: bool = False
    scale: int | None = None
    decimals: int | None = None
    days: bool = False
    said: str = ""
    claimed: Claimed | None = None


_NOT_A_FIGURE = re.compile(
    r"^(?:is|are|was|were|has|have|had|does|do|did|can|could|would|should|will|if|among|for|which|who|where|when|why)\b|\bwhy\b|\bwhat (?:drove|caused|led)\b|\bwhich\b|"
    r"\bwho\b|是否|为什么|哪",
    re.IGNORECASE,
)
_DEFINED = re.compile(
    r"(?P<name>[a-z][\w&%/() -]{0,60}?) (?:here |is |are |as )*(?:defined|calculated|computed|measured) (?:here )?as:?\s*(?P<formula>.+?)(?=\.\s|\.?$|;|\?)"
    r"|\bdefine (?P<name2>[a-z][\w&%/() -]{0,60}?) as:?\s*(?P<formula2>.+?)(?=\.\s|\.?$|;|\?)",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"^(?:did|has|have|was there an?)\b.*\b(?:(?P<up>increased?|grow|grown|rise|risen|improved?|went up|go up)"
    r"|(?P<down>decreased?|declined?|fall|fallen|drop|dropped|shrink|shrunk|went down|go down))\b",
    re.IGNORECASE,
)
_PROFITABLE = re.compile(
    r"^(?:is|was|were|are|has|did)\b.*\b(?P<word>profitable|(?:make|made|turn|turned) an? profit)\b",
    re.IGNORECASE,
)
_HIGHEST = ("highest", "largest", "greatest", "biggest", "most")
_EXTREME = re.compile(
    rf"^(?:in )?(?:which|what) (?:fiscal )?year\b.*?\b(?P<word>{'|'.join(_HIGHEST)}|lowest|smallest|least)\b"
)
_CLAIMS: Mapping[Claimed, Over] = {
    "up": "change",
    "down": "change",
    "positive": "year",
    "highest": "each",
    "lowest": "each",
}
_ASKS = re.compile(
    r"(?:what(?:'s| is| was| were| are)|how much|how many times|calculate|compute|give|show|list|\bcompare\b|\bhow (?:do|does|did|has|have)\b"
    r"|多少|是多少|比较|对比)",
    re.IGNORECASE,
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "no": 0, "zero": 0}
_COUNT = rf"(?P<count>\d+|{'|'.join(_NUMBERS)})"
_MEAN = re.compile(rf"\b{_COUNT}[- ]years?[- ]average\b|\b(?:average|mean)\b|平均")

_GROWTH_RATE = re.compile(r"\bcagr\b|\bcompound(?:ed)? annual(?:ized)? growth(?: rate)?\b|复合(?:年)?增长率")
_PERCENT_CHANGE = re.compile(
    r"\b(?:year[- ]over[- ]year|yoy|y/y|percent(?:age)?|%) ?(?:change|growth|increase|decrease)(?: rate)?(?: in)?\b|\bgrowth(?: rate)?(?: in| of)?\b|同比(?:增长|变动)?|增长率"
)
_CHANGE = re.compile(
    r"\b(?:change|increase|decrease)d?(?: in)?\b|\bhow much (?:has|did|have)\b.*\b(?:changed?|increased?|decreased?|grown?|fallen|fall|risen|rise)\b|变动"
)
_COMPARED = re.compile(
    r"\bcompar(?:e[ds]?|ing|ison)\b|\b(?:versus|vs)\b|\bdifference (?:between|in|of)\b"
    r"|\bhow much (?:higher|lower|more|less|greater|larger|smaller)\b|比较|对比|相比"
)
_RATIO_OF = re.compile(r"\b(?:ratio|relation) (?:of|between) (?:the )?(?:total )?$")
_YEAR_WORDS = r"(?:(?:fy|fiscal|year|years|the|end|ended|of|in) ?)*"
_ENUMERATED = re.compile(
    rf"(?<!\d)(?:19|20)\d\d(?: ?(?:,|,? ?and|,? ?or|&|,? ?to|through|until|[-–]) ?{_YEAR_WORDS}(?:19|20)\d\d)+\b|\beach (?:fiscal )?year\b"
)
# The years between the first and the last are meant as well.
_RANGE = re.compile(rf"(?<!\d)(?:19|20)\d\d ?(?:to|through|until|[-–]) ?{_YEAR_WORDS}(?:19|20)\d\d\b")
_SHARE = re.compile(r"\bas an? (?:%|percent(?:age)?) of\b|\bto(?= )|占")
_OPERATOR = re.compile(r"\b(?:less|minus|plus|divided by|times|over)\b|[-+/*]")
_REMARK = re.compile(r"[\[(]\s*(?:from|using|as|per|see|found|located|which|i\.e\.)\b[^\])]*[\])]")
_MARGIN = re.compile(r"\s*(?:%|percent(?:age)?)?\s*margins?\b")
_PERCENT = re.compile(
    r"units? of percents?|\bin percent|as an? (?:%|percent)|percentage|\(as an? %|\bpercents?\b|%"
)
_SCALE = re.compile(
    r"\b(?:in|usd|us\$|\$|dollars?)\s*(?:us(?:d)?|u\.s\.|dollars?|\$)?\s*(?P<scale>thousands?|millions?|billions?|mm|bn)\b|\b(?P<scale2>thousands?|millions?|billions?)\b"
)
_SCALES = {"thousand": 3, "million": 6, "mm": 6, "billion": 9, "bn": 9}
_DECIMALS = re.compile(rf"\b{_COUNT} (?:decimals?|digits? after)")
_UNREADABLE = re.compile(
    r"\b(?:excluding|except|adjusted|organic|pro forma|non-gaap|segment|per share|quarter(?:ly)?|q[1-4]|guidance|expected|forecast|largest|highest|lowest|biggest)\b"
)
_FILLER = frozenset(
    [
        "what",
        "is",
        "was",
        "were",
        "the",
        "a",
        "an",
        "of",
        "in",
        "on",
        "at",
        "for",
        "to",
        "from",
        "and",
        "or",
        "by",
        "with",
        "its",
        "as",
        "it",
        "s",
        "be",
        "has",
        "have",
        "had",
        "much",
        "many",
        "does",
        "did",
        "do",
        "how",
        "please",
        "give",
        "calculate",
        "compute",
        "using",
        "use",
        "used",
        "year",
        "years",
        "end",
        "ended",
        "ending",
        "fiscal",
        "fy",
        "amount",
        "amounts",
        "value",
        "total",
        "net",
        "average",
        "annual",
        "overall",
        "company",
        "companies",
        "usd",
        "us",
        "dollars",
        "dollar",
        "million",
        "millions",
        "billion",
        "billions",
        "thousand",
        "thousands",
        "unit",
        "units",
        "percent",
        "percents",
        "percentage",
        "rounded",
        "round",
        "one",
        "two",
        "three",
        "four",
        "five",
        "decimal",
        "decimals",
        "place",
        "places",
        "over",
        "between",
        "financial",
        "metric",
        "metrics",
        "reported",
        "report",
        "stated",
        "statement",
        "statements",
        "consolidated",
        "balance",
        "sheet",
        "income",
        "cash",
        "flow",
        "position",
        "operations",
        "earnings",
        "ratio",
        "margin",
        "approximately",
        "roughly",
        "exact",
        "about",
        "times",
        "figure",
        "level",
        "during",
        "recorded",
        "generated",
        "their",
        "there",
        "than",
        "that",
        "this",
        "change",
        "changed",
        "growth",
        "rate",
        "compound",
        "cagr",
        "yoy",
        "increase",
        "increased",
        "decrease",
        "decreased",
        "year-over-year",
        "year-end",
        "answer",
        "compare",
        "compared",
        "compares",
        "comparing",
        "comparison",
        "versus",
        "vs",
        "difference",
        "higher",
        "lower",
        "more",
        "less",
        "greater",
        "larger",
        "smaller",
        "grow",
        "grown",
        "rise",
        "risen",
        "fall",
        "fallen",
        "decline",
        "declined",
        "drop",
        "dropped",
        "improve",
        "improved",
        "prior",
        "previous",
        "preceding",
        "before",
        "relation",
        "show",
        "list",
        "each",
        "respectively",
        "through",
        "until",
        "are",
        "which",
        "number",
        "full",
        "whole",
        "size",
        "shareholders",
        "shareholder",
        "stockholders",
        "attributable",
        "是",
        "多",
        "少",
        "的",
        "年",
        "度",
        "在",
        "元",
        "亿",
        "万",
        "为",
        "了",
        "公",
        "司",
        "集",
        "团",
        "和",
        "与",
        "至",
        "到",
    ]
)


def read_measure(question: str, bare: str, glossary: Glossary) -> Measure | None:
    """`bare`: the question without the names of documents, as `rag.route` leaves it, before instructions go."""
    text = plain(bare)
    defined = _definitions(text)
    bare_text = _without_definitions(text)
    claimed, head = _claim(bare_text)
    if claimed is None:
        head = _head(bare_text)
        if not head or _NOT_A_FIGURE.search(head) or not _ASKS.search(head):
            return None
    years = _years(head) or _years(without_instructions(text))
    named = _named(head, glossary)
    found = _formula(head, named, defined, glossary)
    if found is None or not years:
        return None
    name, formula, percent, days, own = found
    if own and claimed:
        return (
            None  # what the question defines itself is computed in one year: nothing is said of how it moved
        )
    if _UNREADABLE.search(_rest(head, named)) or _unknown_words(head, named, defined):
        return None
    over = _CLAIMS[claimed] if claimed else _over(head, years, text)
    if own:
        over = "mean" if over == "mean" else "year"
    if over in ("mean", "growth rate"):
        first = years[-1] - (_count(head) or 0) + 1 if over == "mean" and len(years) == 1 else years[0]
        years = tuple(range(first, years[-1] + 1)) if over == "mean" else (years[0], years[-1])
    elif over == "each":
        years = tuple(range(years[0], years[-1] + 1)) if _RANGE.search(head) else years
    elif over in ("change", "percentage change", "comparison"):
        years = (years[-1] - 1, years[-1]) if len(years) == 1 else (years[0], years[-1])
    else:
        years = years[-1:]
    if over != "year" and len(years) < 2:
        return None
    ratio = dimension(formula) == 0
    return Measure(
        name=name,
        formula=formula,
        years=years,
        over=over,
        percent=over in ("growth rate", "percentage change")
        or (
            ratio
            and not days
            and (
                percent or bool(_PERCENT.search(text) or re.search(r"\bgrowth\b|\bmargin\b|\bchange\b", name))
            )
        ),
        scale=_scale(text),
        decimals=_decimals(text),
        days=days,
        said=_said(head, named, formula),
        claimed=claimed,
    )


# ---------------------------------------------------------------- the question's parts


def _definitions(text: str) -> dict[str, str]:
    """What the question itself defines: name -> formula."""
    found: dict[str, str] = {}
    for match in _DEFINED.finditer(text):
        name = match["name"] or match["name2"]
        name = re.sub(r"^(?:the|here|fcf here)\s+", "", re.split(r"[.?;:]\s", name)[-1].strip())
        found[name] = _REMARK.sub(" ", match["formula"] or match["formula2"]).strip(" .")
    return found


def _without_definitions(text: str) -> str:
    return " ".join(_DEFINED.sub(" ", text).split())


def _head(text: str) -> str:
    """The clause that asks: what follows the last comma or colon before the question word."""
    text = without_instructions(text)
    asking = [piece for piece in re.split(r"(?<=[?？.;])\s+", text) if _ASKS.search(piece)]
    if not asking:
        return ""
    head = asking[0]
    start = _ASKS.search(head)
    before = head[: start.start()] if start else ""
    cut = max(before.rfind(mark) for mark in (", ", ": "))
    head = head[cut + 1 :].strip(" ,:") if cut >= 0 else head
    return re.sub(
        r"\((?:using|based on|in |as |formerly|previously|also known|f/k/a)[^()]*\)", " ", head
    ).strip(" ?？.")


def _claim(text: str) -> tuple[Claimed | None, str]:
    """What a question for yes or no, or for one of several years, says of a figure; and the words that name it."""
    head = " ".join(without_instructions(text).split()).strip(" ?？.")
    if extreme := _EXTREME.search(head):
        return ("highest" if extreme["word"] in _HIGHEST else "lowest"), _without_word(extreme)
    if profitable := _PROFITABLE.search(head):
        return "positive", f"{_without_word(profitable)} net income"
    moved = _MOVED.search(head)
    if moved is None:
        return None, ""
    return ("up" if moved["up"] else "down"), re.sub(r"^was there an?\b ?", "", head)


def _without_word(match: re.Match[str]) -> str:
    rest = f"{match.string[: match.start('word')]}{match.string[match.end('word') :]}"
    return " ".join(rest.split())


def _years(text: str) -> tuple[int, ...]:
    return tuple(
        sorted(
            {item.period.year for item in find_periods(text) if item.period.kind in ("year", "date", "month")}
        )
    )


def _named(head: str, glossary: Glossary) -> list[Named]:
    found = glossary.named(head)
    if len(found) > 1 and _OPERATOR.search(head[found[0].end : found[-1].start]):
        return found
    ratios = [item for item in found if isinstance(item.term, Ratio)]
    return ratios[:1] if len(ratios) == 1 else found


class _Found(NamedTuple):
    """`percent`: it is usually printed so; `own`: the question defines it itself."""

    name: str
    formula: Formula
    percent: bool = False
    days: bool = False
    own: bool = False


def _formula(
    head: str, named: Sequence[Named], defined: Mapping[str, str], glossary: Glossary
) -> _Found | None:
    if len(named) > 1 and _OPERATOR.search(head[named[0].end : named[-1].start]):
        said = head[_start(head, named[0].start) : named[-1].end]
        formula = read_formula(said, glossary, defined)
        return _Found(said, formula) if formula else None
    own = _own_definition(head, named, defined)
    if own is not None:
        return _defined(own, named, defined, glossary)
    if len(named) == 2 and not any(isinstance(item.term, Ratio) for item in named):
        one, other = (item.term.name for item in named)
        if re.search(r"as an? (?:%|percent(?:age)?) of", head[named[0].end : named[1].start]):
            return _Found(
                f"{_spoken(one)} as a percentage of {_spoken(other)}", _share(one, other), percent=True
            )
        if _RATIO_OF.search(head[: named[0].start]) and re.search(
            r"^ ?(?:to|and)\b", head[named[0].end : named[1].start]
        ):
            return _Found(f"ratio of {_spoken(one)} to {_spoken(other)}", _share(one, other))
        return None
    if len(named) != 1:
        return None
    term = named[0].term
    if isinstance(term, Ratio):
        formula = read_formula(term.formula, glossary)
        return _Found(term.name, formula, term.unit == "%", term.unit == "days") if formula else None
    if _MARGIN.match(head[named[0].end :]) and "revenue" in glossary.lines:
        return _Found(f"{_spoken(term.name)} margin", _share(term.name, "revenue"), percent=True)
    return _Found(_spoken(term.name), Value(term.name))


def _defined(
    own: tuple[str, str], named: Sequence[Named], defined: Mapping[str, str], glossary: Glossary
) -> _Found | None:
    name, text = own
    formula = read_formula(text, glossary, {key: value for key, value in defined.items() if key != name})
    if formula is None:
        return None
    ratio = next((item.term for item in named if isinstance(item.term, Ratio)), None)
    if ratio is None:
        return _Found(name, formula, own=True)
    return _Found(ratio.name, formula, ratio.unit == "%", ratio.unit == "days", own=True)


def _share(one: str, other: str) -> Product:
    return Product((Value(one), Value(other)), (False, True))


def _start(head: str, named: int) -> int:
    """Where the words of the first operand begin: "unadjusted" belongs to what the question defines."""
    return named - len("unadjusted ") if head[:named].endswith("unadjusted ") else named


def _own_definition(head: str, named: Sequence[Named], defined: Mapping[str, str]) -> tuple[str, str] | None:
    """The definition of what is asked for: the one whose name stands in the head."""
    for name, text in defined.items():
        short = re.sub(r"\s*\([^)]*\)", "", name)
        if re.search(rf"(?<![a-z]){re.escape(short)}(?![a-z])", head):
            return name, text
    if len(defined) == 1:
        return next(iter(defined.items()))
    return None


def _said(head: str, named: Sequence[Named], formula: Formula) -> str:
    """The question's own word for one line, where it is another than the glossary's: "net sales" for revenue."""
    if len(named) != 1 or not isinstance(formula, Value):
        return ""
    said = head[named[0].start : named[0].end]
    return "" if said == _spoken(formula.line) else said


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _rest(head: str, named: Sequence[Named]) -> str:
    """The head without what the glossary knows."""
    for item in reversed(named):
        head = f"{head[: item.start]} {head[item.end :]}"
    return head


def _unknown_words(head: str, named: Sequence[Named], defined: dict[str, str]) -> list[str]:
    """Words that no rule knows: they may narrow what is asked ("iPhone revenue")."""
    rest = _rest(head, named)
    for name in defined:
        rest = rest.replace(re.sub(r"\s*\([^)]*\)", "", name), " ")
    for item in reversed(find_periods(rest)):
        rest = f"{rest[: item.start]} {rest[item.end :]}"
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", rest)
    return [word for word in words if word not in _FILLER and len(word) > 1 and not _FILLER.issuperset(word)]


# ---------------------------------------------------------------- how it is put together and printed


def _over(head: str, years: Sequence[int], text: str) -> Over:
    if _GROWTH_RATE.search(head):
        return "growth rate"
    if _MEAN.search(head) and (len(years) > 1 or _count(head)):
        return "mean"
    if _PERCENT_CHANGE.search(head):
        return "change" if _scale(text) is not None and not _PERCENT.search(text) else "percentage change"
    if _COMPARED.search(head):
        return "comparison"
    if _CHANGE.search(head):
        return "percentage change" if re.search(r"percent|%", head) else "change"
    return "each" if len(years) > 1 and _ENUMERATED.search(head) else "year"


def _count(text: str) -> int | None:
    match = re.search(rf"\b{_COUNT}[- ]years?\b", text)
    return (
        (_NUMBERS[match["count"]] if match["count"] in _NUMBERS else int(match["count"])) if match else None
    )


def _scale(text: str) -> int | None:
    match = _SCALE.search(text)
    return _SCALES[(match["scale"] or match["scale2"]).rstrip("s")] if match else None


def _decimals(text: str) -> int | None:
    match = _DECIMALS.search(text)
    if match is None:
        return 0 if re.search(r"nearest (?:whole|integer)", text) else None
    return _NUMBERS[match["count"]] if match["count"] in _NUMBERS else int(match["count"])
