"""Numbers of headings and lists in Word documents, worked out as Word does: they are not in the text.

A paragraph, or its style, names a numbering and a level; the numbering's counters give "2.1.3". Knows
the common forms of numbers; others are written as 1, 2, 3.
"""

import re
from typing import Any, NamedTuple

Element = Any  # lxml comes without types

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"(?:heading|titre|überschrift|título|标题)\s*(\d)", re.IGNORECASE)
_TITLES = frozenset({"title"})
_DEEPEST = 9
_BULLET = "-"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_SMALL_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_CHINESE = "零一二三四五六七八九十"


class Style(NamedTuple):
    """`heading`: the level of a heading from 1, else 0. `number` and `level`: the style's numbering."""

    heading: int = 0
    number: str = ""
    level: int | None = None


class _Level(NamedTuple):
    start: int
    form: str
    text: str


class Numbering:
    """The counters of one document. `mark_of` advances them: call it once for each paragraph, in order."""

    def __init__(self, part: Any) -> None:
        self._styles = _styles(part.styles.element)
        found = next(
            (one for one in part.related_parts.values() if str(one.partname).endswith("/numbering.xml")), None
        )
        root = getattr(found, "element", None)
        self._abstract = _abstract(root) if root is not None else {}
        self._lists = _lists(root) if root is not None else {}
        self._counters: dict[str, list[int]] = {}

    def style_of(self, paragraph: Element) -> Style:
        own = _outline(paragraph.find(f"{_W}pPr"))
        style = self._styles.get(_value(paragraph, f"{_W}pPr/{_W}pStyle"), Style())
        return style._replace(heading=own) if own and not style.heading else style

    def depth_of(self, paragraph: Element) -> int:
        return self._place(paragraph)[1]

    def mark_of(self, paragraph: Element) -> str:
        """The mark before the text: "2.1", "a)", "-" for a bullet, "" for a paragraph without number."""
        number, level = self._place(paragraph)
        abstract = self._lists.get(number, "")
        levels = self._abstract.get(abstract, {})
        if level not in levels:
            return ""
        if levels[level].form in {"bullet", "none"}:
            return _BULLET if levels[level].form == "bullet" else ""
        counters = self._counters.setdefault(abstract, [])
        del counters[level + 1 :]
        while len(counters) <= level:
            at = len(counters)
            start = levels[at].start if at in levels else 1
            counters.append(start - 1 if at == level else start)
        counters[level] += 1
        return _filled(levels[level].text, levels, counters)

    def _place(self, paragraph: Element) -> tuple[str, int]:
        """(numbering, level): the paragraph's own, else that of its style."""
        style = self.style_of(paragraph)
        own = paragraph.find(f"{_W}pPr/{_W}numPr")
        number = _value(own, f"{_W}numId") if own is not None else ""
        level = _value(own, f"{_W}ilvl") if own is not None else ""
        depth = int(level) if level.isdigit() else style.level or 0
        return number or style.number, min(depth, _DEEPEST)


def _filled(text: str, levels: dict[int, _Level], counters: list[int]) -> str:
    def number(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        form = levels[at].form if at in levels else "decimal"
        return _written(counters[at], form) if at < len(counters) else ""

    return re.sub(r"%(\d)", number, text).strip()


def _written(number: int, form: str) -> str:
    if form in {"lowerLetter", "upperLetter"} and number > 0:
        letter = chr(97 + (number - 1) % 26) * (1 + (number - 1) // 26)
        return letter.upper() if form == "upperLetter" else letter
    if form in {"lowerRoman", "upperRoman"} and 0 < number < 4000:
        roman = _roman(number)
        return roman.upper() if form == "upperRoman" else roman
    if form.startswith(("chinese", "japaneseCounting", "ideographDigital", "taiwanese")) and 0 < number < 100:
        return _chinese(number)
    return f"{number:02d}" if form == "decimalZero" else str(number)


def _roman(number: int) -> str:
    written = ""
    for worth, letters in (*_ROMAN, *_SMALL_ROMAN):
        times, number = divmod(number, worth)
        written += letters * times
    return written


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    before = ("" if tens == 1 else _CHINESE[tens]) + "十" if tens else ""
    return before + (_CHINESE[ones] if ones else "")


# ---------------------------------------------------------------- what the file defines


def _value(element: Element | None, path: str) -> str:
    found = element.find(path) if element is not None else None
    return (found.get(f"{_W}val") or "") if found is not None else ""


def _outline(properties: Element | None) -> int:
    """The outline level of a paragraph, counted from 1; 9 stands for body text."""
    given = _value(properties, f"{_W}outlineLvl")
    return int(given) + 1 if given.isdigit() and int(given) < _DEEPEST else 0


def _styles(root: Element) -> dict[str, Style]:
    """Paragraph styles by id, each with what it inherits."""
    elements = {style.get(f"{_W}styleId"): style for style in root.iterfind(f"{_W}style")}
    return {key: _style(key, elements) for key in elements if key}


def _style(key: str, elements: dict[str, Element]) -> Style:
    found = Style()
    seen: set[str] = set()
    while key in elements and key not in seen:
        seen.add(key)
        element = elements[key]
        name = _value(element, f"{_W}name")
        properties = element.find(f"{_W}pPr")
        named = _HEADING.match(name)
        level = int(named[1]) if named else 1 if name.lower() in _TITLES else _outline(properties)
        depth = _value(properties, f"{_W}numPr/{_W}ilvl")
        found = Style(
            found.heading or level,
            found.number or _value(properties, f"{_W}numPr/{_W}numId"),
            found.level if found.level is not None else int(depth) if depth.isdigit() else None,
        )
        key = _value(element, f"{_W}basedOn")
    return found


def _abstract(root: Element) -> dict[str, dict[int, _Level]]:
    found = {}
    for one in root.iterfind(f"{_W}abstractNum"):
        levels = {}
        for level in one.iterfind(f"{_W}lvl"):
            start = _value(level, f"{_W}start")
            levels[int(level.get(f"{_W}ilvl") or 0)] = _Level(
                int(start) if start.isdigit() else 1,
                _value(level, f"{_W}numFmt") or "decimal",
                _value(level, f"{_W}lvlText"),
            )
        found[one.get(f"{_W}abstractNumId") or ""] = levels
    return found


def _lists(root: Element) -> dict[str, str]:
    """By the number that paragraphs name, the id of the definition."""
    return {
        one.get(f"{_W}numId") or "": _value(one, f"{_W}abstractNumId") for one in root.iterfind(f"{_W}num")
    }
