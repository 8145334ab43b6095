"""Typed entities whose pattern is certain: quantities, fiscal periods, tickers, metrics, drugs, codes.

Each rule has a cheap trigger, so that prose without numbers costs almost nothing. A pattern that
could also be something else (an ICD code, a LOINC number) counts only where the sentence says what
it is. Exact values are the work of facts, not of the graph: a quantity here is a name for a node.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache

from core.period import find_periods
from kg.names import NameMatcher, name_of
from kg.spans import Found, Places
from kg.words import Plain

Typed = tuple[int, int, str, str]
"""(start, end, name, kind) in the sentence."""


def kinds_of(token: str, words: Sequence[str]) -> frozenset[str]:
    """What kinds of typed entity a sentence can hold because of this token, what stands between two spaces
    in lower case, and its words.
    """
    kinds = {kind for word in words if (kind := _kind_ascii(word) if word.isascii() else _kind_other(word))}
    if _MEASURED.search(token):
        kinds.add("quantity")
    if _CODED.search(token):
        kinds.add("code")
    return frozenset(kinds)


def is_plain(word: str) -> bool:
    """Whether a word in Latin letters tells of no quantity and no code, whatever stands beside it that is
    neither a digit nor the sign of a currency.
    """
    # What makes a quantity or a code of a word.
    return word not in _UNIT_WORDS and "rmb" not in word and "icd" not in word and "loinc" not in word


def kinds_of_plain(word: str) -> frozenset[str]:
    """As `kinds_of`, of a word that is plain."""
    return _kinds_of_word(_kind_ascii(word))


@cache
def _kinds_of_word(kind: str) -> frozenset[str]:
    return frozenset([kind] if kind else ())


def typed(text: str, at: int, kinds: AbstractSet[str], *, cells: bool = False) -> list[Found]:
    """The typed entities of one sentence that begins at character `at` of the whole, of the kinds that
    its tokens can hold.

    `cells`: a row of a table, whose numbers are facts, not names.
    """
    found: list[Typed] = []
    if "quantity" in kinds and not cells:
        found += _quantities(text)
    if "code" in kinds:
        found += _codes(text)
    if "period" in kinds:
        found += _periods(text)
    if "drug" in kinds:
        found += _drugs(Plain.of(text))
    if "ticker" in kinds:
        found += _tickers(text)
    if "metric" in kinds:
        metrics, plain = _metric_wordings(), Plain.of(text)
        matched = metrics.placed(metrics.find(plain.running()), plain)
        found += [(start, end, _METRICS[wording], "metric") for start, end, wording in matched]
    return [(at + start, at + end, name, kind, "") for start, end, name, kind in found]


def _kind_ascii(word: str) -> str:
    kind = _KIND_OF.get(word)
    if kind:
        return kind
    if _is_drug(word):
        return "drug"
    return "period" if word[0] in _PERIOD_BEGINS and _PERIOD_WORD.search(word) else ""


def _kind_other(word: str) -> str:
    if _PERIOD_WORD.search(word):
        return "period"
    if _METRIC_CJK.search(word):
        return "metric"
    return "ticker" if _TICKER_CJK.search(word) else ""


# ---------------------------------------------------------------- quantities

_UNIT = (
    r"(?:%|percent\b|percentage points\b|basis points\b|"
    r"(?:thousand|million|billion|trillion)\b|"
    r"(?:mg/dL|mmol/L|g/dL|mg/kg|mL/min|mmHg|mcg|µg|μg|mg|kg|mL|ml|kWh|MWh|GWh|MW|GW|km|cm|mm|nm)\b|"
    r"万亿元|亿元|万元|亿美元|万美元|美元|元|亿|万吨|吨|公斤|克|毫克|公里|个百分点|个基点)"
)
_QUANTITY = re.compile(rf"(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<unit>{_UNIT})?")
_UNIT_BEGINS = _UNIT.replace(" points", "")  # the word behind it stands in the next token
_MEASURED = re.compile(rf"(?:^|[\d,]){_UNIT_BEGINS}|[$€£¥]|rmb", re.IGNORECASE)
_UNIT_WORDS = frozenset(re.findall("[a-z]+", _UNIT_BEGINS.lower()))
_CURRENCY = re.compile(r"(?:US\$|HK\$|[$€£¥]|RMB)\s?$")


def _quantities(text: str) -> Iterator[Typed]:
    for match in _QUANTITY.finditer(text):
        start = match.start()
        before = text[start - 1 : start]
        marked = before in _BEFORE_NUMBER if before != " " else text[start - 2 : start - 1] in _BEFORE_NUMBER
        currency = _CURRENCY.search(text, max(0, start - 4), start) if marked else None
        unit = match["unit"] or ""
        if (currency or unit) and not (before.isalnum() and before.isascii()):
            amount = match["number"].replace(",", "")
            sign = currency.group().strip() if currency else ""
            end = match.end("unit") if unit else match.end("number")
            start = currency.start() if currency else start
            yield start, end, f"{sign}{amount} {unit}".strip().lower(), "quantity"


_BEFORE_NUMBER = frozenset("$€£¥B")  # the last characters of a currency

# ---------------------------------------------------------------- fiscal periods

_PERIOD_WORD = re.compile(
    r"^(?:fy\d*e?|fiscal|q[1-4](?:fy)?\d*|[1-4]q\d*|h[12]|[12]h\d*|quarter|half|ended)$|财年|财政年度|会计年度|季度|半年|年度"
)
_PERIOD_BEGINS = frozenset("fqeh1234")  # characters of what it tells in Latin letters
_BEFORE, _AFTER = 24, 44  # characters around the trigger that one wording of a period spans
_PERIOD = re.compile(
    r"(?i:\b(?:FY|fiscal|Q[1-4]|[1-4]Q|H[12]|[12]H|quarter|half|ended)(?=\W|\d))|财年|财政年度|会计年度|季度|半年|年度"
)


def _periods(text: str) -> Iterator[Typed]:
    seen = 0
    for match in _PERIOD.finditer(text):
        begin = max(seen, match.start() - _BEFORE)
        window = text[begin : match.end() + _AFTER]
        for found in find_periods(window):
            start, end = begin + found.start, begin + found.end
            if start <= match.start() < end and start >= seen and found.period.kind != "date":
                seen = end
                yield start, end, found.period.label.lower(), "period"


# ---------------------------------------------------------------- tickers and codes

_EXCHANGES = frozenset(["nyse", "nasdaq", "lse", "hkex", "sehk", "tsx", "sse", "szse"])
_TICKER_CJK = re.compile(r"股票代码|证券代码|股份代号")
_TICKER = re.compile(
    r"\b(?:NYSE(?: American| Arca)?|N(?:asdaq|ASDAQ)(?:GS)?|LSE|HKEX|SEHK|TSX|SSE|SZSE)\s*[:：]\s*(?P<ticker>[A-Z]{1,5}(?:\.[A-Z])?|\d{3,6})\b"
    r"|(?:股票代码|证券代码|股份代号)\s*[:：为]?\s*(?P<number>\d{4,6})(?!\d)"
)
_ICD = re.compile(r"\b[A-TV-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?\b")
_ICD_SAID = re.compile(r"\bICD\b|\bICD-?(?:9|10|11)|诊断编码|疾病编码")
_CODED = re.compile("icd|编码|loinc")
_LOINC = re.compile(r"\b(?P<body>\d{1,5})-(?P<check>\d)\b")


def _tickers(text: str) -> Iterator[Typed]:
    for match in _TICKER.finditer(text):
        group = "ticker" if match["ticker"] else "number"
        yield match.start(group), match.end(group), match[group].lower(), "ticker"


def _codes(text: str) -> Iterator[Typed]:
    if ("ICD" in text or "编码" in text) and _ICD_SAID.search(text):
        for match in _ICD.finditer(text):
            yield match.start(), match.end(), match.group().lower(), "diagnosis"
    if "LOINC" in text:
        for match in _LOINC.finditer(text):
            if _check_digit(match["body"]) == int(match["check"]):
                yield match.start(), match.end(), match.group(), "laboratory"


def _check_digit(body: str) -> int:
    """The mod 10 check digit of a LOINC number (LOINC Users' Guide, appendix C)."""
    digits = [int(digit) for digit in reversed(body)]
    doubled = int("".join(str(digit) for digit in reversed(digits[0::2]))) * 2
    others = "".join(str(digit) for digit in reversed(digits[1::2]))
    total = sum(int(digit) for digit in f"{others}{doubled}")
    return -total % 10


# ---------------------------------------------------------------- metrics and drugs

_METRICS = {
    wording: name
    for name, wordings in {
        "revenue": [
            "revenue",
            "revenues",
            "net revenue",
            "net revenues",
            "total revenue",
            "net sales",
            "营业收入",
            "营收",
        ],
        "cost of sales": ["cost of sales", "cost of revenue", "cost of goods sold", "营业成本"],
        "gross profit": ["gross profit", "毛利", "毛利润"],
        "gross margin": ["gross margin", "gross profit margin", "毛利率"],
        "operating income": ["operating income", "operating profit", "income from operations", "营业利润"],
        "operating margin": ["operating margin", "营业利润率"],
        "net income": ["net income", "net profit", "net earnings", "净利润"],
        "ebitda": ["ebitda", "adjusted ebitda"],
        "earnings per share": ["earnings per share", "diluted earnings per share", "每股收益"],
        "free cash flow": ["free cash flow", "自由现金流"],
        "operating cash flow": [
            "cash flow from operations",
            "operating cash flow",
            "经营活动产生的现金流量净额",
        ],
        "capital expenditure": [
            "capital expenditure",
            "capital expenditures",
            "capex",
            "资本支出",
            "资本开支",
        ],
        "total assets": ["total assets", "资产总额", "总资产"],
        "total liabilities": ["total liabilities", "负债总额", "总负债"],
        "return on equity": ["return on equity", "净资产收益率"],
        "inventory turnover": ["inventory turnover", "存货周转率"],
    }.items()
    for wording in wordings
}

_METRIC_WORDS = frozenset(wording.split()[0] for wording in _METRICS)
_METRIC_CJK = re.compile("|".join(wording for wording in _METRICS if not wording.isascii()))


@cache
def _metric_wordings() -> NameMatcher:
    return NameMatcher(_METRICS)


# Stems that the World Health Organization reserves for non-proprietary names (INN stem book); only
# those that end no ordinary English word.
_DRUG_ENDINGS = tuple(
    re.findall(
        r"\w+",
        "zumab ximab limab tinib ciclib rafenib parib formin gliptin gliflozin glitazone glutide vastatin sartan dipine "
        "prazole cillin floxacin tidine triptan xaban gatran setron azepam azolam conazole navir tegravir buvir asvir "
        "lukast dronate steride caine olol mycin oxetine clovir thiazide",
    )
)


_DRUG_TAILS = frozenset(ending[-4:] for ending in _DRUG_ENDINGS)  # most words are told apart by these


def _is_drug(word: str) -> bool:
    return word[-4:] in _DRUG_TAILS and len(word) > 6 and word.endswith(_DRUG_ENDINGS) and word.isascii()


def _drugs(plain: Plain) -> Iterator[Typed]:
    for word, (start, end) in zip(plain.words, plain.places()):
        if _is_drug(word):
            yield start, end, name_of(word), "drug"


# ---------------------------------------------------------------- persons

_ROLE_WORDS = frozenset(
    ["officer", "ceo", "cfo", "coo", "cto", "president", "chairman", "chairwoman", "director", "secretary", "treasurer",
     "founder", "analyst", "professor", "partner", "manager", "md", "phd"]
)  # fmt: skip
_KIND_OF = {
    **dict.fromkeys(_EXCHANGES, "ticker"),
    **dict.fromkeys(_METRIC_WORDS, "metric"),
    **dict.fromkeys(_ROLE_WORDS, "role"),
}
_ROLE = (
    r"(?:C[EFOT]O|[Oo]fficer|[Pp]resident|[Cc]hair(?:man|woman)?|[Dd]irector|[Ss]ecretary|[Tt]reasurer|[Ff]ounder|"
    r"[Aa]nalyst|[Pp]rofessor|[Pp]artner|[Mm]anager|M\.?D\b|Ph\.?D)"
)
_ROLE_AFTER = re.compile(rf",\s+(?:(?:our|the|its|a|an|former|then)\s+)?(?:[\w&-]+\s+){{0,4}}?{_ROLE}")
_ROLE_BEFORE = re.compile(rf"{_ROLE},?\s+$")


def persons(text: str, found: list[Found], places: Places) -> list[Found]:
    """The same mentions; those that stand beside a role are persons: "Jane Doe, our Chief Financial
    Officer", "founder John Smith". `places`: of the sentences that tell roles.
    """
    return [
        (start, stop, name, "person", "")
        if kind == "name"
        and name.count(" ") in (1, 2)
        and any(first <= start < last for first, last in places)
        and (_ROLE_AFTER.match(text, stop) or _ROLE_BEFORE.search(text, max(0, start - 20), start))
        and not _ROLE_IN_NAME.search(name)
        else (start, stop, name, kind, context)
        for start, stop, name, kind, context in found
    ]


_ROLE_IN_NAME = re.compile(r"\b(?:officer|president|chair\w*|director|secretary|executive|board)\b")
