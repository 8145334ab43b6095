"""What batching, caches and telemetry are worth, as ratios of CPU time measured in turns within one run.

`prefix_reuse`: a second question on 6 images and 40 sources, plain over reused. `microbatch`: 16 image
questions one at a time over all at once. `vision_cache`: the first over the second question on the
same images. `telemetry_overhead`: share of CPU time that watching experts adds. `expert_distance`: Jensen-Shannon distance
of the expert loads of counting and reading values, over that of halves of the same task.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from bench.miniature import add_model_option, message
from bench.report import Report, mean

if TYPE_CHECKING:
    from rag.vl.local import ChatSparseVL
    from rag.vl.miniature.charts import Chart

ROUNDS = 8
QUESTIONS = 300  # of each task, for the expert distance
IMAGES, SOURCES, TOGETHER = 6, 40, 16
SHORT = 8  # tokens: answers about charts are short


def add_options(parser: argparse.ArgumentParser) -> None:
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each comparison")


def run(options: argparse.Namespace) -> Report:
    import torch

    from rag.vl.engine import Options
    from rag.vl.local import open_chat

    torch.set_num_threads(1)
    questions = options.limit or QUESTIONS
    with open_chat(options.model, Options(), max_tokens=SHORT) as chat:
        metrics = {
            "prefix_reuse": prefix_reuse(chat, options.rounds),
            "microbatch": microbatch(chat, options.rounds),
            "vision_cache": vision_cache(chat, options.rounds),
            "telemetry_overhead": telemetry_overhead(chat, options.rounds),
        }
        dtype = str(chat.batcher.engine.model.dtype).removeprefix("torch.")
    with open_chat(options.model, Options(watch_experts=True), max_tokens=SHORT) as chat:
        metrics["expert_distance"] = expert_distance(chat, questions)
    return Report(
        bench="vl",
        data=options.model.resolve().name,
        metrics=metrics,
        settings={"dtype": dtype, "rounds": options.rounds, "questions": questions, "threads": 1},
    )


# ---------------------------------------------------------------- caches and batches


def prefix_reuse(chat: "ChatSparseVL", rounds: int) -> float:
    """Each turn asks twice about new evidence, once with the shared part marked; the second questions count."""
    from rag.vl.miniature.charts import draw_sources

    random = Random(1)
    plain: list[float] = []
    reused: list[float] = []
    for _ in range(rounds):
        images = [chart.image for chart in charts(random, IMAGES)]
        sources = draw_sources(random, SOURCES)[0] + "\n"
        for found, first, second in (
            (
                plain,
                message(sources + "How many bars?", *images),
                message(sources + "Which is highest?", *images),
            ),
            (
                reused,
                message("How many bars?", *images, shared=sources),
                message("Which is highest?", *images, shared=sources),
            ),
        ):
            chat.batcher.engine.forget_images()  # else the first of the two would warm the vision cache of the second
            chat.invoke(first)
            if found is plain:
                chat.batcher.engine.forget_images()  # the plain path computes all of its evidence again
            found.append(cpu(partial(chat.invoke, second)))
    return min(plain) / min(reused)


def microbatch(chat: "ChatSparseVL", rounds: int) -> float:
    single: list[float] = []
    batched: list[float] = []
    random = Random(2)
    for _ in range(rounds):
        asked: list[list[Any]] = [
            [message("How many bars?", chart.image) for chart in charts(random, TOGETHER)] for _ in range(2)
        ]
        single.append(cpu(partial(one_by_one, chat, asked[0])))
        batched.append(cpu(partial(chat.batch, asked[1], {"max_concurrency": TOGETHER})))
    return min(single) / min(batched)


def one_by_one(chat: "ChatSparseVL", questions: list[Any]) -> None:
    for question in questions:
        chat.invoke(question)


def vision_cache(chat: "ChatSparseVL", rounds: int) -> float:
    first: list[float] = []
    second: list[float] = []
    random = Random(3)
    for _ in range(rounds):
        images = [chart.image for chart in charts(random, IMAGES)]
        first.append(cpu(partial(chat.invoke, message("How many bars?", *images))))
        second.append(cpu(partial(chat.invoke, message("Which is highest?", *images))))
    return min(first) / min(second)


def telemetry_overhead(chat: "ChatSparseVL", rounds: int) -> float:
    """Watched and unwatched generations take turns on one engine; the fastest are compared."""
    from rag.vl.experts import ExpertWatch

    engine = chat.batcher.engine
    off: list[float] = []
    on: list[float] = []
    (chart,) = charts(Random(4), 1)
    asked = message("List all values.", chart.image)
    chat.invoke(asked)
    for _ in range(rounds * 8):
        off.append(cpu(partial(chat.invoke, asked)))
        engine.watch = ExpertWatch(engine.model, engine.folder.experts)
        on.append(cpu(partial(chat.invoke, asked)))
        engine.watch.close()
        engine.watch = None
    return max(0.0, min(on) / min(off) - 1)


# ---------------------------------------------------------------- experts by task


def expert_distance(chat: "ChatSparseVL", questions: int) -> float:
    """Loads of the positions that make the answers, on fresh charts for each half of each task."""
    from rag.vl.experts import distance

    random = Random(5)
    count = [load(chat, "count", questions // 2, random) for _ in range(2)]
    value = [load(chat, "value", questions // 2, random) for _ in range(2)]
    across = mean([distance(one, other) for one in count for other in value])
    within = mean([distance(*count), distance(*value)])
    return across / within


def load(chat: "ChatSparseVL", task: str, questions: int, random: Random) -> Any:
    from rag.vl.miniature.charts import ask

    drawn = charts(random, questions)
    asked: list[Any] = [message(ask(chart, task, random).text, chart.image) for chart in drawn]  # type: ignore[arg-type]
    watch = chat.batcher.engine.watch
    assert watch is not None
    before = watch.sums("answer")
    chat.batch(asked, {"max_concurrency": TOGETHER})
    return watch.sums("answer") - before


# ---------------------------------------------------------------- shared


def charts(random: Random, count: int) -> "list[Chart]":
    from rag.vl.miniature.charts import draw_chart

    return [draw_chart(random) for _ in range(count)]


def cpu(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began
