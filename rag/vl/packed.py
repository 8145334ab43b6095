"""EXPERT WEIGHTS -> int8 OR int4, and the mixture of experts computed on them as they lie.

int8 has a scale for each output, int4 a scale and a zero for each `GROUP` inputs of an output. A few tokens
are multiplied by torch's kernels for narrow weights where the processor has AVX-512 and by those
of `rag/vl/thin.py` elsewhere; for many an expert is unpacked once and multiplied densely.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from core.errors import InputError
from rag.vl.processor import bfloat16_is_native, has_wide_kernels
from rag.vl.thin import GROUP, Pairs, ThinProducts, packed_nibbles, unpacked_nibbles

Narrow = Literal["int8", "int4"]

INT4_OUTPUTS = 16  # torch's int4 kernel takes outputs in multiples of this
DENSE_FROM = 32  # tokens of one expert


class Packing:
    """One precision on this processor. `implementation`: what transformers knows it by."""

    def __init__(self, precision: Narrow, *, thin: bool | None = None) -> None:
        """`thin`: our own kernels; decided by the processor unless told."""
        import torch
        from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

        self.precision = precision
        self._thin = not has_wide_kernels() if thin is None else thin
        self._products = ThinProducts(torch.get_num_threads()) if self._thin else None
        self.implementation = f"sightline_{precision}{'_thin' if self._thin else ''}"
        ALL_EXPERTS_FUNCTIONS.register(self.implementation, _IMPLEMENTATIONS[precision, self._thin])

    def pack(self, module: Any) -> None:
        """Replaces both weights of an experts module by packed buffers of the same names."""
        for name in ("gate_up_proj", "down_proj"):
            weights = getattr(module, name).detach()
            packed, scales = self._packed(weights)
            delattr(module, name)
            module.register_buffer(name, packed, persistent=False)
            module.register_buffer(f"{name}_scales", scales, persistent=False)
        module.thin_products = self._products

    def _packed(self, weights: Any) -> tuple[Any, Any]:
        if self.precision == "int8":
            return _pack_int8(weights)
        return _stacked(weights, _int4_for_us if self._thin else _int4_for_torch)

    def nbytes(self, module: Any) -> int:
        """Bytes of a module's experts once packed. Raises InputError for shapes that cannot be."""
        if getattr(module, "is_transposed", False):
            raise InputError("experts stored transposed cannot be packed yet; use bf16")
        return sum(self._size(*weights.shape) for weights in (module.gate_up_proj, module.down_proj))

    def _size(self, experts: int, outputs: int, inputs: int) -> int:
        rows = experts * outputs
        if self.precision == "int8":
            return rows * (inputs + 2)
        if inputs % GROUP or outputs % INT4_OUTPUTS:
            raise InputError(
                f"int4 takes inputs in multiples of {GROUP} and outputs of {INT4_OUTPUTS}, not {inputs} and {outputs}"
            )
        return rows * (inputs // 2 + 4 * (inputs // GROUP))


# ---------------------------------------------------------------- packing


def _pack_int8(weights: Any) -> tuple[Any, Any]:
    """(E, out, in) -> int8 of that shape and bf16 scales (E, out)."""
    import torch

    scales = (weights.float().abs().amax(-1) / 127).clamp(min=1e-12).to(torch.bfloat16)
    packed = (weights.float() / scales.float().unsqueeze(-1)).round().clamp(-127, 127).to(torch.int8)
    return packed, scales


def _stacked(weights: Any, packed: Callable[[Any], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Expert by expert, so that no second copy of all of them is needed."""
    import torch

    values, scales = zip(*(packed(expert) for expert in weights))
    return torch.stack(values), torch.stack(scales)


def _int4_for_torch(weights: Any) -> tuple[Any, Any]:
    """Its kernel's own layout (out, in / 2); scale and zero (groups, out, 2)."""
    import torch

    steps, scale, zero = _grouped(weights, centre=8)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(steps.to(torch.int32), 1)
    return packed, torch.stack([scale, zero], -1).transpose(0, 1).contiguous()


def _int4_for_us(weights: Any) -> tuple[Any, Any]:
    """Words (out, in / 4); scale and zero (out, 2, groups)."""
    import torch

    steps, scale, zero = _grouped(weights, centre=0)
    return torch.from_numpy(packed_nibbles(steps.to(torch.uint8).numpy())), torch.stack([scale, zero], 1)


def _grouped(weights: Any, centre: int) -> tuple[Any, Any, Any]:
    """(out, in) -> steps of 0 to 15 (out, in), bf16 scale and zero (out, groups): weight = scale * (step - centre) + zero."""
    import torch

    outputs, inputs = weights.shape
    groups = weights.float().view(outputs, inputs // GROUP, GROUP)
    low, high = groups.amin(-1), groups.amax(-1)
    scale = ((high - low) / 15).clamp(min=1e-8).to(torch.bfloat16)
    zero = (low + centre * scale.float()).to(torch.bfloat16)
    steps = (groups - zero.float().unsqueeze(-1)) / scale.float().unsqueeze(-1) + centre
    return steps.round().clamp(0, 15).view(outputs, inputs), scale, zero


# ---------------------------------------------------------------- the mixture of experts

Linear = Callable[[Any, str, int, Any], Any]


def _experts(module: Any, hidden: Any, chosen: Any, weights: Any, linear: Linear) -> Any:
    """Hidden (T, d), chosen and weights (T, k) -> (T, d), expert by expert."""
    import torch

    result = torch.zeros_like(hidden, dtype=torch.float32)
    for expert, tokens, slots in _tokens_by_expert(chosen):
        states = hidden if len(hidden) == 1 else hidden[tokens]
        states = module._apply_gate(linear(module, "gate_up_proj", expert, states))
        states = linear(module, "down_proj", expert, states)
        result.index_add_(0, tokens, states.float() * weights[tokens, slots, None].float())
    return result.to(hidden.dtype)


def _tokens_by_expert(chosen: Any) -> list[tuple[int, Any, Any]]:
    """(expert, token indices, slot indices) of every expert that is used."""
    flat = chosen.reshape(-1)
    order = flat.argsort(stable=True)
    experts, counts = flat[order].unique_consecutive(return_counts=True)
    parts = order.split(counts.tolist())
    slots = chosen.shape[1]
    return [(expert, part // slots, part % slots) for expert, part in zip(experts.tolist(), parts)]


def _thin_experts(module: Any, hidden: Any, chosen: Any, weights: Any, linear: "_Thin") -> Any:
    """As `_experts`; two products for all experts at once where none has many tokens."""
    import torch

    if len(hidden) == 1:
        slots = chosen.shape[1]
        pairs = Pairs(chosen.numpy()[0], np.arange(slots + 1), np.zeros(slots, np.int64))
        return (weights.float() @ linear.both(module, pairs, hidden)).to(hidden.dtype)
    flat = chosen.reshape(-1).numpy()
    experts, counts = np.unique(flat, return_counts=True)
    if counts.max() >= DENSE_FROM:
        return _experts(module, hidden, chosen, weights, linear)
    order = flat.argsort(kind="stable")
    tokens = order // chosen.shape[1]
    states = linear.both(module, Pairs(experts, np.concatenate([[0], counts.cumsum()]), tokens), hidden)
    states *= weights.reshape(-1)[order, None]
    result = torch.zeros(len(hidden), states.shape[1])
    return result.index_add_(0, torch.from_numpy(tokens), states).to(hidden.dtype)


# ---------------------------------------------------------------- one expert's product


def _int8_by_torch(module: Any, name: str, expert: int, states: Any) -> Any:
    """Of activations these kernels are fast in bfloat16 only."""
    import torch

    weights, scales = getattr(module, name)[expert], getattr(module, f"{name}_scales")[expert]
    states = states.to(torch.bfloat16)
    if len(states) < DENSE_FROM:
        return torch._weight_int8pack_mm(states, weights, scales)
    computed = torch.bfloat16 if bfloat16_is_native() else torch.float32
    return torch.nn.functional.linear(states.to(computed), weights.to(computed)) * scales


def _int4_by_torch(module: Any, name: str, expert: int, states: Any) -> Any:
    import torch

    weights, scales = getattr(module, name)[expert], getattr(module, f"{name}_scales")[expert]
    return torch.ops.aten._weight_int4pack_mm_for_cpu(states.to(torch.bfloat16), weights, GROUP, scales)


@dataclass(frozen=True, slots=True)
class _Thin:
    """Products by our own kernels on one kind of packed weights; activations stay in float32."""

    multiplied: Callable[[ThinProducts, Pairs, Any, Any, Any], Any]
    unpacked: Callable[[Any, Any], Any]

    def __call__(self, module: Any, name: str, expert: int, states: Any) -> Any:
        import torch

        if len(states) >= DENSE_FROM:
            packed, scales = getattr(module, name)[expert], getattr(module, f"{name}_scales")[expert]
            return torch.nn.functional.linear(states.float(), self.unpacked(packed, scales))
        alone = Pairs(np.array([expert]), np.array([0, len(states)]), np.arange(len(states)))
        return self.product(module, name, alone, states)

    def both(self, module: Any, pairs: Pairs, states: Any) -> Any:
        """Whole experts: (T, d) -> (pairs, d)."""
        states = module._apply_gate(self.product(module, "gate_up_proj", pairs, states))
        each = Pairs(pairs.experts, pairs.starts, np.arange(len(pairs.rows)))
        return self.product(module, "down_proj", each, states)

    def product(self, module: Any, name: str, pairs: Pairs, states: Any) -> Any:
        import torch

        packed, scales = getattr(module, name), getattr(module, f"{name}_scales")
        inputs = states.float().contiguous().numpy()
        return torch.from_numpy(
            self.multiplied(module.thin_products, pairs, inputs, packed.numpy(), _halves(scales))
        )


def _halves(tensor: Any) -> Any:
    """bfloat16 as numpy can hold it: 16-bit integers."""
    import torch

    return tensor.view(torch.uint16).numpy()


def _unpacked_int8(packed: Any, scales: Any) -> Any:
    return packed.float() * scales.float().unsqueeze(-1)


def _unpacked_int4(packed: Any, scales: Any) -> Any:
    import torch

    steps = torch.from_numpy(unpacked_nibbles(packed.numpy())).float().view(len(packed), -1, GROUP)
    scale, offset = scales.float().unsqueeze(-1).unbind(1)
    return torch.addcmul(offset, steps, scale).view(len(packed), -1)


_THIN_INT8 = _Thin(ThinProducts.int8, _unpacked_int8)
_THIN_INT4 = _Thin(ThinProducts.int4, _unpacked_int4)

_IMPLEMENTATIONS: Mapping[tuple[Narrow, bool], Callable[..., Any]] = {
    ("int8", False): partial(_experts, linear=_int8_by_torch),
    ("int4", False): partial(_experts, linear=_int4_by_torch),
    ("int8", True): partial(_thin_experts, linear=_THIN_INT8),
    ("int4", True): partial(_thin_experts, linear=_THIN_INT4),
}
