"""QUESTION -> ASKED: which operation over which words and periods, by rules for English and Chinese.

The classes are those that tables answer; who, when, how and definitions are left to `text.py`.
Knows nothing of tables: whether a program can be run is `answer.py`'s finding.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from core.period import find_periods
from core.quantity import Quantity, find
from core.text import CJK, language_of, normalize
from core.types import Language

Operation = Literal[
    "cause", "count", "which_period", "periods", "which_item", "ratio", "average", "average_change",
    "percentage_change", "change", "growth_rate", "sum", "list", "text", "look_up",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """`periods`: labels ("2019", "2019-Q3") in the order of the question; `span`: they are the ends of a range.

    `parts` are the words for numerator and denominator, or for the two sides of a difference.
    `threshold` bounds a count, on the side that `largest` says. `rank` 1 is the second largest.
    """

    question: str
    language: Language
    operation: Operation
    periods: tuple[str, ...] = ()
    span: bool = False
    parts: tuple[str, ...] = ()
    threshold: Quantity | None = None
    largest: bool = True
    rank: int = 0
    as_percentage: bool = False
    respectively: bool = False
    exact_sides: bool = False


_CAUSE = r"\bwhy\b|\breasons?\b|\bwhat (?:led|caused|drove|contributed|resulted|accounted|explains|are the factors|is the factor|were the factors)\b|\bdue to what\b|\bcauses? (?:of|for)\b|\bdriven by what\b|\b(?:due to|driven by|attributable to|attributed to|caused by|a result of)\W*$|为什么|为何|原因|由于什么"
_HOW_MANY = re.compile(
    r"\bhow many (?P<noun>(?:of the )?[\w\s,'’/&()-]{2,80}?)(?=\s+(?:are|is|were|was|did|do|does|had|has|have|with|that|in|which|exceed\w*|could|can|recorded|under|make)\b|\?|$)"
    r"|(?P<zh>多少|几)(?P<zhnoun>[个年项种类家])",
    re.IGNORECASE,
)
_NO_COUNT = re.compile(
    r"\b(?:million|thousand|billion|shares|percent|options|days|months|hours|dollars|units|employees|people|stores|awards|rsus?|psus?|more|years (?:of|until|is|are the)|basis|points|square|votes)\b",
    re.IGNORECASE,
)
_TIME_NOUN = re.compile(r"\byears?\b|\bperiods?\b|\bquarters?\b|\b(?:financial|fiscal) \w+s\b", re.IGNORECASE)
_MOST = r"\b(?:highest|largest|greatest|biggest|most|maximum|higher|larger|greater|more|longest|exceed\w*|above|over)\b|最高|最大|最多|更高|更大|超过|高于"
_LEAST = r"\b(?:negative|lowest|smallest|least|minimum|lower|smaller|fewest|fewer|less|below|shortest|under)\b|为负|最低|最小|最少|更低|更小|低于|少于"
_SUPERLATIVE = re.compile(rf"{_MOST}|{_LEAST}|\b(?:negative|positive)\b|为负|为正", re.IGNORECASE)
_WHICH_PERIOD = re.compile(
    r"\b(?:which|what) (?:of the )?(?:(?:fiscal|financial|calendar|two|three)\s)*(?:years?|periods?|quarters?|months?|days?|dates?|FY)(?:['’]s)?\b|哪一?(?:年|个季度|个年度|季度|个?月|天|日)",
    re.IGNORECASE,
)
_PERIODS = re.compile(
    r"\b(?:which|what|name the) (?:(?:are|is|were) the )?(?:(?:fiscal|financial|respective|reporting) )?(?:years?|periods?|dates?|end dates?)\b(?!.*\b(?:when|was .* issued)\b).*\b(?:table|provide|included?|shown?|reported|presented|consider|analy|given|cover|inform|data|comput|used|disclos|record|available|list|detail)\w*\b"
    r"|\b(?:what|which) (?:fiscal |financial )?years (?:was|were|are|is|did|do|does|has|have)\b|\bwhat years? (?:does|do|is|are)\b|\bfor (?:which|what) years?\b|\bwhich (?:fiscal )?years does\b|哪几年|哪些(?:年|期间)",
    re.IGNORECASE,
)
_WHICH_ITEM = re.compile(r"\b(?:which|what|who)\b|哪[个项种类家]|谁", re.IGNORECASE)
_RATIO = [
    re.compile(r"\bratio (?:\([^)]*\) )?of (?P<a>.+?) to (?P<b>.+?)(?=\s+(?:in|for|as of|at|during)\s+(?:the\s+)?(?:fiscal|year|FY|19|20)|\?|$)", re.IGNORECASE),
    re.compile(r"\b(?:ratio|proportion|share|percentage|percent|portion) (?:of (?:the )?)?(?:constitution )?of (?:the )?(?P<a>.+?) (?:over|against|out of|relative to|among|to the|to|in(?= (?:the )?total\b)) (?P<b>.+?)(?=\s+(?:in|for|as of|at|during)\s+(?:the\s+)?(?:fiscal|year|FY|19|20)|\?|$)", re.IGNORECASE),
    re.compile(r"\b(?P<a>[^?]+?) (?:expressed )?as an? (?:percentage|percent|proportion|share|fraction|%|ratio) (?:of|over|to) (?:the )?(?P<b>.+?)(?=\s+(?:in|for|as of|at|during)\s+(?:the\s+)?(?:fiscal|year|FY|19|20)|\?|$)", re.IGNORECASE),
    re.compile(r"\bwhat (?:percentage|percent|proportion|share|portion|fraction|%) of (?:the )?(?P<b>.+?) (?:is|are|was|were|does|did|do|consists? of|comes? from|came from|relates? to|made up|is made up|represents?|contributed|attributable)\b(?: (?:due to|from|made up (?:of|by)|attributable to|attributed to|comprised of|contributed by|constituted by|composed of|represented by|accounted for by|by|of))? ?(?:the )?(?P<a>.+?)(?:\s+(?:make up|account for|represent|comprise|constitute|contribute)\w*)?(?=\s+(?:in|for|as of|at|during)\s+(?:the\s+)?(?:fiscal|year|FY|19|20)|\?|$)", re.IGNORECASE),
    re.compile(r"\b(?:the |what is )?(?P<a>[a-z][\w'’&]*(?: [\w'’&]+){0,3}?)[ -]to[ -](?P<b>[\w'’&]+(?: [\w'’&]+){0,3}?) ratio\b", re.IGNORECASE),
    re.compile(r"(?P<a>[^占，,]+?)占(?P<b>[^的，,]+?)的(?:比例|比重|百分比|百分之|份额)"),
    re.compile(r"(?P<a>[^与和，,]+?)[与和对](?P<b>[^的，,]+?)(?:的比率|的比例|之比)"),
]  # fmt: skip
_COMES_FROM = re.compile(r"\b(?:comes?|came) from\b", re.IGNORECASE)
_PERCENT = re.compile(
    r"%|\bper ?cent\b|\bpercentage\b|\bproportion\b|百分比|百分之|比例|增长率|幅度|同比|环比", re.IGNORECASE
)
_CHANGE = re.compile(
    r"\b(?:change|changes|changed|increase|increased|increases|decrease|decreased|decreases|difference|differences|growth|grow|grew|grown|decline|declined|rise|rose|fell|fall|drop|dropped|variance|how much (?:more|less|higher|lower|larger|smaller))\b"
    r"|变化|变动|增长|增加|减少|下降|上升|相差|差额|差异|同比|环比|增幅|降幅",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"\baverage\b|\bmean\b|平均", re.IGNORECASE)
_LABEL_AVERAGE = re.compile(
    r"\bweighted[- ]average\b|\baverage (?:number of )?(?:common |diluted |basic )?shares\b|加权平均",
    re.IGNORECASE,
)
_GROWTH_RATE = re.compile(r"\bcagr\b|\bcompound(?:ed)? (?:annual )?growth\b|复合(?:年)?增长率", re.IGNORECASE)
_SUM = re.compile(
    r"\b(?:sum|combined|total|altogether|aggregate|cumulative|together)\b|合计|总和|共计|之和", re.IGNORECASE
)
_LIST = re.compile(
    r"^(?:what|which) (?:are|were) (?:all )?(?:the )?(?:\w+ ){0,3}?(?:types|items|components|categories|segments|classes|sources|assumptions|factors|kinds|regions|countries|elements|sections|line items|products|subsegments|sub-segments|geographic\w*|areas|different)\b"
    r"|\blist (?:out )?the\b|^name (?:all|the)\b|哪些|列出",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"^(?:who|when|where|how(?! (?:much|many))|under what|in what|by what|from (?:when|what))\b|\bwhat (?:does|do|did) .*\b(?:include|represent|mean|refer|consist|comprise|show|present|reflect|relate|contain|do|believe|expect|offer|provide|use|describe|illustrate|summari[sz]e|depict|detail|set forth|list|refer to|correspond to|entail|say|primarily|exclude|allow|follow|complete|highlight)\b|^what (?:is|are) .*\b(?:based on|determined|defined|calculated|computed|comprised of|composed of|excluded|included|used for|related to|measured|described|recognized|responsible|about|definition|meaning|method|basis|purpose|policy)\b|\bhow (?:is|are|was|were|does|do|did|often|long|has|can|will)\b|什么是|如何|怎样|怎么|谁|何时|哪里",
    re.IGNORECASE,
)
_DURATION = re.compile(r"over (?:what|how many) (?:duration|period|time|years|months)\b", re.IGNORECASE)
_DEFINITION = re.compile(r"^what (?:is|are) (?!the\b)(?:an? )?(?P<term>[^\d?,]{2,50})\?*$", re.IGNORECASE)
_RANGE = re.compile(
    r"\b((?:19|20)\d\d)\s*(?:to|-|–|through|and|until|至|到)\s*(?:fiscal\s*(?:year\s*)?|FY\s*)?((?:19|20)\d\d)\b|\b((?:19|20)\d\d)年?\s*[至到-]\s*((?:19|20)\d\d)",
    re.IGNORECASE,
)
_RANKS = {"second": 1, "2nd": 1, "third": 2, "3rd": 2, "第二": 1, "第三": 2}
_TWO_SIDES = re.compile(
    r"\bdifference (?:in (?P<of>[^?]+?) )?between (?P<a>.+?) and (?P<b>.+?)(?=\s+(?:in|for|as of|at|during|from)\s+(?:the\s+)?(?:fiscal|year|FY|19|20|december|june|march|september)|\?|$)",
    re.IGNORECASE,
)
_TWO_OF_ONE_TIME = re.compile(  # "the difference in the high and low prices in 2019"
    r"\bdifference (?:in|of) (?:the )?(?P<a>[^?\d]+?) and (?P<b>[^?\d]+?)(?=\s+(?:in|for|as of|at|during)\b|\?|$)",
    re.IGNORECASE,
)
_MORE_THAN = re.compile(
    r"\bhow much (?:more|higher|larger|greater|less|lower|smaller)(?: is| was| are| were)?(?: the)? (?P<a>.+?) (?:than|compared to|as compared to|over)(?: the)? (?P<b>.+?)(?=\s+(?:in|for|as of|at|during)\s+(?:the\s+)?(?:fiscal|year|FY|19|20)|\?|$)",
    re.IGNORECASE,
)


def read_question(question: str) -> Asked:
    """The class that fits first decides; a question that fits none is a look-up."""
    text = normalize(question).strip()
    language = language_of(text)
    periods, span = _periods(text)
    asked = Asked(
        text, language, "look_up", periods=periods, span=span,
        largest=not re.search(_LEAST, text, re.IGNORECASE),
        rank=next((rank for word, rank in _RANKS.items() if re.search(rf"{word}[ -]?(?:high|larg|low|small|great|most|big|大|高|低|小|多)", text, re.IGNORECASE)), 0),
        as_percentage=bool(_PERCENT.search(text)),
        respectively=bool(re.search(r"\brespective(?:ly)?\b|\beach\b|分别", text, re.IGNORECASE)),
    )  # fmt: skip
    return _classified(asked)


def _classified(asked: Asked) -> Asked:
    text = asked.question
    if re.search(_CAUSE, text, re.IGNORECASE):
        return replace(asked, operation="cause")
    if _DURATION.match(text):
        return replace(asked, operation="text")
    if (count := _counted(asked)) is not None:
        return count
    if _WHICH_PERIOD.search(text) and _SUPERLATIVE.search(text) and len(asked.periods) != 1:
        return replace(asked, operation="which_period", threshold=_threshold(text))
    if _PERIODS.search(text):
        return replace(asked, operation="periods")
    if asked.as_percentage and _CHANGE.search(text) and not _is_difference_of_shares(text):
        parts, _ = _sides(text)
        return replace(asked, operation="percentage_change", parts=parts)
    if (parts := _ratio_parts(text)) and not asked.respectively:
        return replace(
            asked,
            operation="ratio",
            parts=parts,
            as_percentage=not re.search(r"\bratio\b|\bproportion\b.*\bover\b|之比|比率", text, re.IGNORECASE),
        )
    if _GROWTH_RATE.search(text):
        return replace(asked, operation="growth_rate")
    averages = _AVERAGE.search(_LABEL_AVERAGE.sub(" ", text))
    if averages and _CHANGE.search(text):
        return replace(asked, operation="average_change", parts=_two_averages(text))
    if averages:
        return replace(asked, operation="average")
    if (
        _WHICH_ITEM.match(re.sub(r"^(?:in|for|under|from|of) ", "", text, flags=re.IGNORECASE))
        and _SUPERLATIVE.search(text)
        and not _CHANGE.search(text)
        and not re.match(r"\bwhat (?:is|was|are|were)\b", text, re.IGNORECASE)
        and not re.match(r"^who\b", text, re.IGNORECASE)
    ):
        return replace(asked, operation="which_item")
    if re.match(
        r"^(?:what|which) (?:was|is|were|are) the (?:\w+ ){0,3}?(?:highest|largest|lowest|smallest|biggest)\b.*\b(?:segment|component|item|category|region|expense|asset|source|country|type)s?\b",
        text,
        re.IGNORECASE,
    ):
        return replace(asked, operation="which_item")
    if _CHANGE.search(text) and not re.search(r"\brespectively\b", text):
        parts, exact = _sides(text)
        return replace(asked, operation="change", parts=parts, exact_sides=exact)
    if (
        _SUM.search(text)
        and (
            len(asked.periods) > 1
            or re.search(
                r"\b(?:sum|combined|altogether|together|across|aggregate)\b|之和|总和", text, re.IGNORECASE
            )
        )
        and not asked.respectively
    ):
        return replace(asked, operation="sum")
    if _LIST.search(text):
        return replace(asked, operation="list")
    if _TEXT.search(text) or is_definition(text):
        return replace(asked, operation="text")
    return asked


def is_definition(question: str) -> bool:
    """Such as "What is goodwill?": of nobody's, at no time."""
    match = _DEFINITION.match(question.strip())
    return match is not None and len(match["term"].split()) <= 4


def _is_difference_of_shares(text: str) -> bool:
    return bool(
        re.search(
            r"\b(?:change|difference|increase|decrease) in (?:the )?(?:\w+ ){0,2}(?:percentages?|percent|proportion)\b|个?百分点",
            text,
            re.IGNORECASE,
        )
    )


def _counted(asked: Asked) -> Asked | None:
    match = _HOW_MANY.search(asked.question)
    if match is None:
        return None
    noun = match["noun"] or asked.question
    threshold = _threshold(asked.question)
    if _NO_COUNT.search(noun) and threshold is None:
        return None
    countable = re.search(
        r"\b(?:years?|periods?|types?|items?|components?|categor\w+|segments?|factors?|countries|regions?|kinds?|sources?|classes|quarters?|assumptions?|products?|streams?|locations?|geograph\w+|markets?|lines?|directors?|executives?|sub-?\w+|different|loans?|notes?|expenses|assets|liabilities|contracts?|areas?|jurisdictions?|customers?)\b|[个项种类家年]",
        noun, re.IGNORECASE,
    )  # fmt: skip
    if not countable and threshold is None:
        return None
    return replace(asked, operation="count", threshold=threshold, parts=(noun,))


_BOUND = re.compile(
    r"\b(?P<more>exceed(?:ed|s|ing)?|(?:more|greater|higher|larger) than|above|over|at least)\b|\b(?P<less>(?:less|lower|smaller|fewer) than|below|under|at most)\b|(?P<zhmore>超过|高于|大于)|(?P<zhless>低于|少于|小于|不足)",
    re.IGNORECASE,
)


def _threshold(text: str) -> Quantity | None:
    if re.search(r"\b(?:negative|positive)\b|为[负正]", text, re.IGNORECASE):
        return Quantity(Decimal(0))
    match = _BOUND.search(text)
    if match is None:
        return None
    found = [item.quantity for item in find(text[match.end() :]) if not _is_year(item.quantity)]
    return found[0] if found else None


def _is_year(quantity: Quantity) -> bool:
    plain = not (quantity.unit or quantity.currency or quantity.scale or quantity.decimals)
    return plain and Decimal(1900) <= quantity.value <= Decimal(2099)


_MONTH_DAY = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+\d{1,2}"
)
_JOINED_YEARS = re.compile(r"\b((?:19|20)\d\d),(?=(?:19|20)\d\d\b)")  # "2017,2018 and 2019"
_SHARED_YEAR = re.compile(
    rf"\b({_MONTH_DAY})(?!\d|,?\s+(?:19|20)\d\d)(\s+(?:and|to)\s+{_MONTH_DAY}),?\s+(?:(?:in|of)\s+)?(?=((?:19|20)\d\d))",
    re.IGNORECASE,
)


def _periods(text: str) -> tuple[tuple[str, ...], bool]:
    text = _SHARED_YEAR.sub(r"\1, \3\2, ", _JOINED_YEARS.sub(r"\1, ", text))
    labels = tuple(
        dict.fromkeys(item.period.label for item in find_periods(re.sub(r"\bF(?=\d\d\b)", "FY", text)))
    )
    labels = _quarters(text, labels)
    match = _RANGE.search(text)
    return labels, bool(
        match and re.search(r"to|through|until|-|–|至|到", match.group()) and len(labels) == 2
    )


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_ORDINAL = re.compile(
    r"\b(first|second|third|fourth)\b(?=(?:,?\s+(?:and\s+|to\s+|or\s+)?(?:the\s+)?(?:first|second|third|fourth))*\s+(?:fiscal\s+)?quarters?\b)",
    re.IGNORECASE,
)


def _quarters(text: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Quarters that share a year ("the second and first quarter of 2019"), in the order of the question."""
    named = [_ORDINALS[name.lower()] for name in _ORDINAL.findall(text)]
    years = {label[:4] for label in labels}
    if len(named) < 2 or len(years) != 1:
        return labels
    return tuple(dict.fromkeys(f"{next(iter(years))}-Q{number}" for number in named))


def _ratio_parts(text: str) -> tuple[str, ...]:
    for pattern in _RATIO:
        match = pattern.search(text)
        if match:
            part = _without_lead(match["a"])
            if _COMES_FROM.search(match[0]):  # what the domestic business brought of the revenue is revenue
                part = f"{match['b']} {part}"
            return part, match["b"]
    return ()


def _without_lead(text: str) -> str:
    return re.sub(
        r"^(?:what|which|how much)\s+(?:is|are|was|were|percentage|percent|do|does|did)?\s*(?:the)?\s*",
        "",
        text.strip(),
        flags=re.IGNORECASE,
    )


_TWO_AVERAGES = re.compile(
    r"\bbetween (?:the )?(?P<a>[^?]*?\baverage\b[^?]+?) and (?:the )?(?P<b>(?:(?:19|20)\d\d )?average\b[^?]+)",
    re.IGNORECASE,
)


def _two_averages(text: str) -> tuple[str, ...]:
    match = _TWO_AVERAGES.search(text)
    return (match["a"], match["b"]) if match else ()


def _sides(text: str) -> tuple[tuple[str, ...], bool]:
    match = _TWO_SIDES.search(text)
    if match and not (find_periods(match["a"]) and find_periods(match["b"]) and len(match["a"]) < 18):
        of = match["of"] or ""
        return (f"{of} {match['a']}".strip(), f"{of} {match['b']}".strip()), False
    match = _TWO_OF_ONE_TIME.search(text)
    if match and len(find_periods(text)) == 1:
        return (match["a"], match["b"]), False
    match = _MORE_THAN.search(text)
    if match and not find_periods(match["b"]):
        return (match["a"], match["b"]), True
    return (), False


# ---------------------------------------------------------------- the words that name what is asked

_OPERATION_WORDS = re.compile(
    r"\b(?:what|which|who|how|many|much|is|are|was|were|the|percentage|percent|change|changes|changed|difference|average|mean|sum"
    r"|ratio|proportion|between|from|to|in|of|for|respectively|respective|year|years|fiscal|financial|ended|as|at|amount|value|did|do|does|company|['’]s"
    r"|increase|increased|decrease|decreased|highest|largest|lowest|smallest|table|combined|and|by|over|compared|per|cent|FY|december|june|march|september|october|january)\b|%"
    rf"|[?？]|多少|是|的|了|百分比|变化|变动|平均|合计|分别|哪[{CJK}]",
    re.IGNORECASE,
)


def subject_words(text: str) -> str:
    """The words that may name a row, section or column: no periods, no words of the operation."""
    text = without_periods(text)
    return " ".join(_OPERATION_WORDS.sub(" ", text).split())


def without_periods(text: str) -> str:
    for found in reversed(find_periods(text)):
        text = f"{text[: found.start]} {text[found.end :]}"
    return text


def expanded(periods: tuple[str, ...], available: tuple[str, ...], *, span: bool) -> tuple[str, ...]:
    """The periods of a range that the table has ("2017 to 2019" -> 2017, 2018, 2019); else as given."""
    if not span or len(periods) != 2:
        return periods
    first, last = sorted(periods)
    inside = tuple(label for label in available if first <= label <= last and len(label) == len(first))
    return inside if len(inside) > 2 else periods
