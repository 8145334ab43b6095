"""EVIDENCE + TURNS SO FAR + QUESTION -> all that the model of `moves` sees of one turn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.numbers.features import Features
from rag.numbers.pairs import Pairs
from rag.numbers.said import Said
from rag.numbers.setting import Argument, Page, Past, Setting


@dataclass(frozen=True, slots=True)
class Scene:
    """`pairs` (arguments, arguments, len(PAIRS)); `features` by argument; `cues` of the question and state."""

    arguments: tuple[Argument, ...]
    features: tuple[dict[str, float], ...]
    pairs: NDArray[np.float64]
    cues: frozenset[str]


def scene_of(page: Page, past: Sequence[Past], asked: Said) -> Scene:
    setting = Setting(page, past, asked)
    arguments = setting.arguments()
    features = Features(setting)
    return Scene(
        tuple(arguments),
        tuple(dict(features.of(argument)) for argument in arguments),
        Pairs(setting).of(arguments),
        frozenset(setting.cues()),
    )
