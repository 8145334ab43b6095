"""The words of a field as data: statements, their lines, ratios of lines, and other things by their names
(`finance.toml` explains the form, `clinical.toml` holds tests and vital signs, `writings.toml` words that are written in several ways,
`irregular.toml` forms that no stem brings together).

Reads the files and finds their words in questions and labels. Knows nothing of documents, and computes
nothing: `rag/metrics.py` evaluates formulas.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from core.errors import SettingsError
from core.text import CJK, normalize

Unit = Literal["x", "%", "days", "amount"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A kind of page. `rows`: one pattern for each row that nearly every such page has."""

    name: str
    asked: re.Pattern[str]
    titles: re.Pattern[str]
    rows: tuple[re.Pattern[str], ...]
    strangers: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a statement. `labels` are in order: what fits an earlier pattern is the surer row.

    `unscaled`: its values are not in the thousands or millions that the page states.
    """

    name: str
    statement: str
    asked: re.Pattern[str]
    labels: tuple[re.Pattern[str], ...]
    not_labels: re.Pattern[str] | None
    words: str = ""
    absolute: bool = False
    otherwise: str = ""
    unscaled: bool = False

    def rank(self, label: str) -> int | None:
        """The place of the first pattern that fits a (plain) label, 0 the surest; None where none does."""
        if self.not_labels and self.not_labels.search(label):
            return None
        return next((rank for rank, pattern in enumerate(self.labels) if pattern.search(label)), None)


@dataclass(frozen=True, slots=True)
class Ratio:
    name: str
    asked: re.Pattern[str]
    formula: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Term:
    """One thing by all its names, as they are written. `units`: those its values are printed in, none for any."""

    name: str
    names: tuple[str, ...]
    units: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Word:
    """One word in its writings ("haemoglobin", "hemoglobin")."""

    name: str
    writings: tuple[str, ...]


class Named(NamedTuple):
    """Characters [start, end) of the plain text name a line or a ratio."""

    start: int
    end: int
    term: Line | Ratio


@dataclass(frozen=True, slots=True)
class Glossary:
    statements: Mapping[str, Statement] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    ratios: Mapping[str, Ratio] = field(default_factory=dict)
    terms: Mapping[str, Term] = field(default_factory=dict)
    words: Mapping[str, Word] = field(default_factory=dict)

    def named(self, question: str) -> list[Named]:
        """The lines and ratios that a text names, in order; of overlapping names the longest counts."""
        text = plain(question)
        terms: list[Line | Ratio] = [*self.ratios.values(), *self.lines.values()]
        found = [
            Named(match.start(), match.end(), term) for term in terms for match in term.asked.finditer(text)
        ]
        kept: list[Named] = []
        for item in sorted(found, key=lambda item: (item.start - item.end, item.start)):
            if all(item.end <= other.start or item.start >= other.end for other in kept):
                kept.append(item)
        return sorted(kept, key=lambda item: item.start)

    def statements_named(self, question: str) -> list[str]:
        text = plain(question)
        return [statement.name for statement in self.statements.values() if statement.asked.search(text)]

    def lines_of(self, ratio: Ratio) -> list[Line]:
        """The lines that the formula is made of, each once."""
        names = dict.fromkeys(re.findall(r"[a-z]\w+", ratio.formula))
        return [self.lines[name] for name in names if name in self.lines]


def plain(text: str) -> str:
    """Lower case; spaces, dashes and apostrophes made alike: the form in which patterns are matched."""
    text = normalize(text).lower()
    text = re.sub(r"[‐‑‒–—−]+", "-", text)
    text = re.sub(r"[’‘`´]", "'", text)
    return " ".join(text.split())


# ---------------------------------------------------------------- reading the files


@lru_cache(maxsize=8)
def load_glossary(folder: Path | None = None) -> Glossary:
    """All files of `folder`, else of this package. Raises SettingsError for one that is not of the form."""
    paths = sorted((folder or Path(__file__).parent).glob("*.toml"))
    entries: dict[str, dict[str, Mapping[str, Any]]] = {name: {} for name in _KEYS}
    for path in paths:
        for kind, entry in _entries(path):
            if entry["name"] in entries[kind]:
                raise SettingsError(f"{path}: the {kind} {entry['name']!r} is described twice")
            entries[kind][entry["name"]] = entry
    glossary = Glossary(
        {name: _statement(entry) for name, entry in entries["statement"].items()},
        {name: _line(entry) for name, entry in entries["line"].items()},
        {name: _ratio(entry) for name, entry in entries["ratio"].items()},
        {
            name: _term(entry)
            for name, entry in (entries["line"] | entries["term"]).items()
            if entry.get("names")
        },
        {name: _word(entry) for name, entry in entries["word"].items()},
    )
    _check(glossary)
    return glossary


_KEYS = {
    "statement": {"name", "asked", "titles", "rows", "strangers"},
    "line": {
        "name",
        "statement",
        "asked",
        "labels",
        "not_labels",
        "words",
        "sign",
        "scale",
        "otherwise",
        "names",
    },
    "ratio": {"name", "asked", "formula", "unit"},
    "term": {"name", "field", "names", "units"},
    "word": {"name", "writings"},
}


def _entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}") from error
    for kind, allowed in _KEYS.items():
        for entry in read.get(kind, []):
            if not isinstance(entry.get("name"), str):
                raise SettingsError(f"{path}: a {kind} has no name")
            if unknown := entry.keys() - allowed:
                raise SettingsError(f"{path}: the {kind} {entry['name']!r} has no {min(unknown)!r}")
            yield kind, entry


def _statement(entry: Mapping[str, Any]) -> Statement:
    return Statement(
        entry["name"],
        _words(entry["asked"]),
        _any(entry["titles"]),
        tuple(_any([row]) for row in entry["rows"]),
        _any(entry["strangers"]),
    )


def _line(entry: Mapping[str, Any]) -> Line:
    return Line(
        entry["name"],
        entry["statement"],
        _words(entry["asked"]),
        tuple(_any([label]) for label in entry["labels"]),
        _any(entry["not_labels"]) if entry.get("not_labels") else None,
        entry.get("words", ""),
        entry.get("sign") == "absolute",
        entry.get("otherwise", ""),
        entry.get("scale") == "one",
    )


def _ratio(entry: Mapping[str, Any]) -> Ratio:
    return Ratio(entry["name"], _words(entry["asked"]), entry["formula"], entry["unit"])


def _term(entry: Mapping[str, Any]) -> Term:
    return Term(entry["name"], tuple(entry["names"]), frozenset(entry.get("units", ())))


def _word(entry: Mapping[str, Any]) -> Word:
    return Word(entry["name"], tuple(entry["writings"]))


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    except re.error as error:
        raise SettingsError(f"the glossary's {patterns!r} is no pattern: {error}") from error


def _words(patterns: Sequence[str]) -> re.Pattern[str]:
    """As whole words; Chinese has none, so there any place will do."""
    return _any([rf"(?<![a-z0-9])(?:{p})(?![a-z0-9])" if not _chinese(p) else p for p in patterns])


def _chinese(pattern: str) -> bool:
    return re.search(f"[{CJK}]", pattern) is not None


def _check(glossary: Glossary) -> None:
    """Raises SettingsError for a statement or a line that nothing describes, and a name that means two things."""
    owners: dict[str, str] = {}
    for term in glossary.terms.values():
        for name in term.names:
            owner = owners.setdefault(plain(name), term.name)
            if owner != term.name:
                raise SettingsError(f"the name {name!r} stands for both {owner!r} and {term.name!r}")
    written: dict[str, str] = {}
    for word in glossary.words.values():
        for writing in (word.name, *word.writings):
            owner = written.setdefault(plain(writing), word.name)
            if owner != word.name or " " in plain(writing):
                raise SettingsError(f"the writing {writing!r} of {word.name!r} is no word of its own")
    for line in glossary.lines.values():
        if line.statement not in glossary.statements:
            raise SettingsError(f"the line {line.name!r} names an unknown statement {line.statement!r}")
    for name, formula in _formulas(glossary):
        for word in re.findall(r"[a-z]\w+", formula):
            if word not in glossary.lines and word not in ("average", "change", "prior"):
                raise SettingsError(f"the formula of {name!r} names an unknown line {word!r}")


def _formulas(glossary: Glossary) -> Iterable[tuple[str, str]]:
    yield from ((ratio.name, ratio.formula) for ratio in glossary.ratios.values())
    yield from ((line.name, line.otherwise) for line in glossary.lines.values() if line.otherwise)
