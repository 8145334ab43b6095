"""A TURN AND WHAT WENT BEFORE -> the program that it most likely asks for, by a log-linear model.

A program looks one value up or joins two: values of the page, results of earlier turns, plain numbers.
All pairs are weighed at once: the words of the question speak for a kind of program, the fit of each value
for its place in it, and both values together for their order. The weights are data (`moves.json`; its card is
`moves.md`), fitted by `bench/fit_moves.py`. Weights choose; the value itself is computed by `calc`, exactly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rag.numbers.pairs import PAIRS
from rag.numbers.scene import Scene
from rag.numbers.setting import KINDS, Argument

Operation = Literal["look", "sub", "div", "add", "mul", "pct", "avg"]
JOINING: tuple[Operation, ...] = ("sub", "div", "add", "mul", "pct", "avg")

Floats = NDArray[np.float64]
Names = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Move:
    """`score` is a logarithm; only its differences within one turn mean something."""

    operation: Operation
    arguments: tuple[Argument, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Weights:
    """`cues`: program kind ("div", "div made old") -> word of the question -> weight. `slots`: operation and
    place ("div 0") -> feature of an argument -> weight. `pairs`: operation -> weights in the order of PAIRS.
    """

    cues: Mapping[str, Names]
    slots: Mapping[str, Names]
    pairs: Mapping[str, Floats]
    fitted_on: frozenset[str] = frozenset()  # the marks of the pages that were seen (`bench/fit_moves.py`)


def best(scene: Scene, weights: Weights | None = None, most: int = 8) -> list[Move]:
    """The likeliest programs first."""
    weights = weights or shipped()
    moves = _looks(scene, weights)
    for operation in JOINING:
        moves += _joins(scene, weights, operation, most)
    return sorted(moves, key=lambda move: -move.score)[:most]


def _looks(scene: Scene, weights: Weights) -> list[Move]:
    slot = weights.slots.get("look 0", {})
    kinds = [_said(scene, weights, f"look {kind}") for kind in KINDS]
    base = _said(scene, weights, "look")
    return [
        Move("look", (argument,), base + kinds[argument.kind] + _sum(slot, features))
        for argument, features in zip(scene.arguments, scene.features, strict=True)
    ]


def _joins(scene: Scene, weights: Weights, operation: Operation, most: int) -> list[Move]:
    count = len(scene.arguments)
    first, second = (
        np.array([_sum(weights.slots.get(f"{operation} {place}", {}), each) for each in scene.features])
        for place in (0, 1)
    )
    kinds = np.array(
        [[_said(scene, weights, f"{operation} {one} {other}") for other in KINDS] for one in KINDS]
    )
    kind = np.array([argument.kind for argument in scene.arguments])
    base = _said(scene, weights, operation)
    scores = base + first[:, None] + second[None, :] + kinds[kind[:, None], kind[None, :]]
    scores = scores + scene.pairs @ weights.pairs.get(operation, np.zeros(len(PAIRS)))
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=None)[:most]
    return [
        Move(operation, (scene.arguments[at // count], scene.arguments[at % count]), float(scores.flat[at]))
        for at in order
        if np.isfinite(scores.flat[at])
    ]


def _said(scene: Scene, weights: Weights, program: str) -> float:
    known = weights.cues.get(program, {})
    return sum(known[cue] for cue in scene.cues if cue in known)


def _sum(weights: Names, features: Names) -> float:
    return sum(weights[name] * value for name, value in features.items() if name in weights)


@cache
def shipped() -> Weights:
    return read_weights(Path(__file__).with_name("moves.json"))


def read_weights(path: Path) -> Weights:
    read = json.loads(path.read_text("utf-8"))
    pairs = {
        operation: np.array([found.get(name, 0.0) for name in PAIRS])
        for operation, found in read["pairs"].items()
    }
    return Weights(read["cues"], read["slots"], pairs, frozenset(read.get("fitted", {}).get("pages", ())))
