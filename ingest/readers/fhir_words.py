"""FHIR's data types as words: a quantity, a concept, a name, a period; and any JSON as lines.

Takes values of every version, and single values where the standard has lists.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]

_MOST_LINES = 200  # of one resource that are walked as plain JSON
_QUIET = frozenset({"system", "userSelected", "use", "extension", "id", "url"})


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def words(value: Any, *, codes: bool = True) -> str:
    """Any value of FHIR in one line; `codes` adds the codes of a concept behind its name."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(said for one in value if (said := words(one, codes=codes)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, dict):
        return " ".join(str(value).split())
    if "coding" in value or set(value) == {"text"}:
        return _concept(value, codes=codes)
    if "reference" in value:
        return _joined(value.get("display"), value["reference"])
    if "start" in value or "end" in value:
        return f"{value.get('start', '…')} to {value.get('end', '…')}"
    if "family" in value or "given" in value:
        return name_of(value)
    if "numerator" in value:
        return f"{words(value['numerator'])} / {words(value.get('denominator'))}"
    if "low" in value or "high" in value:
        return f"{words(value.get('low'))} to {words(value.get('high'))}"
    if "value" in value and not isinstance(value["value"], dict | list):
        return quantity(value)
    if "code" in value and set(value) <= {"code", "display", "system", "version", "userSelected"}:
        return _joined(value.get("display"), value["code"] if codes else "")
    if isinstance(value.get("text"), str):
        return " ".join(value["text"].split())
    return "; ".join(plain_lines(value))


def quantity(value: Resource) -> str:
    """As "< 5 mg/L"; of an identifier or a telecom its value."""
    unit = value.get("unit") or value.get("units") or ("" if value.get("type") else value.get("code")) or ""
    parts = (value.get("comparator"), value.get("value"), unit)
    return " ".join(str(part) for part in parts if part not in (None, ""))


def name_of(value: Any) -> str:
    """A person's name, or what else has one."""
    if not isinstance(value, dict):
        return words(value)
    if "family" in value or "given" in value:
        parts = [*as_list(value.get("given")), *as_list(value.get("family"))]
        return " ".join(str(part) for part in parts) or str(value.get("text") or "")
    return words(value, codes=False)


def _concept(value: Resource, *, codes: bool) -> str:
    """As "Sodium (2951-2)": the text or the first display, and the codes."""
    codings = [one for one in as_list(value.get("coding")) if isinstance(one, dict)]
    displays = [str(one["display"]) for one in codings if one.get("display")]
    name = str(value.get("text") or (displays[0] if displays else ""))
    numbers = [str(one["code"]) for one in codings if one.get("code")]
    if not name:
        return ", ".join(numbers)
    others = [other for other in dict.fromkeys(displays) if other.lower() != name.lower()]
    return " ".join([name, f"({', '.join([*others, *numbers])})"]) if codes and (others or numbers) else name


def _joined(name: Any, code: Any) -> str:
    return f"{name} ({code})" if name and code else str(name or code or "")


def plain_lines(value: Any, path: str = "") -> Iterator[str]:
    """Any JSON, a line for each of its leaves: "dosage.text: 1 tablet"."""
    for number, line in enumerate(_walk(value, path)):
        if number == _MOST_LINES:
            yield f"… and more, {len(json.dumps(value, default=str)):,} characters in all"
            return
        yield line


def _walk(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        if "coding" in value or "reference" in value:
            yield f"{path}: {words(value)}"
            return
        for key, inner in value.items():
            if key not in _QUIET or not path:
                yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path)
    elif value not in (None, ""):
        said = words(value) if not isinstance(value, Decimal) else str(value)
        yield f"{path}: {said}" if path else said
