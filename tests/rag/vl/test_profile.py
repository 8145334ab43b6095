"""A profile is arithmetic on the shapes of the real classes."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from rag.vl.profile import experts_hit, image_tokens, known_models, profile


@pytest.fixture(scope="module")
def qwen() -> dict[str, Any]:
    return json.loads(json.dumps(profile("Qwen/Qwen3-VL-30B-A3B-Instruct").to_json()))  # type: ignore[no-any-return]


def test_the_default_model_has_its_published_size(qwen: dict[str, Any]) -> None:
    parameters = qwen["parameters"]
    assert round(parameters["total"] / 1e9, 2) == 31.07
    assert round(parameters["experts"] / 1e9, 2) == 28.99
    assert round(parameters["vision"] / 1e9, 3) == 0.539
    assert round(parameters["active"] / 1e9, 3) == 3.353


def test_a_token_costs_a_tenth_of_an_equal_dense_model(qwen: dict[str, Any]) -> None:
    assert round(qwen["flops_per_token"] / 1e9, 2) == 6.08
    assert round(qwen["dense_flops_per_token"] / qwen["flops_per_token"], 1) == 9.9


def test_weights_and_cache_weigh_what_the_recipes_say(qwen: dict[str, Any]) -> None:
    sizes = {precision: round(size / 1e9, 1) for precision, size in qwen["weights_bytes"].items()}
    assert sizes == {"bf16": 62.1, "fp8": 32.2, "int8": 33.2, "int4": 19.1}
    assert qwen["kv_bytes_per_token"] == 98_304


def test_a_page_image_takes_the_tokens_of_its_cells(qwen: dict[str, Any]) -> None:
    assert qwen["image_tokens"] == {
        "512x512": 256,
        "800x600": 475,
        "A4 at 150 dpi": 2145,
        "A4 at 200 dpi": 3796,
    }
    assert image_tokens(1, 1, 32) == 1


def test_batching_erodes_sparsity() -> None:
    assert [round(experts_hit(128, 8, batch)) for batch in (1, 4, 8, 16, 32, 64)] == [8, 29, 52, 82, 112, 126]


def test_bf16_does_not_fit_where_int4_does(qwen: dict[str, Any]) -> None:
    smallest = qwen["fits"][0]["context"]
    assert smallest["bf16"] == 0
    assert smallest["int4"] > 200_000


def test_a_hybrid_model_caches_only_its_full_attention_layers() -> None:
    assert profile("Qwen/Qwen3.6-35B-A3B").kv_bytes_per_token == 20_480


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="Qwen/Qwen3-VL-30B-A3B-Instruct"):
        profile("Qwen/Qwen9")
    assert len(known_models()) == 2


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "qwen3_moe"}, "no vision tower"),
        ({"model_type": "qwen3_vl"}, "dense"),
        ({"model_type": "no_such_model"}, "no_such_model"),
        ({}, "None"),
    ],
)
def test_a_model_of_another_class_is_refused(tmp_path: Path, config: dict[str, str], reason: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(InputError, match=reason):
        profile(str(tmp_path))


@pytest.mark.parametrize(("content", "reason"), [(b"{cut", "no JSON"), (b"\xff", "no JSON"), (b"[]", "list")])
def test_a_config_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"config\.json.*{reason}"):
        profile(str(tmp_path))


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        profile(str(tmp_path))
