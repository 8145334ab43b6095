"""JSON, and JSON by lines: records with JSON pointers (RFC 6901) as places, lists of records as tables.

What is small stays together as one record of "path: value" lines; what is large is divided along its own
structure. Numbers are given as they are written.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page
from ingest.readers.encoding import read_text
from ingest.readers.tabletext import table_block

JSON = "application/json"
_CHARACTERS = 1500  # of one record
_ROWS = 50
_COLUMNS = 40


def read(path: Path, _sink: ImageSink) -> Content:
    """Raises UnreadableFile for what is no JSON, with its line, and for one without a value."""
    text = read_text(path)
    blocks = tuple(_blocks(_value(text), ""))
    if not blocks:
        raise UnreadableFile("the JSON holds no value")
    return Content(JSON, (Page(1, blocks),))


def _value(text: str) -> Any:
    try:
        return _parsed(text)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            return [_parsed(line) for line in lines] if len(lines) > 1 else _refused(error)
        except ValueError:
            _refused(error)


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def _refused(error: ValueError) -> Any:
    raise UnreadableFile(f"the JSON is broken: {error}") from error


def _blocks(value: Any, pointer: str) -> Iterator[Block]:
    if _is_table(value):
        yield from _table(value, pointer)
        return
    lines = list(_lines(value, ""))
    if sum(map(len, lines)) <= _CHARACTERS or not isinstance(value, (dict, list)):
        if lines:
            yield Block("record", "\n".join(lines), anchor=pointer or "/")
        return
    yield from _divided(value, pointer)


def _divided(value: dict[str, Any] | list[Any], pointer: str) -> Iterator[Block]:
    """Small neighbours share a record; a large child is divided further."""
    named = value.items() if isinstance(value, dict) else ((str(at), one) for at, one in enumerate(value))
    waiting: list[str] = []
    places: list[str] = []
    for name, child in named:
        place = f"{pointer}/{_escaped(name)}"
        lines = list(_lines(child, name))
        size = sum(map(len, lines))
        if waiting and sum(map(len, waiting)) + size > _CHARACTERS:
            yield _record(waiting, places)
            waiting, places = [], []
        if _is_table(child) or size > _CHARACTERS:
            if waiting:
                yield _record(waiting, places)
                waiting, places = [], []
            if not pointer and isinstance(value, dict):
                yield Block("heading", name, level=1, anchor=place)
            yield from _blocks(child, place)
        elif lines:
            waiting += lines
            places.append(place)
    if waiting:
        yield _record(waiting, places)


def _record(lines: Sequence[str], places: Sequence[str]) -> Block:
    return Block("record", "\n".join(lines), anchor=_range(places[0], places[-1]))


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _lines(value: Any, path: str) -> Iterator[str]:
    """Each leaf as "path: value"."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _lines(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        if all(not isinstance(child, (dict, list)) for child in value):
            texts = ", ".join(_text(child) for child in value)
            yield from [f"{path}: {texts}" if path else texts] if texts else []
        else:
            for at, child in enumerate(value, 1):
                yield from _lines(child, f"{path} {at}".strip())
    elif _text(value):
        yield f"{path}: {_text(value)}" if path else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


# ---------------------------------------------------------------- lists of like records


def _is_table(value: Any) -> bool:
    """Several flat records that share most of their names."""
    if (
        not isinstance(value, list)
        or len(value) < 2
        or not all(isinstance(one, dict) and one for one in value)
    ):
        return False
    if any(isinstance(child, (dict, list)) for one in value for child in one.values()):
        return False
    names = _names(value)
    return 2 <= len(names) <= _COLUMNS and 2 * sum(map(len, value)) >= len(names) * len(value)


def _names(records: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in records for name in one))


def _table(records: Sequence[dict[str, Any]], pointer: str) -> Iterator[Block]:
    names = _names(records)
    rows = [[_text(one.get(name)) for name in names] for one in records]
    first = 0
    while first < len(rows):
        last = first + 1
        size = sum(map(len, rows[first]))
        while last < len(rows) and last - first < _ROWS and size + sum(map(len, rows[last])) <= _CHARACTERS:
            size += sum(map(len, rows[last]))
            last += 1
        anchor = _range(f"{pointer}/{first}", f"{pointer}/{last - 1}")
        yield table_block([names, *rows[first:last]], anchor=anchor)
        first = last
