"""What asking the model more often costs, and what it is worth: one point of the curve for each policy.

Charts (as pictures) and notes (as text) are taken in, each for a tenant of its own, and the same questions
are asked under each value of `SIGHTLINE_MODEL_POLICY`, and without a model: counting, highest, lowest and a
value of a chart, a fact and a comparison of a note. Costs are what the answers themselves state, and the CPU time of
this process. An answer is right if its first number, or label, is the result; a comparison, if both figures are in it.
The default model is the miniature, which reads charts and hardly any text: its curve says what the
policies do, not what a model of full size would gain.
"""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from api.assemble import Sightline, open_sightline
from api.service import Here
from bench.miniature import add_model_option
from bench.report import Report, mean
from core.settings import Settings
from core.types import Access, Answer
from rag.policy import POLICIES

if TYPE_CHECKING:
    from rag.vl.miniature.charts import Question as Drawn

DOCUMENTS = 12  # of them every third a note, the others charts
TASKS = ("count", "highest", "lowest", "value")
TOKENS = 48
SOURCES = 4
WITHOUT = "without"  # a model

_LABELS = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Asked:
    """`results`: what must be in the answer; of `choices` the first that is named must be the result."""

    tenant: str
    text: str
    results: tuple[str, ...]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    right: bool
    refused: bool
    asked_model: bool
    flops: int
    cpu_seconds: float


def add_options(parser: argparse.ArgumentParser) -> None:
    add_model_option(parser)
    parser.add_argument("--seed", type=int, default=71_000_078, help="of charts and notes")


def run(options: argparse.Namespace) -> Report:
    count = options.limit or DOCUMENTS
    with TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder) / "state"
        with open_sightline(Settings(state=state)) as sightline:
            asked = taken_in(sightline, Path(folder), count, Random(options.seed))
            points = {WITHOUT: outcomes(sightline, asked)}
        for policy in POLICIES:
            settings = Settings(
                state=state, model=str(options.model), model_policy=policy, model_images=1, model_max_tokens=TOKENS
            )  # fmt: skip
            with open_sightline(settings) as sightline:
                points[policy] = outcomes(sightline, asked)
    curve = {policy: figures(found) for policy, found in points.items()}
    show_curve(curve)
    return Report(
        bench="policy",
        data=options.model.resolve().name,
        metrics={
            f"{policy}_{name}": value for policy, found in curve.items() for name, value in found.items()
        },
        settings={"documents": count, "questions": len(asked), "seed": options.seed},
    )


# ---------------------------------------------------------------- documents and questions


def taken_in(sightline: Sightline, folder: Path, count: int, random: Random) -> list[Asked]:
    from rag.vl.miniature.charts import ask, draw_chart, draw_sources

    asked: list[Asked] = []
    for number in range(count):
        tenant = f"tenant{number}"
        if number % 3 == 2:
            text, questions = draw_sources(random, SOURCES)
            path = folder / f"note{number}.txt"
            path.write_text(_LABELS.sub("", text), "utf-8")
            asked += _about_note(tenant, questions)
        else:
            chart = draw_chart(random)
            path = folder / f"chart{number}.png"
            chart.image.save(path)
            for task in TASKS:
                question = ask(chart, task, random)  # type: ignore[arg-type]
                choices = chart.labels if question.result in chart.labels else ()
                asked.append(Asked(tenant, question.text, (question.result,), choices))
        service = Here(sightline, Access(tenant))
        list(service.follow({service.accept(path).id}, lambda _file: None))
    return asked


def _about_note(tenant: str, questions: "Sequence[Drawn]") -> list[Asked]:
    """One fact, one comparison."""
    values = [_LABELS.sub("", question.answer).strip() for question in questions]
    names = [question.text.removeprefix("What was ").rstrip("?") for question in questions]
    compared = f"Which is higher, {names[1]} or {names[2]}?"
    return [
        Asked(tenant, questions[0].text, (values[0],)),
        Asked(tenant, compared, (values[1], values[2])),
    ]


def outcomes(sightline: Sightline, asked: Sequence[Asked]) -> list[Outcome]:
    """The first question is asked twice: its model is loaded, and its encoder warm, when it counts."""
    sightline.assistant.answer(asked[0].text, access=Access(asked[0].tenant))
    found = []
    for question in asked:
        began = time.process_time()
        answer = sightline.assistant.answer(question.text, access=Access(question.tenant))
        seconds = time.process_time() - began
        found.append(
            Outcome(
                is_right(answer, question), answer.status == "not_found", bool(answer.cost.model), answer.cost.flops,
                seconds,
            )
        )  # fmt: skip
    return found


def is_right(answer: Answer, asked: Asked) -> bool:
    if answer.status == "not_found":
        return False
    words = re.findall(r"\w+", _LABELS.sub(" ", answer.text))
    if len(asked.results) > 1:
        return set(asked.results) <= set(words)
    choices = [word for word in words if (word in asked.choices if asked.choices else word.isdecimal())]
    return choices[:1] == list(asked.results)


# ---------------------------------------------------------------- the curve


def figures(found: Sequence[Outcome]) -> dict[str, float]:
    return {
        "right": mean([one.right for one in found]),
        "refused": mean([one.refused for one in found]),
        "asked_model": mean([one.asked_model for one in found]),
        "gflop_per_question": mean([one.flops for one in found]) / 1e9,
        "cpu_ms_per_question": mean([one.cpu_seconds for one in found]) * 1e3,
    }


def show_curve(curve: dict[str, dict[str, float]]) -> None:
    table = Table(title="cost and quality by policy", title_justify="left")
    table.add_column("policy")
    for name in curve[WITHOUT]:
        table.add_column(name.replace("_", " "), justify="right")
    for policy, found in curve.items():
        table.add_row(policy, *(f"{value:,.3g}" for value in found.values()))
    Console().print(table)
