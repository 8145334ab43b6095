"""The launch settings of vLLM: each file parses, and holds to what the model's shape demands."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.vl.profile import profile

FOLDER = Path(__file__).parents[2] / "deploy" / "vllm"
FILES = sorted(FOLDER.glob("*.yaml"))
FP8_BLOCK = 128
MODEL = "Qwen/Qwen3-VL-30B-A3B-Instruct"


def test_one_two_four_and_eight_gpus_in_both_precisions() -> None:
    assert {path.stem for path in FILES} == {
        f"{kind}-{count}gpu" for kind in ("fp8", "bf16") for count in (1, 2, 4, 8)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_settings_fit_the_model(path: Path) -> None:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    args = loaded["args"]
    assert loaded["needs"]
    assert args["model"].startswith(MODEL)
    assert args["model"].endswith("-FP8") == (loaded["precision"] == "fp8")
    assert args.get("tensor-parallel-size", 1) == loaded["gpus"]
    split = 768 / loaded["gpus"]
    if loaded["precision"] == "fp8" and split % FP8_BLOCK:
        assert args["enable-expert-parallel"] is True
    assert args["max-model-len"] <= profile(MODEL).max_context


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_weights_fit_the_memory_that_is_named(path: Path) -> None:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    figures = profile(MODEL)
    weights = figures.weights_bytes[loaded["precision"]]
    cache = figures.kv_bytes_per_token * loaded["args"]["max-model-len"]
    cache //= 2 if loaded["args"].get("kv-cache-dtype") == "fp8" else 1
    room = loaded["gpus"] * loaded["memory_gb"] * 1e9 * loaded["args"]["gpu-memory-utilization"]
    assert weights + cache < room
