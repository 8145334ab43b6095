"""CHECKPOINT -> MODEL IN THE PRECISION ASKED FOR, proven by the bytes of its expert tensors.

Experts are three-dimensional tensors, 93 % of a sparse model's weights, and common quantisers skip
them without a word. Here they are packed to int8 or int4 (`rag/vl/packed.py`); after loading, the bytes are
counted and a mismatch is an error. Checkpoints in FP8 are read in full precision where the hardware has no FP8.
"""

import copy
from collections.abc import Sequence
from typing import Any, Literal

from core.errors import BackendError, InputError
from rag.torch_compat import make_torchvision_importable
from rag.vl.folder import ModelFolder
from rag.vl.fp8 import is_fp8, read_weights
from rag.vl.packed import Experts, Packing, is_plain
from rag.vl.processor import bfloat16_is_native, has_wide_kernels

Dtype = Literal["auto", "bf16", "fp32"]


def load_model(folder: ModelFolder, dtype: Dtype, device: str) -> Any:
    """Raises InputError where the device is not there, BackendError where weights are not what the config says."""
    make_torchvision_importable()
    import torch

    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if place.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {place!r} is not there; use 'cpu' or 'auto'")
    model, told = _loaded(folder, place, dtype=_dtype(dtype, place), output_loading_info=True)
    missing = sorted(told["missing_keys"])
    if missing:
        raise BackendError(f"{str(folder.path)!r} lacks {len(missing)} weights, {missing[0]!r} the first")
    return model.to(place).eval()


def _dtype(dtype: Dtype, place: str) -> Any:
    import torch

    if dtype == "auto":
        fast = place.startswith("cuda") or bfloat16_is_native()
        return torch.bfloat16 if fast else torch.float32
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]


def _loaded(folder: ModelFolder, place: str, **options: Any) -> Any:
    """The CPU has no kernels for FP8, so there such weights are read by `rag/vl/fp8.py`."""
    from transformers import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        AutoModelForImageTextToText,
        GenerationConfig,
    )

    if place.startswith("cuda") or not is_fp8(folder):
        return AutoModelForImageTextToText.from_pretrained(folder.path, **options)
    config = copy.deepcopy(folder.config)
    del config.quantization_config
    model_class = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]
    model, told = model_class.from_pretrained(None, config=config, state_dict=read_weights(folder), **options)
    if (folder.path / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder.path)
    return model, told


# ---------------------------------------------------------------- experts


def expert_modules(model: Any) -> list[Any]:
    """The modules that hold an expert dimension: `gate_up_proj` and `down_proj`, packed or not."""
    return [
        module
        for module in model.modules()
        if hasattr(module, "gate_up_proj") and hasattr(module, "down_proj")
    ]


def expert_bytes(model: Any) -> int:
    """Bytes of all expert weights as they lie in memory, scales included."""
    return sum(
        tensor.nbytes
        for module in expert_modules(model)
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False))
    )


def quantize_experts(model: Any, precision: Experts) -> None:
    """Packs all experts in place, layer by layer, and checks that they have the size that was asked.

    Raises InputError for shapes that the kernels do not take, BackendError where bytes do not fit.
    """
    modules = expert_modules(model)
    if not modules:
        raise InputError(f"{type(model).__name__} has no experts that Sightline knows to find")
    if precision == "as_is" and not _runs_thin(model, modules):
        return
    if model.device.type != "cpu":
        raise InputError(
            f"{precision} experts run on the CPU only; on {model.device} use bf16 or an FP8 checkpoint"
        )
    packing = Packing(precision)
    expected = sum(packing.nbytes(module) for module in modules)
    for module in modules:
        packing.pack(module)
    model.set_experts_implementation(packing.implementation)
    check_expert_bytes(model, expected, precision)


def _runs_thin(model: Any, modules: Sequence[Any]) -> bool:
    """Whether our own kernels take experts as they are; on a GPU or with AVX-512 transformers' are left in place."""
    import torch

    known = (torch.float32, torch.bfloat16)
    return (
        model.device.type == "cpu"
        and not has_wide_kernels()
        and all(is_plain(module) and module.down_proj.dtype in known for module in modules)
    )


def check_expert_bytes(model: Any, expected: int, precision: str) -> None:
    """Raises BackendError where the experts are not of the size that `precision` gives."""
    found = expert_bytes(model)
    if found != expected:
        raise BackendError(
            f"experts asked for in {precision}: {expected:,} bytes expected, {found:,} found in memory"
        )
