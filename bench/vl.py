"""What batching, caches and telemetry are worth, as ratios of CPU time measured in turns within one run.

`prefix_reuse`: a second question on 6 images and 40 sources, plain over reused. `microbatch`: 16 image
questions one at a time over all at once, `TOKENS` tokens of answer each. `vision_cache`: the first over the
second question on the same page image, to the first word, with all that is kept of an image;
`vision_features`: the same with its features alone. `telemetry_overhead`: share of CPU time that watching experts adds. These compute what a model of
the true architecture computes, so they are measured on one with random weights (`SHAPE`) and once more, as
`*_miniature`, on the trained miniature, whose arithmetic is so small that the interpreter around it decides.
`expert_distance`: Jensen-Shannon distance of the expert loads of counting and reading values, over that of
halves of the same task; it needs a trained model. A figure is the median over the turns.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.miniature import add_model_option, message
from bench.report import Report, mean

if TYPE_CHECKING:
    from rag.vl.local import ChatSparseVL
    from rag.vl.miniature.charts import Chart

ROUNDS = 8
QUESTIONS = 300  # of each task, for the expert distance
IMAGES, SOURCES, TOGETHER = 6, 40, 16
TOKENS = 16  # of an answer: a short sentence
FIRST = 2  # tokens of an answer where a cache is measured: it saves time before the first word
PAGE = (512, 384)  # pixels of a page image: 768 tokens

# Qwen3-VL-30B-A3B at a quarter of its width and a sixteenth of its depth; of its 128 experts 8, of ours 4 of 64 are active.
# Its image tower is at a sixth of the width and one layer deep, since mergers do not shrink with the depth: so the tower
# computes 7.9 MFLOP for an image token and the text model 11.6 for any token, in proportion as there (4.3 and 6.1 GFLOP).
SHAPE: dict[str, dict[str, Any]] = {
    "text_config": {
        "hidden_size": 512, "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 2,
        "head_dim": 64, "moe_intermediate_size": 192, "num_experts": 64, "num_local_experts": 64,
        "num_experts_per_tok": 4, "max_position_embeddings": 32_768,
    },
    "vision_config": {
        "depth": 1, "hidden_size": 192, "intermediate_size": 717, "num_heads": 4, "out_hidden_size": 512,
        "deepstack_visual_indexes": [0],
    },
}  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each comparison")


def run(options: argparse.Namespace) -> Report:
    import torch

    from rag.vl.engine import Options
    from rag.vl.local import open_chat

    torch.set_num_threads(1)
    questions = options.limit or QUESTIONS
    with larger_model(options.model) as folder, open_chat(folder, Options(), max_tokens=TOKENS) as chat:
        metrics = ratios(chat, options.rounds)
        parameters = sum(tensor.numel() for tensor in chat.batcher.engine.model.parameters())
    with open_chat(options.model, Options(), max_tokens=TOKENS) as chat:
        metrics |= {f"{name}_miniature": value for name, value in ratios(chat, options.rounds).items()}
        dtype = str(chat.batcher.engine.model.dtype).removeprefix("torch.")
    with open_chat(options.model, Options(watch_experts=True), max_tokens=TOKENS) as chat:
        metrics["expert_distance"] = expert_distance(chat, questions)
    return Report(
        bench="vl",
        data=options.model.resolve().name,
        metrics=metrics,
        settings={
            "ratios_on": f"random weights of the true architecture, {parameters:,} parameters",
            "expert_distance_on": options.model.resolve().name,
            "dtype": dtype, "answer_tokens": TOKENS, "rounds": options.rounds, "questions": questions, "threads": 1,
        },
    )  # fmt: skip


@contextmanager
def larger_model(small: Path) -> Iterator[Path]:
    """A folder with the processor and the classes of `small`, and random weights in `SHAPE`."""
    import torch

    from rag.torch_compat import make_torchvision_importable

    make_torchvision_importable()
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    config = AutoConfig.from_pretrained(small)
    for part, values in SHAPE.items():
        for name, value in values.items():
            setattr(getattr(config, part), name, value)
    heads = SHAPE["text_config"]["head_dim"] // 2
    config.text_config.rope_parameters["mrope_section"] = [heads - 2 * (heads // 3), heads // 3, heads // 3]
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model.generation_config = type(model.generation_config).from_pretrained(small)
    processor = AutoProcessor.from_pretrained(small)
    processor.image_processor.size["longest_edge"] = PAGE[0] * PAGE[1]
    with TemporaryDirectory(prefix="sightline-bench-") as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        yield Path(folder)


def ratios(chat: "ChatSparseVL", rounds: int) -> dict[str, float]:
    return {
        "prefix_reuse": prefix_reuse(chat, rounds),
        "microbatch": microbatch(chat, rounds),
        "vision_cache": vision_cache(chat, rounds, features_alone=False),
        "vision_features": vision_cache(chat, rounds, features_alone=True),
        "telemetry_overhead": telemetry_overhead(chat, rounds),
    }


# ---------------------------------------------------------------- caches and batches


def prefix_reuse(chat: "ChatSparseVL", rounds: int) -> float:
    """Each turn asks twice about new evidence, once with the shared part marked; the second questions count."""
    from rag.vl.miniature.charts import draw_sources

    random = Random(1)
    found = []
    for _ in range(rounds):
        images = [chart.image for chart in charts(random, IMAGES)]
        sources = draw_sources(random, SOURCES)[0] + "\n"
        marked = [message(text, *images, shared=sources) for text in ("How many bars?", "Which is highest?")]
        plain = cpu(partial(chat.invoke, message(sources + "Which is highest?", *images), max_tokens=FIRST))
        chat.batcher.engine.forget_images()
        chat.batcher.engine.forget_prefixes()
        chat.invoke(marked[0])
        found.append(plain / cpu(partial(chat.invoke, marked[1], max_tokens=FIRST)))
    return median(found)


def microbatch(chat: "ChatSparseVL", rounds: int) -> float:
    random = Random(2)
    found = []
    for _ in range(rounds):
        asked: list[list[Any]] = [
            [message("List all values.", chart.image) for chart in charts(random, TOGETHER)] for _ in range(2)
        ]
        single = cpu(partial(one_by_one, chat, asked[0]))
        found.append(single / cpu(partial(chat.batch, asked[1], {"max_concurrency": TOGETHER})))
    return median(found)


def one_by_one(chat: "ChatSparseVL", questions: list[Any]) -> None:
    for question in questions:
        chat.invoke(question)


def vision_cache(chat: "ChatSparseVL", rounds: int, *, features_alone: bool) -> float:
    """The two questions change places each turn."""
    random = Random(3)
    found = []
    for turn in range(rounds):
        (chart,) = charts(random, 1)
        page = chart.image.resize(PAGE)
        chat.batcher.engine.forget_images()
        seconds = []
        for text in ("How many bars?", "Which is highest?")[:: -1 if turn % 2 else 1]:
            seconds.append(cpu(partial(chat.invoke, message(text, page), max_tokens=FIRST)))
            if features_alone:
                chat.batcher.engine.forget_prefixes()
        found.append(seconds[0] / seconds[1])
    return median(found)


def telemetry_overhead(chat: "ChatSparseVL", rounds: int) -> float:
    """Watched and unwatched generations take turns on one engine."""
    from rag.vl.experts import ExpertWatch

    engine = chat.batcher.engine
    asked = message("List all values.", *[chart.image for chart in charts(Random(4), IMAGES)])
    chat.invoke(asked)
    found = []
    for turn in range(rounds * 4):
        seconds = {}
        for watched in (False, True) if turn % 2 else (True, False):
            if watched:
                engine.watch = ExpertWatch(engine.model, engine.folder.experts)
            seconds[watched] = cpu(partial(chat.invoke, asked))
            if engine.watch:
                engine.watch.close()
                engine.watch = None
        found.append(seconds[True] / seconds[False] - 1)
    return max(0.0, median(found))


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
    before = watch.sums.total("answer")
    chat.batch(asked, {"max_concurrency": TOGETHER})
    return watch.sums.total("answer") - before


# ---------------------------------------------------------------- shared


def charts(random: Random, count: int) -> "list[Chart]":
    from rag.vl.miniature.charts import draw_chart

    return [draw_chart(random) for _ in range(count)]


def cpu(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began
