"""Expert counts are exact for each request, alone or in a batch, and differ by what is asked."""

from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from rag.vl.engine import Options
from rag.vl.experts import SEGMENTS, ExpertWatch, distance, entropy, heat_map, loads, uses
from rag.vl.local import ChatSparseVL, open_chat
from rag.vl.miniature.charts import Chart
from tests.rag.vl.asking import about


def counts_of(answer: object) -> dict[str, np.ndarray]:
    return {name: np.array(each) for name, each in answer.response_metadata["experts"].items()}  # type: ignore[attr-defined]


def test_every_token_of_a_request_is_counted_in_every_layer(chat: ChatSparseVL, charts: list[Chart]) -> None:
    answer = chat.invoke(about(charts[0], "How many bars?"))
    counts = counts_of(answer)
    assert answer.usage_metadata is not None
    tokens = (
        answer.usage_metadata["input_tokens"] + answer.usage_metadata["output_tokens"] - 1
    )  # the end is not read
    assert (sum(counts.values()).sum(axis=1) == 2 * tokens).all()  # type: ignore[union-attr]
    assert (counts["image"].sum(axis=1) == 2 * 48).all()
    assert (counts["answer"].sum(axis=1) == 2 * answer.usage_metadata["output_tokens"]).all()


def test_a_batch_attributes_to_each_request_what_it_has_alone(
    chat: ChatSparseVL, charts: list[Chart]
) -> None:
    questions: list[Any] = [
        about(chart, text) for chart in charts[:3] for text in ("How many bars?", "List all values.")
    ]
    together = [counts_of(answer) for answer in chat.batch(questions)]
    for question, found in zip(questions, together):
        alone = counts_of(chat.invoke(question))
        assert all((found[segment] == alone[segment]).all() for segment in SEGMENTS)


def test_a_reused_prefix_counts_what_was_computed(chat: ChatSparseVL, charts: list[Chart]) -> None:
    plain = counts_of(chat.invoke(about(charts[2], "How many bars?")))
    marked = about(charts[2], "How many bars?", cache_control={"type": "ephemeral"})
    computed, reused = counts_of(chat.invoke(marked)), counts_of(chat.invoke(marked))
    assert all((computed[segment] == plain[segment]).all() for segment in SEGMENTS)
    assert (reused["answer"] == plain["answer"]).all()
    assert reused["image"].sum() == 0


def test_kinds_of_question_are_summed_apart_and_exported(chat: ChatSparseVL, charts: list[Chart]) -> None:
    watch = chat.batcher.engine.watch
    assert watch is not None
    before = watch.sums.total(question_kind="count")
    chat.invoke(about(charts[0], "How many bars?"), question_kind="count")
    assert (watch.sums.total(question_kind="count") - before).sum() > 0
    gauges = watch.sums.snapshot()
    shares = [
        gauge.value
        for gauge in gauges
        if gauge.name == "sightline_expert_load" and gauge.labels["layer"] == "0"
    ]
    assert sum(shares) == pytest.approx(1)


def test_a_model_that_is_not_watched_has_no_hooks(miniature: Path, charts: list[Chart]) -> None:
    with open_chat(miniature, Options(dtype="fp32")) as chat:
        engine = chat.batcher.engine
        answer = chat.invoke(about(charts[0], "How many bars?"))
        assert "experts" not in answer.response_metadata
        assert not any(module._forward_hooks for module in engine.model.modules())
        watch = ExpertWatch(engine.model, engine.folder.experts)
        assert any(module._forward_hooks for module in engine.model.modules())
        watch.close()
        assert not any(module._forward_hooks for module in engine.model.modules())


def test_a_model_without_routers_is_refused() -> None:
    import torch

    with pytest.raises(InputError, match="no routers"):
        ExpertWatch(torch.nn.Linear(2, 2), 8)


def test_figures_of_a_load() -> None:
    even, one = np.full((1, 8), 5), np.eye(1, 8, dtype=np.int64) * 40
    assert uses(even)[0].entropy == pytest.approx(log2(8))
    assert (uses(even)[0].skew, uses(even)[0].idle) == (1, 0)
    assert (uses(one)[0].skew, uses(one)[0].idle) == (8, 7)
    assert distance(even, even) == 0
    assert distance(one, np.roll(one, 1)) == 1
    assert entropy(loads(one)[0]) == 0


def test_the_heat_map_is_dark_where_the_load_is() -> None:
    counts = np.array([[0, 10], [5, 5]])
    image = heat_map({"all": counts}, cell=10)
    light, dark = image.getpixel((32, 22)), image.getpixel((42, 22))
    assert sum(light) > sum(dark)  # type: ignore[arg-type]
