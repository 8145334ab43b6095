"""A sparse mixture-of-experts layer, small enough to read: a gate picks k experts for each token and mixes them.

Follows Shazeer et al. 2017 (top-k gating) with the load-balancing loss of Switch Transformer (Fedus et
al. 2021). A layer can grow: `add_experts` adds experts behind closed gates, so that old inputs keep their
outputs, and only what is new trains. torch is this module's subject and is imported at its top; import it late.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.vl.processor import bfloat16_is_native

UNPACK_FROM = 4  # tokens of one expert
CLOSED = -1e4  # the bias of a gate that no input opens


class SparseExperts(nn.Module):
    """(tokens, d) -> (tokens, d). Each expert is a gated feed-forward: down(silu(gate(x)) * up(x)).

    The expert weights lie as transformers keeps them: `gate_up_proj` (E, 2 * hidden, d), `down_proj`
    (E, d, hidden). The weights of the chosen experts are their gate probabilities, scaled to sum to one.
    """

    def __init__(self, size: int, hidden: int, experts: int, active: int) -> None:
        super().__init__()
        if not 1 <= active <= experts:
            raise ValueError(f"{active} active of {experts} experts; from 1 to all may be active")
        self.active = active
        self.gate = nn.Parameter(_normal(experts, size))
        self.gate_bias = nn.Parameter(torch.zeros(experts))
        self.gate_up_proj = nn.Parameter(_normal(experts, 2 * hidden, size))
        self.down_proj = nn.Parameter(_normal(experts, size, hidden))
        self.old_experts = 0  # experts before the last growth: these are frozen

    @property
    def experts(self) -> int:
        return len(self.gate)

    def forward(self, tokens: Tensor) -> Tensor:
        chosen, weights = self.route(tokens)
        return mixed(tokens, chosen, weights, self.gate_up_proj, self.down_proj)

    def route(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Experts and their weights, both (tokens, active)."""
        weights, chosen = self._probabilities(tokens).topk(self.active, dim=-1)
        return chosen, (weights / weights.sum(-1, keepdim=True)).to(tokens.dtype)

    def _probabilities(self, tokens: Tensor) -> Tensor:
        return (functional.linear(tokens, self.gate) + self.gate_bias).softmax(-1, dtype=torch.float32)

    def balance_loss(self, tokens: Tensor) -> Tensor:
        """1 when all experts get the same load, `experts` when one gets all."""
        probabilities = self._probabilities(tokens)
        chosen = probabilities.topk(self.active, dim=-1).indices
        load = functional.one_hot(chosen, self.experts).float().mean((0, 1))
        return self.experts * (load * probabilities.mean(0)).sum()

    # ------------------------------------------------------------ growth

    def add_experts(self, count: int) -> None:
        """Grows by `count` experts behind closed gates, and freezes all that was there before.

        An optimizer made before holds the old tensors: make a new one of `new_parameters`.
        """
        if count < 1:
            raise ValueError(f"{count} experts to add; at least one is needed")
        self.old_experts = self.experts
        rows = {
            "gate": torch.zeros(count, self.gate.shape[1]),
            "gate_bias": torch.full((count,), CLOSED),
            "gate_up_proj": _normal(count, *self.gate_up_proj.shape[1:]),
            "down_proj": _normal(count, *self.down_proj.shape[1:]),
        }
        for name, new in rows.items():
            old = getattr(self, name).detach()
            grown = nn.Parameter(torch.cat([old, new.to(old)]))
            grown.register_hook(self._only_new)  # type: ignore[no-untyped-call]
            setattr(self, name, grown)

    def open_gates(self, examples: Tensor, margin: float = 4.0) -> None:
        """Opens the new gates for inputs like `examples` (n, d), and keeps them closed for their opposite.

        Each new gate looks along the mean of the examples; its bias lets the examples win by about `margin`.
        """
        centre = examples.mean(0)
        direction = centre / centre.norm()
        with torch.no_grad():
            reach = (examples @ direction).quantile(0.1)
            slope = 8 * margin / reach
            top = (functional.linear(examples, self.gate) + self.gate_bias)[:, : self.old_experts].amax()
            self.gate[self.old_experts :] = slope * direction
            self.gate_bias[self.old_experts :] = top + margin - slope * reach

    def new_parameters(self) -> Iterator[nn.Parameter]:
        """The expert weights, whose old rows get no gradient; gates stay as they were opened."""
        yield from (self.gate_up_proj, self.down_proj)

    def _only_new(self, gradient: Tensor) -> Tensor:
        kept = gradient.clone()
        kept[: self.old_experts] = 0
        return kept


def mixed(tokens: Tensor, chosen: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Every expert once, on all of its tokens: sorted by expert, two products each, weighted and summed back.

    tokens (T, d), chosen and weights (T, k), gate_up (E, 2 * h, d), down (E, d, h) -> (T, d).
    """
    active = chosen.shape[1]
    order = chosen.reshape(-1).argsort(stable=True)
    counts = chosen.reshape(-1).bincount(minlength=len(gate_up)).tolist()
    sorted_tokens = order // active
    parts = []
    worth = tokens.dtype == torch.bfloat16 and tokens.device.type == "cpu" and not bfloat16_is_native()
    for expert, part in enumerate(torch.split(tokens[sorted_tokens], counts)):
        if len(part):
            # Emulated products are slower than unpacking the expert for them, from a few tokens on.
            unpack = worth and len(part) >= UNPACK_FROM
            parts.append(
                _worked(part, gate_up[expert], down[expert], torch.float32 if unpack else tokens.dtype)
            )
    worked = torch.cat(parts) * weights.reshape(-1)[order].unsqueeze(-1)
    result: Tensor = torch.zeros_like(tokens).index_add_(0, sorted_tokens, worked)
    return result


def _worked(tokens: Tensor, gate_up: Tensor, down: Tensor, computed: torch.dtype) -> Tensor:
    """One expert on its tokens, computed in a precision and given back in theirs."""
    gate, up = functional.linear(tokens.to(computed), gate_up.to(computed)).chunk(2, dim=-1)
    return functional.linear(functional.silu(gate) * up, down.to(computed)).to(tokens.dtype)


def mixed_naively(tokens: Tensor, chosen: Tensor, weights: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """The same, token by token and expert by expert, as the definition reads."""
    result = torch.zeros_like(tokens)
    for token in range(len(tokens)):
        for slot in range(chosen.shape[1]):
            expert = int(chosen[token, slot])
            gate, up = (gate_up[expert] @ tokens[token]).chunk(2)
            result[token] += weights[token, slot] * (down[expert] @ (functional.silu(gate) * up))
    return result


def _normal(*shape: int) -> Tensor:
    values: Tensor = torch.randn(shape) * shape[-1] ** -0.5
    return values
