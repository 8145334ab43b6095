"""OCR: pictures and scans with a known text, through the reader that serves users.

The folder holds pictures or PDFs and their texts: `ocr_set.json` (a list of `img`, `text`, optionally
`kind`), and NAME.txt beside NAME.png and the like. What is read is the text of a document's blocks in
their order, as the index gets it. Compared are

    word_accuracy      words of the truth that were read, in any order; each Chinese character is a word
    number_accuracy    the same of numbers, digit for digit with their signs
    order_similarity   1 - edit distance / length, over all characters but blanks: order counts

each over the whole set (all words, all numbers), `order_similarity` as the mean of the files. A truth
may end before its page does: what was read behind its end costs nothing.
"""

import argparse
import json
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from bench.report import Report, mean
from core.text import CJK
from core.types import Content
from ingest.limits import Limits
from ingest.readers import REGISTRY, detect

_SET = "ocr_set.json"
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".pdf")
_WORD = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:[.,'\-/][^\W_{CJK}]+)*")
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?%?")
_SAME = str.maketrans("‘’“”–—−‐‑•|", "''\"\"-----· ")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show", action="store_true", help="the words and numbers that were not read")


@dataclass(frozen=True, slots=True)
class Truth:
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    words: tuple[int, int]  # found, wanted
    numbers: tuple[int, int]
    order: float
    pages: int
    cpu_seconds: float


def run(options: argparse.Namespace) -> Report:
    truths = list(truths_of(options.data))[: options.limit]
    if not truths:
        raise ValueError(f"{options.data} holds neither {_SET} nor pictures with a text beside them")
    scores = [score(truth, show=options.show) for truth in truths]
    return Report(
        bench="ocr",
        data=options.data.resolve().name,
        metrics={
            "files": len(scores),
            "pages": sum(one.pages for one in scores),
            "word_accuracy": _share([one.words for one in scores]),
            "number_accuracy": _share([one.numbers for one in scores]),
            "order_similarity": mean([one.order for one in scores]),
            "lowest_order_similarity": min(one.order for one in scores),
            "cpu_seconds_per_page": sum(one.cpu_seconds for one in scores) / sum(one.pages for one in scores),
        },
    )


def truths_of(folder: Path) -> Iterator[Truth]:
    """Raises ValueError for a list that names a file which is not there."""
    listed = folder / _SET
    for entry in json.loads(listed.read_text("utf-8")) if listed.exists() else []:
        path = folder / entry["img"]
        if not path.is_file():
            raise ValueError(f"{listed} names {entry['img']!r}, which is not there")
        yield Truth(path, entry["text"])
    for text in sorted(folder.glob("*.txt")):
        for path in sorted(folder.glob(f"{text.stem}.*")):
            if path.suffix.lower() in _PICTURES:
                yield Truth(path, text.read_text("utf-8"))


def score(truth: Truth, *, show: bool) -> Score:
    began = time.process_time()
    content = read(truth.path)
    cpu = time.process_time() - began
    found, wanted = plain(text_of(content)), plain(truth.text)
    one = Score(
        _found(_WORD, found, wanted),
        _found(_NUMBER, found, wanted),
        similarity("".join(found.split()), "".join(wanted.split())),
        len(content.pages),
        cpu,
    )
    print(
        f"{truth.path.name}: words {one.words[0]}/{one.words[1]}, numbers {one.numbers[0]}/{one.numbers[1]}, "
        f"order {one.order:.4f}, {cpu:.1f} CPU s",
        file=sys.stderr,
    )
    if show:
        missing = Counter(_WORD.findall(wanted)) - Counter(_WORD.findall(found))
        extra = Counter(_WORD.findall(found)) - Counter(_WORD.findall(wanted))
        print(f"  missing {sorted(missing)}\n  instead {sorted(extra)}", file=sys.stderr)
    return one


def read(path: Path) -> Content:
    limits = Limits()
    reader = REGISTRY[detect(path, path.name)].reader(limits)
    return reader(path, lambda image: sha256(image).hexdigest())


def text_of(content: Content) -> str:
    return "\n".join(block.text for page in content.pages for block in page.blocks)


def plain(text: str) -> str:
    """NFKC, one form of quotes and dashes, no bars of tables; a hyphen between letters is as good as none,

    since nobody can tell the one that a line's end made from the one of the word.
    """
    unified = unicodedata.normalize("NFKC", text).translate(_SAME)
    return re.sub(r"(?<=[^\W\d_])[-~]+\s*(?=[^\W\d_])", "", unified)


def similarity(found: str, wanted: str) -> float:
    """1 - edit distance / the longer length, of `wanted` and the start of `found` that is nearest to it.

    The distance is Levenshtein's, a row at a time (Wagner and Fischer 1974).
    """
    codes = np.array([ord(char) for char in wanted])
    steps = np.arange(len(wanted) + 1)
    row = steps.copy()
    best = 1.0 - row[-1] / max(1, len(wanted))
    for number, char in enumerate(found, 1):
        changed = np.minimum(row[:-1] + (codes != ord(char)), row[1:] + 1)
        following = np.concatenate([[number], changed])
        # what is left out of `wanted` on the way: each step to the right costs one
        row = np.minimum.accumulate(following - steps) + steps
        best = max(best, 1.0 - row[-1] / max(number, len(wanted)))
    return float(best)


def _found(pattern: re.Pattern[str], found: str, wanted: str) -> tuple[int, int]:
    expected = Counter(pattern.findall(wanted))
    return (expected & Counter(pattern.findall(found))).total(), expected.total()


def _share(counts: Sequence[tuple[int, int]]) -> float:
    wanted = sum(total for _, total in counts)
    return sum(found for found, _ in counts) / wanted if wanted else 1.0
