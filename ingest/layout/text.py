"""Words of lines -> one text, with a span for each word."""

from collections.abc import Sequence
from typing import NamedTuple

from core.types import Span
from ingest.layout.lines import FIRST_WIDE, apart
from ingest.words import Word

JOINED = "-"  # between two lines: the hyphen at the line end goes, the word is one


class Text(NamedTuple):
    text: str
    spans: tuple[Span, ...]


def assemble(lines: Sequence[Sequence[Word]], between: Sequence[str], page: int) -> Text:
    """The text of lines; `between[i]` stands after line i: a space, a line break, nothing, or `JOINED`."""
    pieces: list[str] = []
    spans: list[Span] = []
    at = 0
    for number, line in enumerate(lines):
        if number:
            gap = between[number - 1]
            if gap == JOINED:
                pieces[-1] = pieces[-1][:-1]
                start, end, _, box = spans[-1]
                spans[-1] = Span(start, end - 1, page, box)
                at -= 1
            elif gap == "\n" or (gap and _parts(lines[number - 1], line[0])):
                pieces.append(gap)
                at += 1
        last: Word | None = None
        for word in line:
            text = word.text
            if last is not None and (
                (text[0] < FIRST_WIDE and last.text[-1] < FIRST_WIDE) or apart(last, word)
            ):
                pieces.append(" ")
                at += 1
            pieces.append(text)
            end = at + len(text)
            spans.append(Span(at, end, page, word.box))
            at = end
            last = word
    return Text("".join(pieces), tuple(spans))


def _parts(line: Sequence[Word], first: Word) -> bool:
    """Does the end of `line` part two words? Chinese lines end anywhere, even within a number."""
    if line[-1].text[-1] >= FIRST_WIDE or first.text[0] >= FIRST_WIDE:
        return False
    within_number = line[-1].text[-1].isdigit() and first.text[0].isdigit()
    return not (within_number and any(word.text[-1] >= FIRST_WIDE for word in line))
