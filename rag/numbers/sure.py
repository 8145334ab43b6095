"""HOW WELL A ROW FITS -> HOW LIKELY THE ANSWER IS RIGHT: a logistic regression on a few signs and the operation.

The weights are data (`sure.json`; its card is `sure.md`), fitted by `bench/fit_sure.py`. Knows nothing of what was computed.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Signs:
    """`score`: how well the row fits; `margin`: how much better than the next, 1 at most; `named`: the share of the
    question's weight that the row says, 1 where that was not looked at.
    """

    operation: str
    score: float
    margin: float
    named: float


def likely_right(signs: Signs) -> float:
    """From 0 to 1."""
    weights = _weights()
    odds = weights["constant"] + weights.get(f"is {signs.operation}", 0.0)
    odds += sum(weights[name] * getattr(signs, name) for name in ("score", "margin", "named"))
    return 1 / (1 + math.exp(-odds))


@cache
def _weights() -> Mapping[str, float]:
    read: Mapping[str, float] = json.loads(Path(__file__).with_name("sure.json").read_text("utf-8"))[
        "weights"
    ]
    return read
