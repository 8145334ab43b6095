"""JUDGED SETS -> the weights of `rag/doubt.json`.

    python -m bench.fit_doubt --data DIR [DIR ...] --keep DIR --out rag/doubt.json

The questions of `bench abstain`, with and without an answer, go through retrieval; the signs of `rag/doubt.py` over
the evidence become a logistic regression for each language, every set weighing the same. A sign that speaks for an
answer never counts against one, or the other way round. Each set is judged by weights that have not seen it, a
language's only set by those of the other half of its questions; these figures are printed and stand in the file.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from api.assemble import Sightline, open_sightline
from bench.abstain import asked_of
from bench.retrieval import index, read_set
from core.settings import Settings
from core.types import Access, Language
from rag.answer import CANDIDATES
from rag.context import build_context
from rag.doubt import ENOUGH, SIGNS, signs
from rag.extractive import best_of
from rag.plan import plan
from rag.relevance import Question

Floats = NDArray[np.float64]
_SPEAKS = {  # what a sign may do: for an answer, against, or either
    **dict.fromkeys(["meaning", "joined", "named", "verbatim", "apart"], (0.0, None)),
    **dict.fromkeys(["period_unknown", "period_other"], (None, 0.0)),
    # The sets ask for few things that a known firm or drug does not have: there these decide.
    "covered": (1.0, None),
    "absent": (None, -1.0),
    "strange": (None, -5.0),
    **dict.fromkeys(["period_stated", "period_within", "period_around"], (None, None)),
}
_PENALTY = 0.15  # on the square of each weight, beside the mean loss of a question
_MORE = 1.15  # what a question without an answer weighs beside one with: a wrong answer costs more than none


@dataclass(frozen=True, slots=True)
class Labelled:
    """`kind` as `bench.abstain` names it; of the signs those that are there."""

    identity: str
    kind: str
    language: Language
    signs: Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--limit", type=int, default=150, help="of the questions of a set that have an answer"
    )
    parser.add_argument(
        "--keep", type=Path, required=True, help="where the signs of a set are kept once read"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sets = {folder.name: read(folder, options.keep, options.limit) for folder in options.data}
    encoder = "all-MiniLM-L6-v2"
    weights, figures = {}, {}
    for language, columns, name in (
        ("en", SIGNS, f"en {encoder}"),
        ("en", [sign for sign in SIGNS if sign != "meaning"], "en"),
        ("zh", [sign for sign in SIGNS if sign != "meaning"], "zh"),
    ):
        mine = {
            key: found
            for key, rows in sets.items()
            if (found := [row for row in rows if row.language == language])
        }
        mine = {key: rows for key, rows in mine.items() if len(rows) > len(sets[key]) / 2}
        weights[name] = fit(list(mine.values()), columns)
        figures[name] = dict(left_out(mine, columns))
        for key, told in figures[name].items():
            print(f"{name:22} {key:20} " + "  ".join(f"{word} {value:.3f}" for word, value in told.items()))
    usual = float(np.mean([row.signs["apart"] for rows in sets.values() for row in rows]))
    text = json.dumps(
        {"weights": weights, "usual_apart": round(usual, 3), "left_out": figures},
        ensure_ascii=False,
        indent=1,
    )
    options.out.write_text(f"{text}\n", "utf-8")


# ---------------------------------------------------------------- the signs


def read(folder: Path, keep: Path, limit: int) -> list[Labelled]:
    kept = keep / f"{folder.name}-{limit}.json"
    if not kept.exists():
        with (
            TemporaryDirectory(prefix="bench-") as state,
            open_sightline(Settings(state=Path(state) / "state")) as sightline,
        ):
            rows = list(_rows(folder, sightline, limit))
        keep.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False), "utf-8")
    return [Labelled(**row) for row in json.loads(kept.read_text("utf-8"))]


def _rows(folder: Path, sightline: Sightline, limit: int) -> Iterator[Labelled]:
    made = asked_of(read_set(folder), limit)
    index(sightline, made.records, titles=True)
    for question in made.questions:
        asked = plan(question.text)
        hits = sightline.retriever.search(asked, access=Access(), limit=CANDIDATES)
        budget = sightline.settings.evidence_tokens
        evidence = build_context(hits, asked, store=sightline.store, access=Access(), budget=budget)
        found = best_of(asked, evidence, sightline.embedder)
        if found:
            yield Labelled(
                question.text, question.kind, asked.language, signs(Question(asked, evidence), found)
            )


# ---------------------------------------------------------------- the fit


def fit(sets: Sequence[Sequence[Labelled]], columns: Sequence[str]) -> dict[str, Any]:
    """Weights of least loss under the bounds of `_SPEAKS`."""
    values = np.array([_row(row, columns) for rows in sets for row in rows])
    right = np.array([row.kind == "answerable" for rows in sets for row in rows])
    each = np.array(
        [(1.0 if row.kind == "answerable" else _MORE) / len(rows) for rows in sets for row in rows]
    )
    each /= each.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = values @ weights[1:] + weights[0]
        chance = 1 / (1 + np.exp(-odds))
        total = -(each * np.where(right, np.log(chance + 1e-12), np.log(1 - chance + 1e-12))).sum()
        slope = each * (chance - right)
        penalty = _PENALTY / len(right) * weights[1:]
        return total + 0.5 * (penalty @ weights[1:]), np.concatenate(
            [[slope.sum()], values.T @ slope + penalty]
        )

    bounds = [(None, None), *(_SPEAKS[name] for name in columns)]
    found = minimize(loss, np.zeros(len(columns) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return {
        "constant": round(float(found[0]), 3),
        "of": {name: round(float(weight), 3) for name, weight in zip(columns, found[1:], strict=True)},
    }


def _row(row: Labelled, columns: Sequence[str]) -> list[float]:
    return [row.signs.get(name, 0.0) for name in columns]


def left_out(
    sets: Mapping[str, Sequence[Labelled]], columns: Sequence[str]
) -> Iterator[tuple[str, dict[str, float]]]:
    """How the refusals of each set would be by weights that have not seen it."""
    for name, rows in sets.items():
        others = [found for key, found in sets.items() if key != name]
        if others:
            yield name, figures_of([(row, _likely(row, fit(others, columns))) for row in rows])
        else:
            halves = [[row for row in rows if _half(row) == half] for half in (0, 1)]
            judged = [
                (row, _likely(row, fit([halves[1 - half]], columns)))
                for half in (0, 1)
                for row in halves[half]
            ]
            yield name, figures_of(judged)


def _half(row: Labelled) -> int:
    return int(md5(row.identity.encode(), usedforsecurity=False).hexdigest(), 16) % 2


def _likely(row: Labelled, weights: Mapping[str, Any]) -> float:
    odds = weights["constant"] + sum(
        weight * row.signs.get(name, 0.0) for name, weight in weights["of"].items()
    )
    return float(1 / (1 + np.exp(-odds)))


def figures_of(judged: Sequence[tuple[Labelled, float]]) -> dict[str, float]:
    refused = [row for row, likely in judged if likely < ENOUGH]
    due = [row for row, _ in judged if row.kind != "answerable"]
    hit = sum(row.kind != "answerable" for row in refused)
    return {
        "questions": len(judged),
        "refusal_precision": round(hit / max(1, len(refused)), 3),
        "refusal_recall": round(hit / max(1, len(due)), 3),
    }


if __name__ == "__main__":
    main()
