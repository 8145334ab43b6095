"""Bar charts with printed values, questions about them, and sources to copy cited answers from.

Everything is drawn from a `random.Random`, so a seed gives the same charts for ever. Knows nothing
of models. "Grew fastest" means the largest increase over the bar before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 128, 96  # pixels of an image
QUARTERS = ("Q1", "Q2", "Q3", "Q4")
LETTERS = ("A", "B", "C", "D", "E", "F")

Task = Literal["count", "value", "highest", "lowest", "growth", "list"]
TASKS: tuple[Task, ...] = ("count", "value", "highest", "lowest", "growth", "list")


@dataclass(frozen=True, slots=True)
class Printed:
    """A character on the image: its code and the pixel of its centre."""

    char: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    labels: tuple[str, ...]
    values: tuple[int, ...]
    image: Image.Image
    printed: tuple[Printed, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` may show its working first; what counts is `result`, the words after the last colon."""

    task: Task | Literal["copy"]
    text: str
    answer: str

    @property
    def result(self) -> str:
        return result_of(self.answer)


def result_of(answer: str) -> str:
    return answer.rpartition(":")[2].strip()


# ---------------------------------------------------------------- charts


def draw_chart(random: Random) -> Chart:
    """3 to 6 bars with values from 10 to 99, random margins, widths, greys and value order."""
    count = random.randint(3, 6)
    labels = QUARTERS[:count] if count <= len(QUARTERS) and random.random() < 0.75 else LETTERS[:count]
    values = _values(random, count)
    font = ImageFont.load_default_imagefont()
    paper = random.randint(225, 255)
    image = Image.new("RGB", (WIDTH, HEIGHT), (paper, paper, paper))
    draw = ImageDraw.Draw(image)
    left, right = random.randint(2, 10), WIDTH - random.randint(2, 10)
    base = HEIGHT - random.randint(14, 18)
    top = random.randint(14, 22)
    pitch = (right - left) / count
    width = pitch * random.uniform(0.5, 0.8)
    shade = _shade(random)
    printed: list[Printed] = []
    draw.line((left, base, right, base), fill=(0, 0, 0))
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        centre = left + (index + 0.5) * pitch
        height = (base - top) * value / 100
        draw.rectangle((centre - width / 2, base - height, centre + width / 2, base), fill=shade)
        printed += _print(draw, font, str(value), centre, base - height - 12)
        printed += _print(draw, font, label, centre, base + 2)
    return Chart(labels, values, image, tuple(printed))


def _values(random: Random, count: int) -> tuple[int, ...]:
    """Distinct values whose largest increase is unique by at least 3, and there is an increase."""
    while True:
        values = random.sample(range(10, 100), count)
        rises = sorted(after - before for before, after in pairwise(values))
        if rises[-1] > 0 and rises[-1] - rises[-2] >= 3:
            return tuple(values)


def _shade(random: Random) -> tuple[int, int, int]:
    return (random.randint(40, 190), random.randint(40, 190), random.randint(40, 190))


def _print(
    draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont, text: str, centre: float, top: float
) -> Iterator[Printed]:
    """Writes `text` centred; the bitmap font is 6 pixels wide and 11 high."""
    x, y = round(centre - 3 * len(text)), round(top)
    draw.text((x, y), text, fill=(0, 0, 0), font=font)
    for index, char in enumerate(text):
        yield Printed(char, x + 6 * index + 3, y + 5.5)


def ask(chart: Chart, task: Task, random: Random) -> Question:
    values, labels = chart.values, chart.labels
    match task:
        case "count":
            return Question(task, "How many bars?", str(len(values)))
        case "value":
            index = random.randrange(len(values))
            return Question(task, f"What is the value of {labels[index]}?", str(values[index]))
        case "highest":
            return Question(task, "Which is highest?", labels[values.index(max(values))])
        case "lowest":
            return Question(task, "Which is lowest?", labels[values.index(min(values))])
        case "growth":
            return Question(task, "Which grew fastest?", _growth(chart))
        case "list":
            return Question(task, "List all values.", " ".join(map(str, values)))


def _growth(chart: Chart) -> str:
    """The working: each value with its increase over the one before, then the label."""
    steps = [str(chart.values[0])]
    rises = []
    for before, after in pairwise(chart.values):
        rises.append(after - before)
        steps.append(f"{after} {after - before:+d}")
    return " ".join(steps) + ": " + chart.labels[rises.index(max(rises)) + 1]


# ---------------------------------------------------------------- sources to copy from

_FIRMS = ("Alba", "Boreal", "Cairn", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Indigo", "Juniper")
_METRICS = ("revenue", "profit", "margin", "debt", "cash", "costs")


def draw_sources(random: Random, count: int) -> tuple[str, tuple[Question, ...]]:
    """Numbered sources as the prompt shows them, and a question about each of them."""
    pairs = random.sample([(firm, metric) for firm in _FIRMS for metric in _METRICS], count)
    lines, questions = [], []
    for number, (firm, metric) in enumerate(pairs, start=1):
        value = random.randint(100, 999)
        lines.append(f"[S{number}] {firm} {metric} was {value}.")
        questions.append(Question("copy", f"What was {firm} {metric}?", f"{value} [S{number}]"))
    return "\n".join(lines), tuple(questions)
