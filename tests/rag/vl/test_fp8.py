"""A checkpoint in eight-bit floats answers on a CPU as one that holds the same weights in full."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import BackendError
from rag.vl.engine import Options
from rag.vl.folder import check_folder
from rag.vl.fp8 import unscaled
from rag.vl.local import open_chat
from rag.vl.miniature.charts import Chart
from rag.vl.precision import load_model
from tests.rag.vl.asking import about

BLOCK = (96, 64)  # rows and columns of a scale; the last blocks of 128 rows are cut
LARGEST = 448.0  # of an eight-bit float
Quantized = tuple[torch.Tensor, torch.Tensor]
Weights = dict[str, torch.Tensor]


def quantized(weights: torch.Tensor) -> Quantized:
    """Eight-bit values and the scale of each block, as a quantiser makes them."""
    *outer, rows, columns = weights.shape
    down, across = -(-rows // BLOCK[0]), -(-columns // BLOCK[1])
    scales = torch.empty(*outer, down, across)
    values = torch.empty_like(weights, dtype=torch.float8_e4m3fn)
    for row in range(down):
        for column in range(across):
            rows_, columns_ = (
                slice(at * size, (at + 1) * size) for at, size in zip((row, column), BLOCK, strict=True)
            )
            part = weights[..., rows_, columns_].float()
            scale = part.abs().amax((-2, -1)) / LARGEST
            scales[..., row, column] = scale
            values[..., rows_, columns_] = (part / scale[..., None, None]).to(torch.float8_e4m3fn)
    return values, scales


def fused(key: str, weights: torch.Tensor) -> dict[str, Quantized]:
    """All experts in one tensor."""
    return {key: quantized(weights)}


def one_by_one(key: str, weights: torch.Tensor) -> dict[str, Quantized]:
    """A matrix for each expert and projection."""
    prefix, name = key.rsplit(".", 1)
    parts = {"gate_proj": slice(128), "up_proj": slice(128, 256)} if "gate" in name else {name: slice(None)}
    return {
        f"{prefix}.{expert}.{part}.weight": quantized(matrix[rows])
        for expert, matrix in enumerate(weights)
        for part, rows in parts.items()
    }


def checkpoints(
    source: Path, folder: Path, laid: Callable[[str, torch.Tensor], dict[str, Quantized]]
) -> tuple[Path, Path]:
    """The miniature in FP8, and with the weights that this stands for in float32."""
    small, full = (copytree(source, folder / name) for name in ("small", "full"))
    stored: Weights = {}
    plain: Weights = {}
    for key, weights in load_file(source / "model.safetensors").items():
        if ".experts." in key or key.endswith(("q_proj.weight", "o_proj.weight")):
            parts = laid(key, weights) if ".experts." in key else fused(key, weights)
            for name, (values, scales) in parts.items():
                stored |= {name: values, f"{name}_scale_inv": scales}
            matrices = [unscaled(values, scales, BLOCK) for values, scales in parts.values()]
            plain[key] = matrices[0] if len(matrices) == 1 else torch.cat(matrices).view(weights.shape)
        else:
            stored[key] = plain[key] = weights
    save_file(stored, small / "model.safetensors", metadata={"format": "pt"})
    save_file(plain, full / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((small / "config.json").read_text("utf-8"))
    config["quantization_config"] = {
        "quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": list(BLOCK),
    }  # fmt: skip
    (small / "config.json").write_text(json.dumps(config), "utf-8")
    return small, full


@pytest.mark.parametrize("laid", [fused, one_by_one])
def test_it_answers_as_the_weights_that_it_stands_for(
    miniature: Path, tmp_path: Path, charts: list[Chart], laid: Any
) -> None:
    answers, weights = [], []
    for folder in checkpoints(miniature, tmp_path, laid):
        with open_chat(folder, Options(dtype="fp32"), max_tokens=8) as chat:
            questions: list[Any] = [about(chart, "How many bars?") for chart in charts]
            answers.append([answer.response_metadata["token_ids"] for answer in chat.batch(questions)])
            weights.append(chat.batcher.engine.model.state_dict())
    assert answers[0] == answers[1]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)


def test_blocks_are_multiplied_by_their_own_scales() -> None:
    values, scales = torch.ones(2, 5, 4), torch.arange(8.0).view(2, 2, 2)
    found = unscaled(values, scales, (3, 2))
    assert found.shape == values.shape
    assert found[1].tolist() == [[4, 4, 5, 5]] * 3 + [[6, 6, 7, 7]] * 2


def test_a_weight_without_its_scales_is_an_error(miniature: Path, tmp_path: Path) -> None:
    small, _ = checkpoints(miniature, tmp_path, fused)
    weights = load_file(small / "model.safetensors")
    del weights["model.language_model.layers.1.mlp.experts.down_proj_scale_inv"]
    save_file(weights, small / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"layers\.1\.mlp\.experts\.down_proj"):
        load_model(check_folder(small), "fp32", "cpu")
