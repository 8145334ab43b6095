"""MODEL -> FIGURES: what a sparse vision-language model holds, computes, weighs and needs.

The model is instantiated from its config on the meta device: real classes, real shapes, no weights
and no memory. Nothing about a model is a constant here. Figures are arithmetic on shapes, not
measurements: a real server stays above the floors.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError, SettingsError
from rag.torch_compat import make_torchvision_importable

CONFIGS = Path(__file__).parent / "configs"
GROUP = 128  # weights that share one bf16 scale in int4
MEMORY_USE = 0.92  # share of a GPU's memory that a server may take
BATCHES = (1, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Gpu:
    """Memory in GB (10**9 bytes), bandwidth in GB/s, by the makers' data sheets."""

    name: str
    memory: float
    bandwidth: float


GPUS = (
    Gpu("L40S", 48, 864),
    Gpu("A100 80GB", 80, 2039),
    Gpu("H100 SXM", 80, 3350),
    Gpu("H200", 141, 4800),
    Gpu("B200", 180, 7700),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """`active`: those that one text token passes through, the input embedding included."""

    total: int
    active: int
    experts: int
    vision: int
    embedding: int


@dataclass(frozen=True, slots=True)
class Batching:
    """One decoding step of a batch: distinct experts that a layer reads, bytes in all and per token."""

    batch: int
    experts_hit: float
    bytes_per_step: int
    bytes_per_token: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Longest context (tokens) that fits on one GPU beside the weights, by precision; 0: no room.

    `tokens_per_second` is the bandwidth bound of a single stream.
    """

    gpu: str
    context: Mapping[str, int]
    tokens_per_second: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """FLOPs count a multiplication and an addition as two. Bytes, not GiB."""

    model: str
    architecture: str
    layers: int
    expert_count: int
    experts_per_token: int
    max_context: int
    parameters: Parameters
    flops_per_token: int
    dense_flops_per_token: int
    attention_flops_per_1k_context: int
    weights_bytes: Mapping[str, int]
    kv_bytes_per_token: int
    image_tokens: Mapping[str, int]
    batching: tuple[Batching, ...]
    fits: tuple[Fit, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def profile(model: str) -> Profile:
    """Profiles a model folder, or the id of a model whose config ships with Sightline.

    Raises InputError for an unknown name, a folder without config.json, a dense or a text-only model.
    """
    config = sparse_config(model)
    text = config.get_text_config()
    experts = expert_count(text)
    shapes = _shapes(config)
    per_token = int(text.num_experts_per_tok)
    parameters = _parameters(shapes, per_token / experts)
    language = parameters.total - parameters.vision
    weights = _weights(shapes)
    kv = _kv_bytes(text)
    return Profile(
        model=model,
        architecture=config.model_type,
        layers=text.num_hidden_layers,
        expert_count=experts,
        experts_per_token=per_token,
        max_context=text.max_position_embeddings,
        parameters=parameters,
        flops_per_token=2 * (parameters.active - parameters.embedding),
        dense_flops_per_token=2 * (language - parameters.embedding),
        attention_flops_per_1k_context=4
        * 1000
        * _attention_layers(text)
        * text.num_attention_heads
        * text.head_dim,
        weights_bytes=weights,
        kv_bytes_per_token=kv,
        image_tokens=_image_tokens(config.vision_config),
        batching=_batching(parameters, experts, per_token),
        fits=tuple(_fit(gpu, weights, kv, parameters, text.max_position_embeddings) for gpu in GPUS),
    )


def sparse_config(model: str) -> Any:
    """The transformers config of a sparse vision-language model, checked; reads config.json alone.

    Raises InputError for an unknown name, a folder without config.json, a dense or a text-only model.
    """
    config = _config(model)
    if getattr(config, "vision_config", None) is None:
        raise InputError(
            f"{model!r} ({config.model_type}) has no vision tower; a vision-language model is needed"
        )
    if not expert_count(config.get_text_config()):
        raise InputError(
            f"{model!r} ({config.model_type}) is dense; a sparse mixture-of-experts model is needed"
        )
    return config


def expert_count(text_config: Any) -> int:
    """Experts of a sparse layer; 0 for a dense model."""
    return getattr(text_config, "num_experts", None) or getattr(text_config, "num_local_experts", None) or 0


def known_models() -> list[str]:
    """The ids whose configs ship."""
    return sorted(path.stem.replace("--", "/") for path in CONFIGS.glob("*.json"))


# ---------------------------------------------------------------- shapes


def _config(model: str) -> Any:
    try:
        make_torchvision_importable()
        from transformers import CONFIG_MAPPING
    except ImportError as error:
        raise SettingsError(
            "a model's profile needs the extra 'models' (transformers): pip install 'sightline[models]'"
        ) from error

    shipped = CONFIGS / (model.replace("/", "--") + ".json")
    path = Path(model) / "config.json" if Path(model).is_dir() else shipped
    if not path.is_file():
        what = "has no config.json" if Path(model).is_dir() else "is neither a folder nor a known model"
        raise InputError(f"{model!r} {what}; known: {', '.join(known_models())}")
    values = _values(path)
    kind = values.pop("model_type", None)
    if kind not in CONFIG_MAPPING:
        raise InputError(f"{path}: model_type {kind!r} is not one that transformers knows")
    return CONFIG_MAPPING[kind](**values)


def _values(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}; copy the model's config.json again") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}; a model's config is a JSON object")
    return values


def _shapes(config: Any) -> dict[str, int]:
    """The number of values of each tensor, by name."""
    make_torchvision_importable()
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    return {name: parameter.numel() for name, parameter in model.named_parameters()}


def _is_expert(name: str) -> bool:
    return ".experts." in name


def _is_vision(name: str) -> bool:
    return ".visual." in name or "vision_tower" in name or "vision_model" in name


def _is_edge(name: str) -> bool:
    """The input embedding and the output head: kept in bf16 by every recipe."""
    return "embed_tokens" in name or "lm_head" in name


def _parameters(shapes: Mapping[str, int], share: float) -> Parameters:
    total = sum(shapes.values())
    experts = sum(size for name, size in shapes.items() if _is_expert(name))
    vision = sum(size for name, size in shapes.items() if _is_vision(name))
    embedding = sum(size for name, size in shapes.items() if "embed_tokens" in name)
    return Parameters(total, round(total - vision - experts * (1 - share)), experts, vision, embedding)


def _weights(shapes: Mapping[str, int]) -> dict[str, int]:
    total = sum(shapes.values())
    experts = sum(size for name, size in shapes.items() if _is_expert(name))
    kept = sum(size for name, size in shapes.items() if _is_vision(name) or _is_edge(name))
    return {
        "bf16": 2 * total,
        "fp8": 2 * kept + (total - kept),
        "int8": 2 * (total - experts) + experts,
        "int4": 2 * (total - experts) + experts // 2 + 2 * experts // GROUP,
    }


def _attention_layers(text: Any) -> int:
    """Layers with a cache that grows: all of them, or the full-attention ones of a hybrid."""
    kinds = getattr(text, "layer_types", None)
    return sum(kind == "full_attention" for kind in kinds) if kinds else int(text.num_hidden_layers)


def _kv_bytes(text: Any) -> int:
    return 2 * 2 * _attention_layers(text) * int(text.num_key_value_heads) * int(text.head_dim)


# ---------------------------------------------------------------- what follows from the shapes


def image_tokens(width: int, height: int, cell: int) -> int:
    """Tokens of an image whose sides are rounded to cells of patch size times merge size."""
    return max(1, round(height / cell)) * max(1, round(width / cell))


def _image_tokens(vision: Any) -> dict[str, int]:
    cell = vision.patch_size * vision.spatial_merge_size
    sizes = {
        "512x512": (512, 512),
        "800x600": (800, 600),
        "A4 at 150 dpi": (1240, 1754),
        "A4 at 200 dpi": (1654, 2339),
    }
    return {name: image_tokens(width, height, cell) for name, (width, height) in sizes.items()}


def experts_hit(experts: int, per_token: int, batch: int) -> float:
    """Expected distinct experts that a batch activates in a layer, under uniform routing."""
    return experts * (1 - (1 - per_token / experts) ** batch)


def _batching(parameters: Parameters, experts: int, per_token: int) -> tuple[Batching, ...]:
    always = parameters.active - parameters.embedding - parameters.experts * per_token / experts
    rows = []
    for batch in BATCHES:
        hit = experts_hit(experts, per_token, batch)
        read = round(2 * (always + parameters.experts * hit / experts))
        rows.append(Batching(batch, round(hit, 1), read, read // batch))
    return tuple(rows)


def _fit(gpu: Gpu, weights: Mapping[str, int], kv: int, parameters: Parameters, longest: int) -> Fit:
    active = parameters.active - parameters.embedding
    context, speed = {}, {}
    for precision, size in weights.items():
        room = gpu.memory * 1e9 * MEMORY_USE - size
        context[precision] = max(0, min(longest, math.floor(room / kv)))
        read = active * size / parameters.total
        speed[precision] = round(gpu.bandwidth * 1e9 / read, 1)
    return Fit(gpu.name, context, speed)
