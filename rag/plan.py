"""QUESTION -> PLAN: what is asked, about whom, for which periods, in which language.

Reads the question alone, by rules for English and Chinese; knows nothing of the index. What is not
covered: relative periods ("last year"), and references that only the meaning of earlier turns settles.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from core.period import Period, find_periods
from core.text import CJK, STOP_WORDS, language_of, normalize, tokens
from core.types import Language, Message
from rag.instructions import without_instructions

T = TypeVar("T")

Kind = Literal[
    "why",
    "comparison",
    "change",
    "definition",
    "count",
    "quantity",
    "when",
    "who",
    "where",
    "list",
    "how",
    "yes_no",
    "look_up",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """`question` stands alone: a follow-up is completed from the conversation.

    `subject` are its content words as written, `terms` the same in matching form (`core.text.tokens`),
    without question words, periods and page references. `names` are names, codes and quoted phrases
    as written. `parts` are the plans of the single questions when several are asked at once.
    """

    question: str
    language: Language
    kind: Kind
    subject: str
    terms: tuple[str, ...]
    names: tuple[str, ...] = ()
    periods: tuple[Period, ...] = ()
    pages: tuple[int, ...] = ()
    parts: tuple["Plan", ...] = ()

    @property
    def without_pages(self) -> str:
        """The question as the index is searched: "on page 5" is a place, not a word to look for."""
        return " ".join(_PAGES.sub(" ", self.question).split()) if self.pages else self.question


def plan(question: str, history: Sequence[Message] = ()) -> Plan:
    """The plan of the last question of a conversation."""
    before: Plan | None = None
    for message in history:
        if message.role == "user":
            before = _plan(normalize(message.text).strip(), before)
    return _plan(normalize(question).strip(), before)


def _plan(question: str, before: Plan | None) -> Plan:
    parts: list[Plan] = []
    for piece in _pieces(question):
        parts.append(_single(piece, parts[-1] if parts else before))
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        question=question if not before else " ".join(part.question for part in parts),
        subject=" ".join(_unique(word for part in parts for word in part.subject.split())),
        terms=_unique(term for part in parts for term in part.terms),
        names=_unique(name for part in parts for name in part.names),
        periods=_distinct(period for part in parts for period in part.periods),
        pages=_unique(page for part in parts for page in part.pages),
        parts=tuple(parts),
    )


def _single(question: str, before: Plan | None) -> Plan:
    return _read(question) if before is None else _completed(question, before)


def _read(question: str) -> Plan:
    language = language_of(question)
    return Plan(
        question=question,
        language=language,
        kind=_kind(question, language),
        subject=_subject(question),
        terms=_terms(question),
        names=_names(question),
        periods=_distinct(item.period for item in find_periods(_PAGES.sub(" ", question))),
        pages=_pages(question),
    )


def sides_of(asked: Plan) -> list[Plan]:
    """A plan for each page, name or period that a comparison sets beside each other; else none."""
    if asked.kind == "why":
        return []
    if len(asked.pages) > 1:
        return [replace(asked, pages=(page,)) for page in asked.pages]
    if asked.kind == "comparison" and len(asked.names) > 1:
        return [_about(asked, name) for name in asked.names]
    if asked.kind in ("comparison", "change") and len(asked.periods) > 1:
        return [replace(asked, periods=(period,)) for period in asked.periods]
    return []


def _about(asked: Plan, name: str) -> Plan:
    """The plan without the other names."""
    others = [other for other in asked.names if other != name]
    dropped = {term for other in others for term in _terms(other)} - set(_terms(name))
    question = asked.question
    for other in others:
        question = question.replace(other, " ")
    return replace(
        asked,
        question=" ".join(question.split()),
        names=(name,),
        terms=tuple(term for term in asked.terms if term not in dropped),
    )


# ---------------------------------------------------------------- several questions in one

_BREAKS = re.compile(
    r"(?<=[?？；;])\s*(?=\S)"
    r"|(?:,|;)?\s+(?:and|then)\s+(?=(?:please\s+)?(?:(?:also\s+)?(?:say|explain|tell\s+me|state|describe|give)\s+)?"
    r"(?:the\s+(?:reasons?|causes?)|why|how|what|when|where|who|which)\b)"
    r"|[,，、]?(?:并且?|以及|同时)?(?=(?:请)?(?:说明|解释|分析|指出)(?:一下)?(?:其|变化的?|下降的?|上升的?|变动的?)?(?:原因|为什么|为何))"
    r"|[,，](?=(?:这是)?(?:原因是什么|为什么|为何|主要原因))",
    re.IGNORECASE,
)


def _pieces(question: str) -> list[str]:
    pieces = [piece.strip(" ,，;；") for piece in _BREAKS.split(question)]
    kept: list[str] = []
    for piece in pieces:
        # "Round to two decimals" is no question of its own.
        if kept and not re.search(r"\w", without_instructions(piece)):
            kept[-1] = f"{kept[-1]} {piece}"
        elif re.search(r"\w", piece):
            kept.append(piece)
    return kept or [question]


# ---------------------------------------------------------------- what kind of question

# The first that fits; what fits none is a look-up.
_WORDINGS: Mapping[Language, Mapping[Kind, str]] = {
    "en": {
        "why": (
            r"\bwhy\b|\bhow come\b|\b(?:reasons?|causes?|drivers?|explanation)\s+(?:for|of|behind|why)\b"
            r"|\bthe (?:reasons?|causes?)\b|\bwhat\s+(?:\w+\s+)?(?:caused|led to|drove|drives|explains?)\b"
            r"|\bdue to what\b|\battribut(?:ed|able) to\b"
        ),
        "comparison": (
            r"\bcompar(?:e|ed|ing|ison)\b|\bversus\b|\bvs\b|\bdifferen(?:ce|t|ces)\b.*\b(?:between|from|and)\b"
            r"|\b(?:which|who)\b.*\b(?:first|last|earlier|later|older|younger|longer|higher|lower|larger|more|less)"
            r"\b.*\bor\b|\b(?:higher|lower|larger|smaller|better|worse|more|less) (?:\w+ )?than\b|\bboth\b.*\band\b"
            r"|\bsame\b.*\b(?:as|and)\b|\bor\b.*\b(?:first|earlier|later|older|younger)\b"
        ),
        "change": (
            r"\b(?:chang|increas|decreas|grow|grew|rise|rose|fall|fell|declin|drop|develop|improv|deteriorat|mov)\w*\b"
        ),
        "count": r"\bhow many\b|\bthe number of\b",
        "quantity": (
            r"\bhow (?:much|high|large|big|long|far|old|tall|deep|fast|heavy)\b|\bpercentage\b|\bproportion\b"
            r"|\bwhat (?:is|was|are|were) (?:the )?(?:\w+ ){0,3}(?:amount|total|value|rate|ratio|price|average)\b"
        ),
        "when": r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|quarter|period)\b",
        "where": r"\bwhere\b|\b(?:what|which) (?:country|city|place|town|state|region|location)\b",
        "who": r"\bwho(?:m|se)?\b",
        "definition": (
            r"\bdefin(?:e|ed|ition)\b|\bwhat does\b.*\b(?:mean|represent|stand for|refer to)\b|\bmeaning of\b"
            r"|^what (?:is|are) (?!the\b)(?:an? )?[\w\s\-/()]{1,40}\??$"
        ),
        "list": r"\blist\b|\bname the\b|^what are the\b|\b(?:what|which) (?:\w+ )?(?:are|were)\b|\benumerate\b",
        "how": r"\bhow\b",
        "yes_no": r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b",
    },
    "zh": {
        "why": r"为什么|为何|为啥|原因|缘故|因何|何以|由于什么|受什么影响",
        "comparison": r"比较|对比|相比|区别|差异|不同|哪个更|谁更|与.*相差",
        "change": r"变化|变动|增长|增加|上升|提高|下降|减少|降低|下滑|同比|环比",
        "count": r"(?:多少|几)[个名人家次位座部种张条所件项集首场]",
        "quantity": r"多少|多大|多高|多长|多远|多重|多久|几[年岁天米度]|百分之几|占比",
        "when": r"什么时候|何时|哪一?[年天]|哪个月|几月|什么时间|何年|什么时期",
        "where": r"哪里|哪儿|何处|在哪|什么地方|哪个(?:国家|城市|省|地方|地区)|何地",
        "who": r"谁|哪位|何人|什么人",
        "definition": r"什么是|什么意思|定义|何谓|是?指(?:的是)?什么|含义",
        "list": r"哪些|列出|列举|有什么|哪几|分别",
        "how": r"如何|怎样|怎么",
        "yes_no": r"吗[?？]?$|是否|是不是|有没有|能否|可否",
    },
}
_KINDS = {
    language: {kind: re.compile(wording, re.IGNORECASE) for kind, wording in wordings.items()}
    for language, wordings in _WORDINGS.items()
}


def _kind(question: str, language: Language) -> Kind:
    for kind, pattern in _KINDS[language].items():
        if pattern.search(question):
            return kind
    return "look_up"


# ---------------------------------------------------------------- what it is about

_QUESTION_WORDS = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:much|many|long|high|large|big|come))?"
    r"|(?:please|kindly)|(?:tell|give|show)\s+me|accord(?:ing)?\s+to|compare[ds]?|comparison|explain|describe|summari[sz]e"
    r"|list|define|say|mention(?:ed)?|reasons?|causes?|caused|difference\s+between|versus|vs|between|both|following"
    r"|document(?:s|ed)?|respectively|ones?|main|principal|key|major)\b|['’]s\b"
    r"|为什么|为何|为啥|什么时候|什么时间|什么地方|是什么意思|什么意思|什么样|什么是|什么|怎么样|怎么|怎样|如何|多少|多大|多高|多长|多远|多重|多久|多深|可以|能够|哪里|哪儿|哪些"
    r"|哪个|哪位|哪一|哪几|哪|谁|何时|何处|何谓|几(?=[个名人家次位座部种张条所件项集首场年月岁])|是否|是不是|有没有|能否"
    r"|请问|请|说明|解释|列出|列举|比较|对比|相比|告诉我|根据|关于|原因|分别|一共|总共|以及|或者|还是|其中"
    r"|[的了吗呢是在和与由被及它]",
    re.IGNORECASE,
)
_RUN = re.compile(rf"[{CJK}]+|[^{CJK}]+")


def _terms(question: str) -> tuple[str, ...]:
    return _unique(term for run in _RUN.findall(_content(question)) for term in _run_terms(run))


def _run_terms(run: str) -> list[str]:
    """Words of English; of Chinese the character pairs, and a character only where it stands alone."""
    found = tokens(run)
    if not re.match(f"[{CJK}]", run) or len(run) == 1:
        return found
    return [term for term in found if len(term) > 1]


def _subject(question: str) -> str:
    """The content words as they were written."""
    words = [word.strip(" .,;:!?。，；：！？()（）") for word in _content(question).split()]
    return " ".join(word for word in words if tokens(word))


def _content(question: str) -> str:
    """The question without page references, periods and question words; gaps keep words apart."""
    text = _PAGES.sub(" ", question)
    for found in reversed(find_periods(text)):
        text = f"{text[: found.start]} {text[found.end :]}"
    return _QUESTION_WORDS.sub(" ", text)


_QUOTED = re.compile(r"[\"“„«「『《]([^\"”«»「」『』《》]{2,80})[\"”»」』》]|(?<!\w)'([^']{2,80})'(?!\w)")
_IN_NAME = rf"(?:[^\W{CJK}]|[&.'’\-])*"
_CAPITALISED = re.compile(
    rf"(?<![A-Za-z0-9\-])[A-Z]{_IN_NAME}(?:\s+(?:(?:of|the|and|de|von|van|for|&)\s+){{0,2}}[A-Z0-9]{_IN_NAME})*"
)
_CODE = re.compile(r"(?<![A-Za-z0-9\-/])(?=[a-z\-/]*\d)(?=[\d\-/]*[a-z])[a-z0-9][a-z0-9\-/]+", re.IGNORECASE)
_NO_NAME = STOP_WORDS | {
    *(
        "compare",
        "explain",
        "describe",
        "list",
        "name",
        "give",
        "tell",
        "say",
        "state",
        "please",
        "show",
        "define",
    ),
    *(
        "according",
        "page",
        "pages",
        "during",
        "between",
        "summarize",
        "after",
        "before",
        "under",
        "over",
        "i",
    ),
}


def _names(question: str) -> tuple[str, ...]:
    """Quoted phrases, capitalised runs and codes, as written."""
    text = _PAGES.sub(" ", question)
    for found in reversed(find_periods(text)):
        text = text[: found.start] + " | " + text[found.end :]
    quoted = [match[1] or match[2] for match in _QUOTED.finditer(text)]
    rest = _QUOTED.sub(" | ", text)
    capitalised = [name for match in _CAPITALISED.finditer(rest) if (name := _trimmed(match.group()))]
    codes = [code for code in _CODE.findall(rest) if not any(code in name for name in capitalised)]
    return _unique(name.strip() for name in [*quoted, *capitalised, *codes])


def _trimmed(run: str) -> str:
    """A capitalised run without the sentence's first words ("What Did", "The") and possessives."""
    words = run.split()
    while words and words[0].lower() in _NO_NAME:
        words.pop(0)
    while words and words[-1].lower() in _NO_NAME:
        words.pop()
    return re.sub(r"['’]s\b|['’]$", "", " ".join(words)).strip(" .,-'’")


_DIGIT = {char: number for number, char in enumerate("零一二三四五六七八九十")}
_PAGES = re.compile(
    r"\b(?:on\s+|from\s+|of\s+|in\s+)?(?:pages?|pp?\.)\s*(?P<en>\d{1,4}(?:\s*(?:,|and|&|to|-|–|with)\s*(?:page\s*)?\d{1,4})*)\b"
    r"|第?\s*(?P<zh>(?:\d{1,4}|[一二三四五六七八九十]{1,3})(?:\s*[、,，和与至到-]\s*第?\s*(?:\d{1,4}|[一二三四五六七八九十]{1,3}))*)"
    r"\s*页",
    re.IGNORECASE,
)
_RANGE = re.compile(r"^\s*(?:to|-|–|至|到)\s*$", re.IGNORECASE)


def _pages(question: str) -> tuple[int, ...]:
    return _unique(
        page for match in _PAGES.finditer(question) for page in _listed(match["en"] or match["zh"])
    )


def _listed(text: str) -> Iterator[int]:
    """As in "3 and 5" (3, 5) or "3-5" (3, 4, 5)."""
    numbers = list(re.finditer(r"\d+|[一二三四五六七八九十]+", text))
    for position, match in enumerate(numbers):
        number = _number(match.group())
        if position:
            last = numbers[position - 1]
            if _RANGE.match(re.sub(r"page|第", "", text[last.end() : match.start()])):
                yield from range(_number(last.group()) + 1, min(number, _number(last.group()) + 50))
        yield number


def _number(text: str) -> int:
    """An Arabic number, or a Chinese one below one hundred."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _DIGIT[text[0]]
    return 10 * (_DIGIT[tens] if tens else 1) + (_DIGIT[ones] if ones else 0)


# ---------------------------------------------------------------- follow-ups

_LEAD = re.compile(
    r"^(?:and|but|so|or|then|also|what about|how about|what of|那么|那|还有|以及|另外)\b[\s,，]*(?:in|for|at|of|the)?\s*"
    r"|^(?:那么|那|还有|以及|另外)[\s,，]*",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\b(?:it|its|they|their|them|this|that|these|those|he|she|his|her|the same)\b|[它其]|该|这个|这些|那个|此",
    re.IGNORECASE,
)
_FRAGMENT_WORDS = 4


def _completed(question: str, before: Plan) -> Plan:
    """A follow-up ("and in 2005?", "why?", "它的毛利率呢？") with what it leaves to the turn before."""
    lead = _LEAD.match(question)
    fragment = question[lead.end() if lead else 0 :].strip(" ?？。.呢")
    own = _read(fragment)
    few = not own.names and len(own.terms) <= _FRAGMENT_WORDS
    bare = not own.terms and not own.names
    refers = few and bool(_REFERS.search(question) or own.kind == "why")
    short = bool(lead or question.rstrip("?？").endswith("呢")) and len(own.terms) <= _FRAGMENT_WORDS
    if not (bare or refers or short):
        return _read(question)
    periods = own.periods or before.periods
    # The cause of what stands on one page is often told on another.
    pages = own.pages or (() if own.kind == "why" else before.pages)
    kind = own.kind if own.kind != "look_up" else before.kind
    if bare and own.kind != "why" and (own.periods or own.pages):
        return replace(
            before,
            question=_with_period(before.question, fragment),
            periods=periods,
            pages=pages,
            parts=(),
        )
    # A new attribute takes the place of the old one; a pronoun or a bare "why" keeps it.
    terms = _unique([*own.terms, *before.terms]) if bare or refers else own.terms
    kept = before.subject if bare or refers else ""
    context = [
        *([kept] if kept else before.names),
        *(() if own.periods else _period_words(before.question)),
    ]
    return replace(
        own,
        question=" ".join(_unique([fragment, *(part for part in context if part not in fragment)])),
        language=before.language if bare else own.language,
        kind=kind,
        subject=" ".join(
            _unique([*own.subject.split(), *(before.subject if bare or refers else "").split()])
        ),
        terms=terms
        if bare or refers
        else _unique([*own.terms, *(t for n in before.names for t in tokens(n))]),
        names=_unique([*own.names, *before.names]),
        periods=periods,
        pages=pages,
    )


def _with_period(question: str, fragment: str) -> str:
    """The earlier question with its periods or pages replaced by those of the fragment."""
    spans = [(item.start, item.end) for item in find_periods(question)]
    if _PAGES.search(fragment):
        spans = [match.span() for match in _PAGES.finditer(question)]
    if not spans:
        return f"{question.rstrip(' ?？.。')} {fragment}"
    return question[: spans[0][0]] + fragment + question[spans[-1][1] :]


def _period_words(question: str) -> list[str]:
    return [question[item.start : item.end] for item in find_periods(question)]


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _distinct(periods: Iterable[Period]) -> tuple[Period, ...]:
    return tuple({period.label: period for period in periods}.values())
