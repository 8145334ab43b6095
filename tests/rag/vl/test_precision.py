"""Experts shrink to what was asked, or loading fails; the answers stay."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import BackendError, InputError
from rag.vl.engine import Options
from rag.vl.folder import check_folder
from rag.vl.local import ChatSparseVL, open_chat
from rag.vl.miniature.charts import Chart
from rag.vl.packed import Packing
from rag.vl.precision import check_expert_bytes, expert_bytes, expert_modules, load_model, quantize_experts
from tests.rag.vl.asking import about

EXPERT_WEIGHTS = 3 * 8 * 3 * 128 * 128  # layers, experts, matrices, sides


@pytest.mark.parametrize(
    ("precision", "size"),
    [
        ("bf16", EXPERT_WEIGHTS * 2),
        ("int8", EXPERT_WEIGHTS + EXPERT_WEIGHTS // 128 * 2),
        ("int4", EXPERT_WEIGHTS // 2 + EXPERT_WEIGHTS // 64 * 4),
    ],
)
def test_packed_experts_are_small_and_still_read_charts(
    miniature: Path, charts: list[Chart], precision: Any, size: int
) -> None:
    with open_chat(miniature, Options(dtype="fp32", experts=precision), max_tokens=8) as chat:
        assert expert_bytes(chat.batcher.engine.model) == size
        questions: list[Any] = [about(chart, "How many bars?") for chart in charts]
        answers = [answer.content for answer in chat.batch(questions)]
    assert answers == [str(len(chart.values)) for chart in charts]


@pytest.mark.parametrize(("precision", "worst"), [("bf16", 0.01), ("int8", 0.02), ("int4", 0.2)])
@pytest.mark.parametrize("tokens", [1, 3, 200])
def test_packed_experts_compute_nearly_the_same(
    chat: ChatSparseVL, precision: Any, worst: float, tokens: int
) -> None:
    torch.manual_seed(0)
    dense = expert_modules(chat.batcher.engine.model)[0]
    packed, packing = deepcopy(dense), Packing(precision)
    size = packing.nbytes(packed)
    packing.pack(packed)
    assert sum(buffer.nbytes for buffer in packed.buffers()) == size
    packed.config._experts_implementation = packing.implementation
    hidden = torch.randn(tokens, 128)
    chosen = torch.stack([torch.randperm(8)[:2] for _ in range(tokens)])
    weights = torch.full((tokens, 2), 0.5)
    with torch.inference_mode():
        expected, found = dense(hidden, chosen, weights), packed(hidden, chosen, weights)
    assert ((found - expected).norm() / expected.norm()).item() < worst


@pytest.mark.parametrize(("dtype", "worst"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("tokens", [1, 3, 70, 200])
def test_experts_as_they_are_compute_the_same_by_our_kernels(
    chat: ChatSparseVL, dtype: torch.dtype, worst: float, tokens: int
) -> None:
    """Few tokens for each expert, many, and some of both."""
    torch.manual_seed(0)
    dense = deepcopy(expert_modules(chat.batcher.engine.model)[0]).to(dtype)
    ours, packing = deepcopy(dense), Packing("as_is")
    packing.pack(ours)
    dense.config._experts_implementation, ours.config._experts_implementation = (
        "eager",
        packing.implementation,
    )
    hidden = torch.randn(tokens, 128, dtype=dtype)
    chosen = torch.stack([(torch.rand(8) / torch.arange(1, 9)).topk(2).indices for _ in range(tokens)])
    weights = torch.rand(tokens, 2, dtype=dtype)
    with torch.inference_mode():
        expected, found = dense(hidden, chosen, weights), ours(hidden, chosen, weights)
    assert found.dtype == dtype
    assert ((found - expected).norm() / expected.norm()).item() < worst


def test_experts_that_did_not_shrink_are_an_error(chat: ChatSparseVL) -> None:
    model = chat.batcher.engine.model
    assert expert_bytes(model) == 4 * EXPERT_WEIGHTS
    with pytest.raises(BackendError, match="int8"):
        check_expert_bytes(model, EXPERT_WEIGHTS, "int8")


def test_a_model_without_experts_is_refused() -> None:
    with pytest.raises(InputError, match="no experts"):
        quantize_experts(torch.nn.Linear(2, 2), "int8")


def test_a_device_that_is_not_there_is_refused(miniature: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(InputError, match="cuda"):
        load_model(check_folder(miniature), "auto", "cuda")


def test_weights_that_are_missing_are_an_error(miniature: Path, tmp_path: Path) -> None:
    from shutil import copytree

    from safetensors.torch import load_file, save_file

    copytree(miniature, tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights.pop("lm_head.weight")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"lm_head\.weight"):
        load_model(check_folder(tmp_path / "model"), "fp32", "cpu")


def test_bf16_weights_are_read_as_asked(miniature: Path) -> None:
    model = load_model(check_folder(miniature), "bf16", "cpu")
    assert expert_bytes(model) == 2 * EXPERT_WEIGHTS
