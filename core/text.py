"""Words and sentences of English and Chinese, with their positions.

Knows nothing of vectors: hashing and weighting terms is `rag/index/sparse.py`. What is not
covered: other scripts without spaces (Thai, Japanese kana runs are treated like Chinese), and
sentence ends that only meaning shows.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import Stemmer

from core.types import Language

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
_FIRST_CJK = "\u3040"
_CJK_CHAR = re.compile(f"[{CJK}]")
_WORD_OR_CJK = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:[.,]\d+)*", re.UNICODE)
_STRIPPED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_NON_WORD = re.compile(r"[\W_]+", re.UNICODE)

# A full stop ends a sentence unless one of these stands before it.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sr",
        "jr",
        "st",
        "vs",
        "etc",
        "inc",
        "corp",
        "ltd",
        "co",
        "no",
        "nos",
        "fig",
        "figs",
        "eq",
        "al",
        "approx",
        "dept",
        "est",
        "vol",
        "ed",
        "eds",
        "pp",
        "cf",
        "ca",
        "e.g",
        "i.e",
        "u.s",
        "u.k",
        "u.s.a",
        "a.m",
        "p.m",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    ]
)
# It begins with one class of characters, so that the search skips fast to the next of them. Texts that came out of a page or a
# database often lack the space ("in significant amounts.Synthetic ligands"): there two small letters or a bracket before, and a
# capitalised word behind, make an end.
_SENTENCE_END = re.compile(
    r"[.!?。！？；\n](?:(?<=[.!?])[.!?]*[\"')\]\u201d\u2019]*(?=\s|$)|(?:(?<=[a-z]{2}\.)|(?<=[)%]\.))(?=[A-Z][a-z]*[ ,])"
    r"|(?<=[。！？；])[。！？；]*[」』”’）]*|(?<=\n)\s*\n)"
)

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "our",
        "she",
        "so",
        "such",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "you",
        "your",
        "how",
        "did",
        "do",
        "does",
        "can",
        "could",
        "would",
        "should",
        "may",
        "might",
        "than",
        "about",
        "all",
        "any",
        "also",
    ]
)


def normalize(text: str) -> str:
    """NFKC, without zero-width and bidirectional control characters."""
    if text.isascii():
        return text
    return _STRIPPED.sub("", unicodedata.normalize("NFKC", text))


def normalize_name(name: str) -> str:
    """The form under which a name is the same name: NFKC, lower case, words apart by one space."""
    return _NON_WORD.sub(" ", normalize(name).lower()).strip()


def language_of(text: str) -> Language:
    """Return "zh" when at least a fifth of the letters are Chinese characters, else "en"."""
    letters = sum(1 for char in text if char.isalpha())
    return "zh" if letters and 5 * len(_CJK_CHAR.findall(text)) >= letters else "en"


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The Snowball (Porter 2) stem of a lower-case English word; others come back unchanged."""
    # PyStemmer keeps state in the stemmer and is not safe across threads: one each call is cheap
    # beside the cache.
    return str(Stemmer.Stemmer("english", 0).stemWord(word))


def stems(words: Sequence[str]) -> list[str]:
    """As `stem`, of many at once and not remembered."""
    return list(map(str, Stemmer.Stemmer("english", 0).stemWords(list(words))))


def tokens(text: str, *, keep_stop_words: bool = False) -> list[str]:
    """Terms for matching: words lower-cased and stemmed, Chinese as characters and bigrams.

    "毛利率" gives 毛 利 率 毛利 利率. Numbers stay whole ("1,234.5").
    """
    found: list[str] = []
    for word in _WORD_OR_CJK.findall(normalize(text).lower()):
        if word >= _FIRST_CJK and _CJK_CHAR.match(word):
            found.extend(word)
            found.extend(word[i : i + 2] for i in range(len(word) - 1))
        elif keep_stop_words or word not in STOP_WORDS:
            found.append(stem(word))
    return found


_STRAY = re.compile(r"['’]s\b|['’]")


def label_terms(label: str) -> list[str]:
    """The terms by which a label is known: without "'s", and without single digits and signs."""
    return [term for term in tokens(_STRAY.sub(" ", label)) if len(term) > 1 or term.isalpha()]


@lru_cache(maxsize=4096)
def telling_term(label: str) -> str:
    """The one of its terms that tells most: with digits, else the longest; "" for none. Who says all terms of a label says it."""
    by_worth = ((any(map(str.isdigit, term)), len(term), term) for term in label_terms(label))
    return max(by_worth, default=(False, 0, ""))[2]


def clock(seconds: float) -> str:
    """A moment of a recording for people: 0:12, 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def sentences(text: str) -> list[tuple[int, int]]:
    """Positions [start, end) of the sentences of `text`, trimmed of white space, in order.

    Line breaks inside a paragraph do not end a sentence; an empty line does.
    """
    cuts = [match.end() for match in _SENTENCE_END.finditer(text) if _ends(text, match)]
    spans = []
    start = 0
    for cut in [*cuts, len(text)]:
        piece = text[start:cut].lstrip()
        if piece:
            begin = cut - len(piece)
            spans.append((begin, begin + len(piece.rstrip())))
        start = cut
    return spans


def _ends(text: str, match: re.Match[str]) -> bool:
    """False for the full stop of an abbreviation, an initial or a list number."""
    stop, end = match.span()
    if text[stop] != ".":
        return True
    word = _word_before(text, stop)
    if word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    if word.isdigit() and text[: stop - len(word)].rstrip(" ")[-1:] in ("", "\n"):
        return False
    following = _NOT_SPACE.search(text, end)
    return not (following and following.group().islower())


def _word_before(text: str, stop: int) -> str:
    """The letters, digits and full stops that end at `stop`; of a long word its end."""
    begin = max(0, stop - _LONGEST_WORD)
    word = text[max(begin, text.rfind(" ", begin, stop) + 1) : stop]
    if word.isalnum():
        return word
    mixed = _WORD_BEFORE.search(word)
    return mixed.group() if mixed else ""


_LONGEST_WORD = 24
_WORD_BEFORE = re.compile(r"[\w.]+$")
_NOT_SPACE = re.compile(r"\S")
