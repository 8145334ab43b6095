"""ROUTERS -> COUNTS: which experts worked for which request, layer by layer, without touching the model.

Forward hooks keep the indices that each router chose; counting happens after an answer, never in
between. A watch that is not there costs nothing. Counts are split by segment, since image tokens are routed alike whatever
is asked and would drown the rest: image, prompt, and answer (the positions that predict its tokens).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.errors import InputError
from core.measure import Gauge

Segment = Literal["image", "prompt", "answer"]
SEGMENTS: tuple[Segment, ...] = ("image", "prompt", "answer")
Counts = NDArray[np.int64]  # (layers, experts)


@dataclass(frozen=True, slots=True)
class Routing:
    """Tokens that each expert of each layer worked on for one request, by segment."""

    counts: Mapping[Segment, Counts]

    @property
    def total(self) -> Counts:
        total: Counts = sum(self.counts.values(), np.zeros_like(self.counts["image"]))
        return total


@dataclass(frozen=True, slots=True)
class LayerUse:
    """`entropy`: of the load in bits, at most log2(experts); `skew`: largest load over the mean; `idle`: experts unused."""

    layer: int
    entropy: float
    skew: float
    idle: int
    busiest: tuple[int, ...]


class ExpertWatch:
    """Hooks the routers of one model, on its generating thread. `close` takes them off again."""

    def __init__(self, model: Any, experts: int) -> None:
        routers = [
            (name, module)
            for name, module in model.named_modules()
            if type(module).__name__.endswith("Router")
        ]
        if not routers:
            raise InputError(f"{type(model).__name__} has no routers that Sightline knows to watch")
        self._experts = experts
        self._chosen: list[list[Any]] = [[] for _ in routers]
        self._hooks = [
            module.register_forward_hook(self._keeper(layer)) for layer, (_, module) in enumerate(routers)
        ]
        self.sums = ExpertSums(len(routers), experts)

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def begin(self) -> None:
        for kept in self._chosen:
            kept.clear()

    def end(
        self, kinds: Sequence[Sequence[int]], answers: Sequence[int], *, passes: int = 1
    ) -> list[Routing]:
        """Counts of each request of the batch that just ran.

        `kinds`: of each request's prompt tokens, 0 for text (as Inputs); `answers`: its tokens made;
        `passes`: those that the prompt took, 2 where a prefix was computed first. The batch was padded on the left. A prompt whose start came from a cached prefix counts from there on; the
        request for which that prefix was computed counts it too.
        """
        longest = max(len(kind) for kind in kinds)
        layers = [self._layer(kept, len(kinds)) for kept in self._chosen]
        chosen = np.stack(layers)  # (layers, batch, positions, k)
        steps = len(self._chosen[0]) - passes
        first = chosen.shape[2] - steps  # prompt positions that were computed
        result = []
        for index, (kind, answer) in enumerate(zip(kinds, answers)):
            here = chosen[:, index]
            known = min(len(kind), first)
            prompt = np.array(kind[len(kind) - known :])
            at = first - known if first < longest else longest - len(kind)
            rows = here[:, at:first]
            made = here[:, first - 1 : first - 1 + answer]
            parts = {
                "image": rows[:, prompt > 0],
                "prompt": rows[:, :-1][:, prompt[:-1] == 0],
                "answer": made,
            }
            result.append(Routing({segment: self._count(parts[segment]) for segment in SEGMENTS}))
        return result

    def _keeper(self, layer: int) -> Any:
        keep = self._chosen[layer].append

        def hook(module: Any, given: Any, output: Any) -> None:
            keep(output[-1])  # (rows, k): the indices stand last in every router's output

        return hook

    def _layer(self, kept: Sequence[Any], batch: int) -> NDArray[np.int64]:
        """(batch, positions, k): the prompt's rows come first, then one row of the batch a step."""
        parts = [tensor.view(batch, -1, tensor.shape[-1]).cpu().numpy() for tensor in kept]
        return np.concatenate(parts, axis=1)

    def _count(self, chosen: NDArray[np.int64]) -> Counts:
        return np.stack([np.bincount(layer.reshape(-1), minlength=self._experts) for layer in chosen])


class ExpertSums:
    """Counts of many requests, by kind of question and segment. Read by other threads than the one that adds."""

    def __init__(self, layers: int = 0, experts: int = 0) -> None:
        self._none = np.zeros((layers, experts), dtype=np.int64)
        self._sums: dict[tuple[str, Segment], Counts] = {}

    def add(self, routing: Routing, question_kind: str) -> None:
        for segment, counts in routing.counts.items():
            known = self._sums.get((question_kind, segment))
            self._sums[question_kind, segment] = counts if known is None else known + counts

    def total(self, segment: Segment | None = None, question_kind: str | None = None) -> Counts:
        """Counts of all requests so far; of one segment or kind of question where given."""
        chosen = [
            counts
            for (kind, part), counts in list(self._sums.items())
            if segment in (None, part) and question_kind in (None, kind)
        ]
        return np.sum(chosen, axis=0, dtype=np.int64) if chosen else self._none

    def snapshot(self) -> list[Gauge]:
        """Load shares, entropy, skew and idle experts, by layer, for a metrics endpoint."""
        counts = self.total()
        gauges = []
        for use, shares in zip(uses(counts), loads(counts)):
            layer = {"layer": str(use.layer)}
            gauges += [
                Gauge("sightline_expert_entropy_bits", layer, use.entropy),
                Gauge("sightline_expert_skew", layer, use.skew),
                Gauge("sightline_experts_idle", layer, float(use.idle)),
            ]
            gauges += [
                Gauge("sightline_expert_load", {**layer, "expert": str(expert)}, float(share))
                for expert, share in enumerate(shares)
            ]
        return gauges


# ---------------------------------------------------------------- figures


def loads(counts: Counts) -> NDArray[np.float64]:
    """Shares of each layer's tokens, (layers, experts); zero where nothing was counted."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


def uses(counts: Counts) -> list[LayerUse]:
    return [
        LayerUse(
            layer,
            entropy(shares),
            float(shares.max() * len(shares)),
            int((shares == 0).sum()),
            tuple(int(expert) for expert in np.argsort(-shares, kind="stable")[:3]),
        )
        for layer, shares in enumerate(loads(counts))
    ]


def entropy(shares: NDArray[np.float64]) -> float:
    """Bits."""
    positive = shares[shares > 0]
    return float(-(positive * np.log2(positive)).sum())


def distance(one: Counts, other: Counts) -> float:
    """Jensen-Shannon distance of the loads, base 2, mean over layers: 0 alike, 1 disjoint."""
    found = []
    for mine, theirs in zip(loads(one), loads(other)):
        divergence = entropy((mine + theirs) / 2) - (entropy(mine) + entropy(theirs)) / 2
        found.append(math.sqrt(max(0.0, divergence)))
    return sum(found) / len(found)


# ---------------------------------------------------------------- heat map


def heat_map(panels: Mapping[str, Counts], cell: int = 0) -> Image.Image:
    """One panel for each name: a row for each layer, a column for each expert, dark where the load is high."""
    layers, experts = next(iter(panels.values())).shape
    cell = cell or max(4, min(24, 960 // experts))
    head, margin = 18, 28
    width, height = 2 * margin + cell * experts, head + cell * layers + margin // 2
    image = Image.new("RGB", (width, height * len(panels)), "white")
    draw = ImageDraw.Draw(image)
    for number, (name, counts) in enumerate(panels.items()):
        top = number * height
        draw.text((margin, top + 3), f"{name}: load by layer (rows) and expert (columns)", fill="black")
        shares = loads(counts)
        brightest = max(float(shares.max()), 1e-9)
        for layer in range(layers):
            draw.text((6, top + head + layer * cell), str(layer), fill="black")
            for expert in range(experts):
                x, y = margin + expert * cell, top + head + layer * cell
                draw.rectangle(
                    (x, y, x + cell - 1, y + cell - 1), fill=_colour(shares[layer, expert] / brightest)
                )
    return image


def _colour(share: float) -> tuple[int, int, int]:
    """White to deep blue."""
    return round(247 - 239 * share), round(251 - 203 * share), round(255 - 148 * share)
