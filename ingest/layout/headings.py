"""Which paragraphs of a document are headings, and how deep: by their type, numbers and the outline."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ingest.layout.drafts import Draft
from ingest.layout.paragraphs import ORDINAL, Paragraph
from ingest.layout.sheet import Bookmark

_LONGEST_HEADING = 200
# Words that keep their hyphen: "long-term", "self-insured".
_PREFIXES = frozenset(("full", "high", "long", "low", "mid", "self", "short", "third", "well", "year"))
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")
_NAMED = (
    re.compile(r"part\s+(?:[ivx]+|\d+)\b|第[一二三四五六七八九十\d]+[部编篇]", re.IGNORECASE),
    re.compile(
        r"(?:chapter|item|appendix|annex|schedule)\s+[\divx]+[a-z]?\b|第[一二三四五六七八九十\d]+章",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:section|article|note)\s+[\divx]+\b|第[一二三四五六七八九十\d]+[节条]|[一二三四五六七八九十]{1,3}、",
        re.IGNORECASE,
    ),
)
_UNNAMED = len(_NAMED)
_PROSE_END = tuple(".,;。，；、")


class _Look(NamedTuple):
    """How a heading looks; smaller sorts as more important."""

    size: float
    name: int
    light: bool
    small_letters: bool


class Style:
    """What all pages of a document share: the body's type size, the ranks of its headings, its words."""

    def __init__(self, drafts: Sequence[Draft], outline: Sequence[Bookmark]) -> None:
        self._outline = {(mark.page, _key(mark.title)): mark.level for mark in outline}
        sizes: Counter[float] = Counter()
        bold = total = 0
        for paragraph in (paragraph for draft in drafts for paragraph in draft.paragraphs()):
            for line in paragraph.lines:
                letters = sum(len(run.words) for run in line.runs)
                sizes[round(2 * line.size) / 2] += letters
                total += letters
                bold += letters if line.bold else 0
        self.body = sizes.most_common(1)[0][0] if sizes else 10.0
        self._bold_body = bold > 0.5 * total
        self._drafts = drafts
        looks = {
            (self._look(paragraph, draft), draft.sheet.number)
            for draft in drafts
            for paragraph in draft.paragraphs()
            if self._stands_out(paragraph, draft)
        }
        # What looks so on one page only (a cover) must not use up the few levels there are.
        pages = Counter(look for look, _ in looks)
        self._ranks = sorted(look for look, count in pages.items() if count > 1 or len(drafts) <= 3)
        self._words: set[str] | None = None

    def level(self, paragraph: Paragraph, draft: Draft) -> int:
        """The depth of a heading, 0 for a paragraph that is none."""
        if len(paragraph.lines) <= 4:
            marked = self._outline.get((draft.sheet.number, _key(paragraph.text))) if self._outline else None
            if marked:
                return min(marked, 6)
        if not self._stands_out(paragraph, draft):
            return 0
        return min(1 + bisect_left(self._ranks, self._look(paragraph, draft)), 6)

    def _stands_out(self, paragraph: Paragraph, draft: Draft) -> bool:
        if len(paragraph.lines) > 3 or paragraph.rows:
            return False
        larger = paragraph.size >= (1.35 if draft.sheet.recognized else 1.12) * self.body
        bolder = paragraph.bold and not self._bold_body
        first = paragraph.lines[0]
        if not (
            larger
            or bolder
            or first.first.text[0].isdigit()
            or any(name.match(first.text[:20]) for name in _NAMED)
        ):
            return False
        text = paragraph.text
        letters = sum(1 for char in text if char.isalpha())
        if letters < 2 or 2 * letters < len(text.replace(" ", "")) or len(text) > _LONGEST_HEADING:
            return False
        if text.startswith("(") and text.endswith(")"):
            return False
        named = (
            _name(text) < _UNNAMED or re.match(r"\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+[^\W\d_]", text) is not None
        )
        if larger or bolder:
            return not paragraph.item or named or ORDINAL.match(first.first.text) is not None
        return named and len(paragraph.lines) == 1 and len(text) <= 80 and not text.endswith(_PROSE_END)

    def _look(self, paragraph: Paragraph, draft: Draft) -> _Look:
        text = paragraph.text
        # Sizes read from pixels vary by a tenth: only clear steps count.
        size = round(2 * paragraph.size / self.body) if draft.sheet.recognized else round(paragraph.size)
        numbered = _NUMBERED.match(text)
        name = _name(text)
        if name == _UNNAMED and numbered:
            name += numbered[1].count(".")
        return _Look(-size, name, not paragraph.bold, not text.isupper())

    def keeps_hyphen(self, before: str, after: str) -> bool:
        """Was the hyphen at a line end there before the line was broken? The document is the witness."""
        if self._words is None:
            self._words = {_bare(word.text) for draft in self._drafts for word in draft.sheet.words}
        before, after = _bare(before), _bare(after)
        if before + after in self._words:
            return False
        if f"{before}-{after}" in self._words or before in _PREFIXES:
            return True
        return min(len(before), len(after)) > 3 and before in self._words and after in self._words


def _key(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _name(text: str) -> int:
    return next((rank for rank, pattern in enumerate(_NAMED) if pattern.match(text)), _UNNAMED)


def _bare(word: str) -> str:
    return word.strip("-\u00ad.,;:()\"'“”‘’").lower()
