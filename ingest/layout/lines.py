"""Words -> runs -> lines. A run is a piece of a line without a wide space in it."""

from collections.abc import Iterable

from ingest.words import Word

_SPACE = 1.0  # of the type size: a wider gap parts two runs
FIRST_WIDE = "\u2e80"  # from here on characters are set without spaces between words


class Run:
    """Words side by side on one line without a wide space between them."""

    __slots__ = ("size", "words", "x0", "x1", "y0", "y1")

    def __init__(self, word: Word) -> None:
        self.words = [word]
        self.x0, self.y0, self.x1, self.y1 = word.box
        self.size = word.size or 0.8 * (self.y1 - self.y0)


def runs_of(words: Iterable[Word]) -> list[Run]:
    """Runs in the order of the file: whoever wrote it wrote the words of a line one after another."""
    runs: list[Run] = []
    run: Run | None = None
    x1 = y0 = y1 = height = 0.0
    for word in words:
        left, top, right, bottom = word.box
        own = bottom - top
        smaller = own if own < height else height  # noqa: FURB136 half the time of min(), at each word
        overlap = (bottom if bottom < y1 else y1) - (top if top > y0 else y0)  # noqa: FURB136
        if run is None or overlap <= 0.5 * smaller or not -0.5 * smaller < left - x1 < _SPACE * run.size:
            run = Run(word)
            runs.append(run)
            x1, y0, y1, height = right, top, bottom, own
            continue
        run.words.append(word)
        if right > x1:
            run.x1 = x1 = right
        if top < run.y0:
            run.y0 = top
        if bottom > run.y1:
            run.y1 = bottom
        if word.size > run.size:
            run.size = word.size
        # The line goes on where its tall words are: a superscript must not carry it upwards.
        if own >= 0.8 * height:
            y0, y1, height = top, bottom, own
    return runs


class Line:
    """What is printed on one line of one column, left to right; `runs` stand apart."""

    __slots__ = ("bold", "runs", "size", "x0", "x1", "y0", "y1")

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.x0, self.x1 = runs[0].x0, max(run.x1 for run in runs)
        self.y0, self.y1 = min(run.y0 for run in runs), max(run.y1 for run in runs)
        self.size = max(run.size for run in runs)
        self.bold = all(word.bold for run in runs for word in run.words if word.text[0].isalnum())

    @property
    def first(self) -> Word:
        return self.runs[0].words[0]

    @property
    def last(self) -> Word:
        return self.runs[-1].words[-1]

    @property
    def words(self) -> list[Word]:
        return (
            self.runs[0].words if len(self.runs) == 1 else [word for run in self.runs for word in run.words]
        )

    @property
    def text(self) -> str:
        return plain(self.words)


def lines_of(runs: Iterable[Run]) -> list[Line]:
    """Lines from top to bottom, each from left to right."""
    return [Line(_joined(row)) for row in rows_of(runs)]


def rows_of(runs: Iterable[Run]) -> list[list[Run]]:
    rows: list[list[Run]] = []
    middle = height = 0.0
    for run in sorted(runs, key=lambda run: run.y0 + run.y1):
        own = run.y1 - run.y0
        if not rows or (run.y0 + run.y1) / 2 - middle > 0.45 * min(own, height):
            rows.append([])
            height = 0.0
        rows[-1].append(run)
        if own > height:
            middle, height = (run.y0 + run.y1) / 2, own
    for row in rows:
        row.sort(key=lambda run: run.x0)
    return rows


def _joined(runs: list[Run]) -> list[Run]:
    """Neighbours without a wide space become one run: some files write a line in any order."""
    joined = runs[:1]
    for run in runs[1:]:
        if run.x0 - joined[-1].x1 < _SPACE * max(joined[-1].size, run.size):
            joined[-1:] = runs_of([*joined[-1].words, *run.words])
        else:
            joined.append(run)
    return joined


def apart(left: Word, right: Word) -> bool:
    """Does a space belong between two neighbours? Chinese has one only where it is printed wide."""
    if left.text[-1] < FIRST_WIDE and right.text[0] < FIRST_WIDE:
        return True
    size = max(left.size, right.size) or 0.8 * left.box.height
    return right.box.x0 - left.box.x1 > 0.3 * size


def plain(words: Iterable[Word]) -> str:
    pieces: list[str] = []
    last: Word | None = None
    for word in words:
        if last is not None and apart(last, word):
            pieces.append(" ")
        pieces.append(word.text)
        last = word
    return "".join(pieces)
