"""EXPERT WEIGHTS -> bf16, int8 OR int4, and the mixture of experts computed on them as they lie.

int8 has a scale for each output, int4 a scale and a zero for each `GROUP` inputs of an output. A few tokens
are multiplied by the kernels of `rag/vl/thin.py`, which beat torch's for narrow weights with AVX-512 and
without; for many an expert is unpacked once and multiplied densely, in bfloat16 where the processor has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from core.errors import InputError
from rag.vl.processor import bfloat16_is_native
from rag.vl.thin import GROUP, Pairs, ThinProducts, packed_nibbles, unpacked_nibbles

Experts = Literal["as_is", "bf16", "int8", "int4"]

DENSE_FROM = {"bf16": 20, "int8": 32, "int4": 32}  # tokens of one expert, float32 activations
DENSE_FROM_NATIVE = {"bf16": 4, "int8": 12, "int4": 48}  # where the dense product is in bfloat16
FEW = (
    32  # tokens of a batch; transformers' own implementation is as fast in float32 with more of them, or one
)


class Packing:
    """One precision on this processor. `implementation`: what transformers knows it by."""

    def __init__(self, precision: Experts) -> None:
        import torch
        from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

        self.precision = precision
        self._products = ThinProducts(torch.get_num_threads())
        self.implementation = f"sightline_{precision}"
        ALL_EXPERTS_FUNCTIONS.register(self.implementation, _IMPLEMENTATIONS[self.implementation])

    def pack(self, module: Any) -> None:
        """Replaces both weights of an experts module by packed buffers of the same names."""
        import torch

        module.thin_products = self._products
        halves = module.down_proj.dtype == torch.bfloat16
        as_is: Literal["full", "bf16"] = "bf16" if halves else "full"
        self._products.compile(as_is if self.precision == "as_is" else self.precision)
        for name in ("gate_up_proj", "down_proj") if self.precision != "as_is" else ():
            weights = getattr(module, name).detach()
            packed, scales = self._packed(weights)
            delattr(module, name)
            module.register_buffer(name, packed, persistent=False)
            module.register_buffer(f"{name}_scales", scales, persistent=False)

    def _packed(self, weights: Any) -> tuple[Any, Any]:
        """And scales; None where there are none."""
        if self.precision == "bf16":
            return weights.bfloat16(), None
        if self.precision == "int8":
            return _pack_int8(weights)
        return _pack_int4(weights)

    def nbytes(self, module: Any) -> int:
        """Bytes of a module's experts once packed. Raises InputError for shapes that cannot be."""
        both = module.gate_up_proj, module.down_proj
        if self.precision == "as_is":
            return sum(weights.nbytes for weights in both)
        if not is_plain(module):
            raise InputError(
                "experts stored transposed, or with more than two matrices, cannot be packed yet; leave them as they are"
            )
        return sum(self._size(*weights.shape) for weights in both)

    def _size(self, experts: int, outputs: int, inputs: int) -> int:
        rows = experts * outputs
        if self.precision == "bf16":
            return rows * inputs * 2
        if self.precision == "int8":
            return rows * (inputs + 2)
        if inputs % GROUP:
            raise InputError(f"int4 takes inputs in multiples of {GROUP}, not {inputs}")
        return rows * (inputs // 2 + 4 * (inputs // GROUP))


def is_plain(module: Any) -> bool:
    """Two matrices for each expert, (out, in), and nothing else."""
    more = ("is_transposed", "has_bias", "has_post_expert_norm")
    return getattr(module, "has_gate", True) and not any(getattr(module, name, False) for name in more)


# ---------------------------------------------------------------- packing


def _pack_int8(weights: Any) -> tuple[Any, Any]:
    """(E, out, in) -> int8 of that shape and bf16 scales (E, out)."""
    import torch

    scales = (weights.float().abs().amax(-1) / 127).clamp(min=1e-12).to(torch.bfloat16)
    packed = (weights.float() / scales.float().unsqueeze(-1)).round().clamp(-127, 127).to(torch.int8)
    return packed, scales


def _pack_int4(weights: Any) -> tuple[Any, Any]:
    """(E, out, in) -> words (E, out, in / 4), scale and zero (E, out, 2, groups); expert by expert, so that
    no second copy of all of them is needed.
    """
    import torch

    packed, scales = [], []
    for expert in weights:
        steps, scale, zero = _grouped(expert)
        packed.append(torch.from_numpy(packed_nibbles(steps.to(torch.uint8).numpy())))
        scales.append(torch.stack([scale, zero], 1))
    return torch.stack(packed), torch.stack(scales)


def _grouped(weights: Any) -> tuple[Any, Any, Any]:
    """(out, in) -> steps of 0 to 15 (out, in), bf16 scale and zero (out, groups): weight = scale * step + zero."""
    import torch

    outputs, inputs = weights.shape
    groups = weights.float().view(outputs, inputs // GROUP, GROUP)
    low, high = groups.amin(-1), groups.amax(-1)
    scale = ((high - low) / 15).clamp(min=1e-8).to(torch.bfloat16)
    zero = low.to(torch.bfloat16)
    steps = (groups - zero.float().unsqueeze(-1)) / scale.float().unsqueeze(-1)
    return steps.round().clamp(0, 15).view(outputs, inputs), scale, zero


# ---------------------------------------------------------------- the mixture of experts


def _experts_as_they_are(module: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """As `_thin_experts`. In float32 our kernels are worth it for the next tokens of a batch, of which each expert gets a few."""
    import torch
    from transformers.integrations.moe import grouped_mm_experts_forward

    if module.down_proj.dtype == torch.float32 and not 1 < len(hidden) <= FEW:
        return grouped_mm_experts_forward(module, hidden, chosen, weights)
    return _thin_experts(module, hidden, chosen, weights, _FULL)


def _thin_experts(module: Any, hidden: Any, chosen: Any, weights: Any, linear: "_Thin") -> Any:
    """Hidden (T, d), chosen and weights (T, k) -> (T, d): experts with few tokens together, those with many one by one."""
    import torch

    slots = chosen.shape[1]
    if len(hidden) == 1:
        pairs = Pairs(chosen.numpy()[0], np.arange(slots + 1), np.zeros(slots, np.int64))
        return (weights.float() @ linear.experts(module, pairs, hidden)).to(hidden.dtype)
    flat = chosen.reshape(-1).numpy()
    order = flat.argsort(kind="stable")
    tokens = order // slots
    experts, counts = np.unique(flat, return_counts=True)
    states = linear.worked(module, Pairs(experts, _starts(counts), tokens), counts, hidden)
    states *= weights.reshape(-1)[order, None]
    result = torch.zeros(hidden.shape).index_add_(0, torch.from_numpy(tokens), states)
    return result.to(hidden.dtype)


def _starts(counts: Any) -> Any:
    return np.concatenate([[0], counts.cumsum()])


# ---------------------------------------------------------------- one expert's product


@dataclass(frozen=True, slots=True)
class _Thin:
    """Products by our own kernels on one kind of weights; activations of a few tokens stay in float32."""

    multiplied: Callable[[ThinProducts, Pairs, Any, Any, Any], Any]
    unpacked: Callable[[Any, Any, Any], Any]  # weights and scales of an expert, and the dtype to compute in
    kind: Literal["bf16", "int8", "int4"]

    @property
    def dense_from(self) -> int:
        """Tokens of one expert from which unpacking it is worth its while."""
        return (DENSE_FROM_NATIVE if bfloat16_is_native() else DENSE_FROM)[self.kind]

    def worked(self, module: Any, pairs: Pairs, counts: Any, hidden: Any) -> Any:
        """Whole experts on tokens (T, d) -> (pairs, d)."""
        import torch

        few = counts < self.dense_from
        if few.all():
            return self.experts(module, pairs, hidden)
        states = torch.empty(len(pairs.rows), hidden.shape[1])
        if few.any():
            with_few = np.repeat(few, counts)
            rest = Pairs(pairs.experts[few], _starts(counts[few]), pairs.rows[with_few])
            states[torch.from_numpy(with_few)] = self.experts(module, rest, hidden)
        for turn in np.flatnonzero(~few):
            part = slice(pairs.starts[turn], pairs.starts[turn + 1])
            rows = torch.from_numpy(pairs.rows[part])
            states[part] = self.expert(module, int(pairs.experts[turn]), hidden[rows])
        return states

    def experts(self, module: Any, pairs: Pairs, states: Any) -> Any:
        """Of all pairs at once."""
        states = module._apply_gate(self._product(module, "gate_up_proj", pairs, states))
        each = Pairs(pairs.experts, pairs.starts, np.arange(len(pairs.rows)))
        return self._product(module, "down_proj", each, states)

    def expert(self, module: Any, expert: int, states: Any) -> Any:
        """Of one, unpacked, in bfloat16 where the processor has it; weights in float32 stay so."""
        import torch
        from torch.nn.functional import linear

        (gate_up, gate_up_scales), (down, down_scales) = (
            _tensors(module, name) for name in ("gate_up_proj", "down_proj")
        )
        narrow = bfloat16_is_native() and down.dtype != torch.float32
        computed = torch.bfloat16 if narrow else torch.float32

        def whole(weights: Any, scales: Any) -> Any:
            return self.unpacked(weights[expert], None if scales is None else scales[expert], computed)

        states = module._apply_gate(linear(states.to(computed), whole(gate_up, gate_up_scales)))
        return linear(states, whole(down, down_scales)).float()

    def _product(self, module: Any, name: str, pairs: Pairs, states: Any) -> Any:
        import torch

        weights, scales = _tensors(module, name)
        inputs = states.float().contiguous().numpy()
        return torch.from_numpy(self.multiplied(module.thin_products, pairs, inputs, weights, scales))


def _tensors(module: Any, name: str) -> tuple[Any, Any]:
    """Weights and scales; weights that were not packed have none."""
    return getattr(module, name).detach(), getattr(module, f"{name}_scales", None)


def _halves(tensor: Any) -> Any:
    """bfloat16 as numpy can hold it: 16-bit integers."""
    import torch

    return tensor.view(torch.uint16).numpy()


def _as_they_are(products: ThinProducts, pairs: Pairs, inputs: Any, weights: Any, _: Any) -> Any:
    import torch

    if weights.dtype == torch.bfloat16:
        return products.bf16(pairs, inputs, _halves(weights))
    return products.full(pairs, inputs, weights.numpy())


def _unpacked_int8(packed: Any, scales: Any, computed: Any) -> Any:
    return packed.to(computed) * scales.to(computed).unsqueeze(-1)


def _unpacked_int4(packed: Any, scales: Any, computed: Any) -> Any:
    import torch

    steps = torch.from_numpy(unpacked_nibbles(packed.numpy())).view(len(packed), -1, GROUP)
    scale, offset = scales.to(computed).unsqueeze(-1).unbind(1)
    return torch.addcmul(offset, steps.to(computed), scale).view(len(packed), -1)


_FULL = _Thin(_as_they_are, lambda weights, _, computed: weights.to(computed), "bf16")
_INT8 = _Thin(
    lambda products, pairs, inputs, packed, scales: products.int8(
        pairs, inputs, packed.numpy(), _halves(scales)
    ),
    _unpacked_int8,
    "int8",
)
_INT4 = _Thin(
    lambda products, pairs, inputs, packed, scales: products.int4(
        pairs, inputs, packed.numpy(), _halves(scales)
    ),
    _unpacked_int4,
    "int4",
)

_IMPLEMENTATIONS: Mapping[str, Callable[..., Any]] = {
    "sightline_as_is": _experts_as_they_are,
    "sightline_bf16": partial(_thin_experts, linear=_FULL),
    "sightline_int8": partial(_thin_experts, linear=_INT8),
    "sightline_int4": partial(_thin_experts, linear=_INT4),
}
