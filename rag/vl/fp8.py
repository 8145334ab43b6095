"""FP8 CHECKPOINT -> WEIGHTS FOR A CPU: read lazily, multiplied by their scales block by block.

Such a checkpoint keeps a matrix in eight-bit floats beside a scale for each block (`weight_scale_inv`, or
`gate_up_proj_scale_inv` beside fused experts). transformers drops the scales of fused experts and does not
merge experts that lie one by one, so both are done here; what it is handed looks like its own safetensors slices.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BackendError
from rag.vl.folder import ModelFolder, weight_files

SCALES = "_scale_inv"
ONE_EXPERT = re.compile(r"(.+\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a file, with its scales if it has some. `block`: rows and columns that share a scale."""

    values: Any
    scales: Any = None
    block: tuple[int, int] = (1, 1)

    def __getitem__(self, _everything: Any) -> Any:
        """Read now; float32 where there are scales."""
        values = self.values[...]
        return values if self.scales is None else unscaled(values, self.scales[...], self.block)


@dataclass(frozen=True, slots=True)
class Merged:
    """Matrices of single experts as one tensor (E, out, in); those of an expert lie below each other."""

    experts: Sequence[Sequence[Stored]]

    def __getitem__(self, _everything: Any) -> Any:
        import torch

        return torch.stack([torch.cat([part[...] for part in parts]) for parts in self.experts])


def is_fp8(folder: ModelFolder) -> bool:
    held = getattr(folder.config, "quantization_config", None) or {}
    return bool(held.get("quant_method") == "fp8")


def read_weights(folder: ModelFolder) -> dict[str, Stored | Merged]:
    """All weights under the names that a model of full precision has. Raises BackendError for an eight-bit weight without scales."""
    from safetensors import safe_open

    slices: dict[str, Any] = {}
    for name in weight_files(folder.path):
        opened: Any = safe_open(folder.path / name, framework="pt")
        slices |= {key: opened.get_slice(key) for key in opened.keys()}  # noqa: SIM118 it cannot be looped over
    block = folder.config.quantization_config.get("weight_block_size")
    stored = {
        key: _stored(key, values, slices.get(key + SCALES), block)
        for key, values in slices.items()
        if not key.endswith((SCALES, ".activation_scale"))
    }
    return _merged(stored)


def unscaled(values: Any, scales: Any, block: tuple[int, int]) -> Any:
    """Values (..., rows, columns) times scales (..., blocks down, blocks across) -> float32; the last blocks may be cut."""
    scales = scales.float()
    for side, size in ((-2, block[0]), (-1, block[1])):
        scales = scales.repeat_interleave(size, side).narrow(side, 0, values.shape[side])
    return values.float() * scales


def _stored(key: str, values: Any, scales: Any, block: Sequence[int] | None) -> Stored:
    if scales is None:
        if values.get_dtype().startswith("F8"):
            raise BackendError(
                f"weight {key!r} is in FP8 and its scales, {key + SCALES!r}, are not in the checkpoint"
            )
        return Stored(values)
    rows, columns = block or values.get_shape()[-2:]
    return Stored(values, scales, (rows, columns))


def _merged(stored: Mapping[str, Stored]) -> dict[str, Stored | Merged]:
    single: dict[str, dict[tuple[int, str], Stored]] = defaultdict(dict)
    weights: dict[str, Stored | Merged] = {}
    for key, value in stored.items():
        if found := ONE_EXPERT.fullmatch(key):
            single[found[1]][int(found[2]), found[3]] = value
        else:
            weights[key] = value
    for prefix, parts in single.items():
        count = 1 + max(expert for expert, _ in parts)
        for name, below in (("gate_up_proj", ("gate", "up")), ("down_proj", ("down",))):
            weights[f"{prefix}.{name}"] = Merged(
                [[parts[expert, part] for part in below] for expert in range(count)]
            )
    return weights
