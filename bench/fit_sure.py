"""TAT-QA -> the weights of `rag/numbers/sure.json`: how likely an answer from a table is right.

    python -m bench.fit_sure --data DIR --out rag/numbers/sure.json

Each question of the set is answered as `bench tatqa` answers it; the signs of `rag/numbers/sure.py` and whether the answer was
exactly right become a logistic regression. Contexts are dealt into three parts by hash; each part is judged by weights
that have not seen it, and these figures stand in the file. The weights that are written have seen all three.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

from bench.report import mean
from bench.retrieval import read_set
from bench.tatqa import answered, judge
from rag.numbers.sure import Signs

PARTS = 3
NUMBERS = ("score", "margin", "named")
_INVERSE_PENALTY = 0.3  # `C` of scikit-learn


@dataclass(frozen=True, slots=True)
class Judged:
    """`signs` is None for what stands in a paragraph or was refused: its `confidence` stays as it is."""

    context: str
    right: float
    confidence: float
    signs: Signs | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    judged = read(options.data)
    out_of_fold = {
        f"em_at_half_of_part_{part}": round(at_half(*_seen_by_others(judged, part)), 3)
        for part in range(PARTS)
    }
    print(out_of_fold)
    fitted = {"weights": fit(judged), "out_of_fold": out_of_fold, "questions": len(judged)}
    options.out.write_text(f"{json.dumps(fitted, indent=1)}\n", "utf-8")


def read(folder: Path) -> list[Judged]:
    found = read_set(folder)
    contexts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in found.records:
        contexts[record["ctx"]].append(record)
    rows = []
    for question in found.questions:
        answer = answered(question, contexts[question["ctx"]])
        rows.append(Judged(question["ctx"], judge(question, answer).exact, answer.confidence, answer.signs))
    return rows


def _seen_by_others(judged: Sequence[Judged], part: int) -> tuple[list[Judged], dict[str, float]]:
    """The questions of the part, and the weights of all others."""
    mine = [row for row in judged if _part(row.context) == part]
    return mine, fit([row for row in judged if _part(row.context) != part])


def _part(context: str) -> int:
    return int(md5(context.encode(), usedforsecurity=False).hexdigest(), 16) % PARTS


def fit(judged: Sequence[Judged]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    known = [row for row in judged if row.signs]
    names = [*NUMBERS, *sorted({f"is {row.signs.operation}" for row in known if row.signs})]
    values = [_values(row.signs, names) for row in known if row.signs]
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=2000).fit(values, [row.right for row in known])
    weights = dict(zip(names, model.coef_[0], strict=True)) | {"constant": model.intercept_[0]}
    return {name: round(float(weight), 3) for name, weight in weights.items()}


def _values(signs: Signs, names: Sequence[str]) -> list[float]:
    return [
        getattr(signs, name) if name in NUMBERS else float(name == f"is {signs.operation}") for name in names
    ]


def at_half(judged: Sequence[Judged], weights: Mapping[str, float]) -> float:
    """The share that is right of the surer half."""
    surest = sorted(judged, key=lambda row: -_odds(row, weights))
    return mean([row.right for row in surest[: len(surest) // 2]])


def _odds(row: Judged, weights: Mapping[str, float]) -> float:
    """Of what has no signs below all others, in the order of its confidence."""
    if row.signs is None:
        return row.confidence - 100
    names = [name for name in weights if name != "constant"]
    return weights["constant"] + sum(
        weights[name] * value for name, value in zip(names, _values(row.signs, names), strict=True)
    )


if __name__ == "__main__":
    main()
