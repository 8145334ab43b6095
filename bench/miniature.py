"""Right answers on charts that were never drawn before: one question in each conversation, exact results.

Growth shows its working; what counts is the label behind the last colon. Questions are answered in
batches, as concurrent callers are. The charts come from a seed that training does not reach.
"""

import argparse
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from bench.report import Report, mean

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from PIL import Image

    from rag.vl.local import ChatSparseVL

MODEL = Path(__file__).parents[1] / "tests" / "fixtures" / "miniature"
CHARTS = 200
TASKS = ("count", "value", "highest", "lowest", "growth", "list", "copy")
TOKENS = 64


def add_options(parser: argparse.ArgumentParser) -> None:
    add_model_option(parser)
    parser.add_argument("--seed", type=int, default=71_000_077, help="of the charts")


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=MODEL, metavar="FOLDER", help="default: the miniature")


def run(options: argparse.Namespace) -> Report:
    import torch

    from rag.vl.engine import Options
    from rag.vl.local import open_chat

    torch.set_num_threads(1)
    count = options.limit or CHARTS
    random = Random(options.seed)
    with open_chat(options.model, Options(), max_tokens=TOKENS) as chat:
        right = {task: mean(rights(chat, task, count, random)) for task in TASKS}
        dtype = str(chat.batcher.engine.model.dtype).removeprefix("torch.")
    return Report(
        bench="miniature",
        data=options.model.resolve().name,
        metrics=right,
        settings={"charts": count, "seed": options.seed, "dtype": dtype},
    )


def rights(chat: "ChatSparseVL", task: str, count: int, random: Random) -> list[float]:
    from rag.vl.miniature.charts import Question, ask, draw_chart, draw_sources, result_of

    questions: list[Question] = []
    messages: list[Any] = []
    for _ in range(count):
        if task == "copy":
            sources, asked = draw_sources(random, random.randint(2, 6))
            questions.append(random.choice(asked))
            messages.append(message(f"{sources}\n{questions[-1].text}"))
        else:
            chart = draw_chart(random)
            questions.append(ask(chart, task, random))  # type: ignore[arg-type]
            messages.append(message(questions[-1].text, chart.image))
    answers = chat.batch(messages, {"max_concurrency": 16})
    return [
        float(result_of(str(answer.content)) == question.result)
        for answer, question in zip(answers, questions, strict=True)
    ]


def message(text: str, *images: "Image.Image", shared: str = "") -> "list[BaseMessage]":
    """One user message: images, what other questions share, the question."""
    from langchain_core.messages import HumanMessage

    parts: list[str | dict[str, object]] = [{"type": "image", "image": image} for image in images]
    if shared:
        parts.append({"type": "text", "text": shared, "cache_control": {"type": "ephemeral"}})
    return [HumanMessage([*parts, {"type": "text", "text": text}])]
