"""LABELLED YES-NO QUESTIONS -> the weights of `rag/stance.json`.

    python -m bench.fit_stance --data DIR --out rag/stance.json

Multinomial logistic regression (scikit-learn, for fitting only) over the cues of `rag/stance.py`, the words of
the question and those of the last sentences, by tf-idf. Prints the accuracy out of fold: five times ten folds,
each question judged by weights that have not seen it, words and rarities included.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.pubmedqa import MEANS, mark, task_of
from bench.retrieval import read_set
from rag.stance import FEATURES, VERDICTS, Said, features, late_text, terms_of, weighted
from rag.yes_no import said_of

Floats = NDArray[np.float64]
_RARE = 3  # texts that must hold a word
_BOUNDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8)
_CUE = 0.15  # what a cue counts beside a word, in standard deviations


@dataclass(frozen=True, slots=True)
class Labelled:
    identity: str
    question: str
    sentences: tuple[Said, ...]
    label: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--strength", type=float, default=1.0, help="the inverse of the L2 penalty")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    labelled = read(options.data)
    right, shown = out_of_fold(labelled, options.strength)
    print(f"out of fold: {right:.4f} of {len(labelled)}")
    for bound, (part, of_these) in shown.items():
        print(f"  sure from {bound}: {part:.3f}, right of these {of_these:.3f}")
    weights = fit(labelled, options.strength)
    weights["fitted"] = {
        "set": options.data.resolve().name,
        "questions": sorted(mark(each.identity) for each in labelled),
        "accuracy_out_of_fold": round(right, 3),
    }
    options.out.write_text(
        json.dumps(weights, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"
    )


def read(folder: Path) -> list[Labelled]:
    """The questions that are read as yes-no questions, with the sentences of their abstract."""
    judged = read_set(folder)
    records = {str(record["_id"]): record for record in judged.records}
    means = {word: VERDICTS.index(verdict) for verdict, word in MEANS.items()}
    found = []
    for question in judged.questions:
        if str(question["_id"]) in records:
            sentences = said_of(task_of(question, records[str(question["_id"])]))
            if sentences:
                label = means[question["answer"]]
                found.append(Labelled(str(question["_id"]), question["text"], tuple(sentences), label))
    return found


def out_of_fold(
    labelled: Sequence[Labelled], strength: float, times: int = 5
) -> tuple[float, dict[float, tuple[float, float]]]:
    """Accuracy of all; by how sure a verdict is at least, the share of such and the accuracy of these."""
    from sklearn.model_selection import StratifiedKFold

    labels = np.array([each.label for each in labelled])
    right, sure = [], []
    for seed in range(times):
        for train, test in StratifiedKFold(10, shuffle=True, random_state=seed).split(labels, labels):
            weights = fit([labelled[at] for at in train], strength)
            for at in test:
                chances = _chances(weights, labelled[at])
                right.append(float(np.argmax(chances) == labels[at]))
                sure.append(float(chances.max()))
    hits, levels = np.array(right), np.array(sure)
    shown = {
        bound: (float(np.mean(levels >= bound)), float(hits[levels >= bound].mean()))
        for bound in _BOUNDS
        if (levels >= bound).any()
    }
    return float(hits.mean()), shown


def fit(labelled: Sequence[Labelled], strength: float) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    words = [_words([terms_of(text) for text in texts]) for texts in _texts(labelled)]
    cues = np.array([features(each.question, each.sentences) for each in labelled])
    spread = np.maximum(cues.std(axis=0), 1e-9) / _CUE
    centre = cues.mean(axis=0)
    table = np.hstack([(cues - centre) / spread, *(_table(w, t) for w, t in zip(words, _texts(labelled)))])
    model = LogisticRegression(C=strength, max_iter=3000).fit(table, [each.label for each in labelled])
    weights = model.coef_
    of_cues = weights[:, : len(FEATURES)] / spread
    constant = model.intercept_ - of_cues @ centre
    after = len(FEATURES)
    named = {
        "constant": _rounded(constant),
        "features": {name: _rounded(of_cues[:, at]) for at, name in enumerate(FEATURES)},
    }
    for name, known in zip(("question", "late"), words, strict=True):
        named[name] = {
            word: [round(rarity[0], 3), *_rounded(weights[:, after + at])]
            for at, (word, rarity) in enumerate(known.items())
        }
        after += len(known)
    return named


def _texts(labelled: Sequence[Labelled]) -> tuple[list[str], list[str]]:
    return [each.question for each in labelled], [late_text(each.sentences) for each in labelled]


def _words(texts: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Each word that enough texts hold, with its rarity."""
    counts = Counter(word for text in texts for word in set(text))
    return {
        word: [math.log((1 + len(texts)) / (1 + count)) + 1]
        for word, count in sorted(counts.items())
        if count >= _RARE
    }


def _table(words: Mapping[str, Sequence[float]], texts: Sequence[str]) -> Floats:
    at = {word: index for index, word in enumerate(words)}
    table = np.zeros((len(texts), len(words)))
    for row, text in enumerate(texts):
        for word, value in weighted(terms_of(text), words).items():
            table[row, at[word]] = value
    return table


def _chances(weights: Mapping[str, Any], each: Labelled) -> Floats:
    totals = np.array(weights["constant"])
    for name, value in zip(FEATURES, features(each.question, each.sentences), strict=True):
        totals = totals + np.array(weights["features"][name]) * value
    for name, text in (("question", each.question), ("late", late_text(each.sentences))):
        for word, value in weighted(terms_of(text), weights[name]).items():
            totals = totals + np.array(weights[name][word][1:]) * value
    chances = np.exp(totals - totals.max())
    found: Floats = chances / chances.sum()
    return found


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 3) for value in values]


if __name__ == "__main__":
    main()
