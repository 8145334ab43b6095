"""JUDGED CONVERSATIONS -> the weights of `rag/numbers/moves.json`.

    python -m bench.fit_moves --data DIR --half even --out weights.json

A conditional log-linear model: of all programs of a turn, those that give the judged value are to be the
likeliest (marginal likelihood, L2, L-BFGS). Each turn is seen with the judged programs of the turns before
it. `--half even` takes the pages whose id hashes to an even number, so that the others stay unseen.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.convfinqa import evidence_of, golds, mark
from bench.retrieval import read_set
from rag.numbers.moves import JOINING
from rag.numbers.pairs import PAIRS
from rag.numbers.pool import Pool
from rag.numbers.said import said
from rag.numbers.scene import Scene, scene_of
from rag.numbers.setting import KINDS, Argument, Page, Past

Floats = NDArray[np.float64]
SLOTS = ("look 0", *(f"{operation} {place}" for operation in JOINING for place in (0, 1)))
PROGRAMS = (
    "look",
    *(f"look {kind}" for kind in KINDS),
    *JOINING,
    *(f"{operation} {one} {other}" for operation in JOINING for one in KINDS for other in KINDS),
)
_SIGNS = {"-": ("sub",), "/": ("div", "pct", "avg"), "+": ("add",), "*": ("mul",), "": ("look",)}
_RARE = 4  # turns that must hold a cue, and one less of companies


@dataclass(frozen=True, slots=True)
class Seen:
    """One turn: its scene, its page and the company that reports there, and by operation which programs give the
    judged value.
    """

    scene: Scene
    page: str
    company: str
    right: Mapping[str, NDArray[np.bool_]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("even", "odd", "all"), default="all")
    parser.add_argument("--l2", type=float, default=2.0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    judged = read_set(options.data)
    seen = list(turns_of(judged, options.half))
    weights = fit(seen, options.l2)
    weights["fitted"] = {
        "set": options.data.resolve().name,
        "pages": sorted({mark(each.page) for each in seen}),
        "turns": len(seen),
        "l2": options.l2,
    }
    options.out.write_text(
        json.dumps(weights, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"
    )


# ---------------------------------------------------------------- turns with their judged programs


def in_half(page: str, half: str) -> bool:
    odd = int(md5(page.encode()).hexdigest(), 16) % 2
    return half == "all" or odd == (half == "odd")


def turns_of(judged: Any, half: str) -> Iterator[Seen]:
    pages = {record["_id"]: record for record in judged.records}
    for question in judged.questions:
        name = next(iter(judged.judgements[question["_id"]]))
        if in_half(name, half):
            yield from _of_conversation(question, Page(Pool(evidence_of(pages[name]))), name)


def _of_conversation(question: Mapping[str, Any], page: Page, name: str) -> Iterator[Seen]:
    past: list[Past] = []
    programs = question["meta"]["programs"]
    for text, gold, program in zip(question["turns"], golds(question), programs, strict=True):
        asked = said(text)
        scene = scene_of(page, past, asked)
        carried = next((turn.phrase for turn in reversed(past) if turn.phrase), "")
        phrase = asked.phrase or carried
        operation = "look"
        arguments: tuple[Argument, ...] = ()
        if gold is not None:
            right = _right(scene, float(gold), _SIGNS[_sign(program)])
            if any(mask.any() for mask in right.values()):
                yield Seen(scene, name, _company(question, name), right)
                operation, arguments = _judged(scene, right, page, f"{carried} {asked.phrase}")
        periods = (
            asked.periods
            or tuple(
                page.values[each.at].period
                for each in arguments
                if each.at >= 0 and page.values[each.at].period
            )[:1]
        )
        past.append(Past(asked, phrase, periods, operation, arguments, gold))


def _company(question: Mapping[str, Any], page: str) -> str:
    """Of "Single_MRO/2007/page_134.pdf-1" the company, so that no name of one becomes a cue; else the page."""
    match = re.match(r"[A-Za-z]+_([^/]+)/", str(question["meta"].get("id", "")))
    return match[1] if match else page


def _sign(program: str) -> str:
    """The operator of the last step."""
    words = program.rsplit(";", maxsplit=1)[-1].partition("=")[2].split()
    return next((word for word in words if word in ("-", "/", "+", "*")), "")


def _right(scene: Scene, gold: float, wanted: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Which programs give the value; those of the judged operator where there are some."""
    values = np.array([float(argument.value) for argument in scene.arguments])
    found = {name: np.abs(table - gold) < 6e-6 for name, table in results(values).items()}
    for name in JOINING:
        np.fill_diagonal(found[name], False)
    if any(found[name].any() for name in wanted):
        return {name: mask if name in wanted else np.zeros_like(mask) for name, mask in found.items()}
    return found


def results(values: Floats) -> dict[str, Floats]:
    one, other = values[:, None], values[None, :]
    safe = np.where(other == 0, np.nan, other)
    return {
        "look": values,
        "sub": one - other,
        "div": one / safe,
        "add": one + other,
        "mul": one * other,
        "pct": (one - other) / safe,
        "avg": (one + other) / 2,
    }


def _judged(
    scene: Scene, right: Mapping[str, NDArray[np.bool_]], page: Page, phrase: str
) -> tuple[str, tuple[Argument, ...]]:
    """Of the programs that are right, the one whose values were used before or are named best."""
    fits = page.fits(phrase)
    worth = np.array(
        [
            (0.0, 3.0, 3.0, -1.0)[each.kind] + (fits[each.at].score if each.at >= 0 else 0.0)
            for each in scene.arguments
        ]
    )
    best: tuple[float, str, tuple[Argument, ...]] = (-np.inf, "look", ())
    for name, mask in right.items():
        if not mask.any():
            continue
        if name == "look":
            fresh = worth - np.array([3.0 * (each.kind in (1, 2)) for each in scene.arguments])
            at = int(np.argmax(np.where(mask, fresh, -np.inf)))
            best = max(best, (float(fresh[at]), name, (scene.arguments[at],)), key=lambda each: each[0])
        else:
            scores = np.where(mask, worth[:, None] + worth[None, :], -np.inf)
            i, j = divmod(int(np.argmax(scores)), len(worth))
            best = max(
                best,
                (float(scores[i, j]), name, (scene.arguments[i], scene.arguments[j])),
                key=lambda each: each[0],
            )
    return best[1], best[2]


# ---------------------------------------------------------------- fitting


def fit(seen: Sequence[Seen], l2: float, rounds: int = 90) -> dict[str, Any]:
    from scipy.optimize import minimize

    task = _Task(seen, l2)
    found = minimize(
        task.loss, np.zeros(task.size), jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 12}
    )
    return task.named(found.x)


class _Task:
    def __init__(self, seen: Sequence[Seen], l2: float) -> None:
        self.l2 = l2
        self.cues = _frequent((each.scene.cues, each.company) for each in seen)
        names = _frequent(
            (frozenset(n for f in each.scene.features for n in f), each.company) for each in seen
        )
        self.names = names
        cue_at = {cue: index for index, cue in enumerate(self.cues)}
        name_at = {name: index for index, name in enumerate(names)}
        self.spoken = np.zeros((len(seen), len(self.cues)))
        self.turns = []
        for row, each in enumerate(seen):
            self.spoken[row, [cue_at[cue] for cue in each.scene.cues if cue in cue_at]] = 1.0
            table = np.zeros((len(each.scene.arguments), len(names)))
            for at, features in enumerate(each.scene.features):
                for name, value in features.items():
                    if name in name_at:
                        table[at, name_at[name]] = value
            kinds = np.eye(len(KINDS))[[argument.kind for argument in each.scene.arguments]]
            self.turns.append((table, kinds, each.scene.pairs, each.right))
        self.shapes = ((len(self.cues), len(PROGRAMS)), (len(names), len(SLOTS)), (len(JOINING), len(PAIRS)))
        self.size = sum(a * b for a, b in self.shapes)

    def split(self, point: Floats) -> list[Floats]:
        parts, at = [], 0
        for a, b in self.shapes:
            parts.append(point[at : at + a * b].reshape(a, b))
            at += a * b
        return parts

    def loss(self, point: Floats) -> tuple[float, Floats]:
        cues, slots, pairs = self.split(point)
        spoken = self.spoken @ cues
        of_spoken, of_slots, of_pairs = np.zeros_like(spoken), np.zeros_like(slots), np.zeros_like(pairs)
        total = 0.0
        for row, (table, kinds, pair, right) in enumerate(self.turns):
            said_ = spoken[row]
            places = table @ slots
            scores = {"look": said_[0] + kinds @ said_[1:5] + places[:, 0]}
            pair_scores = pair @ pairs.T
            for index, joining in enumerate(JOINING):
                start = 5 + len(JOINING) + 16 * index
                grid = kinds @ said_[start : start + 16].reshape(4, 4) @ kinds.T
                score = (
                    said_[5 + index] + grid + places[:, 1 + 2 * index, None] + places[None, :, 2 + 2 * index]
                )
                score = score + pair_scores[:, :, index]
                np.fill_diagonal(score, -1e9)
                scores[joining] = score
            top = max(float(score.max()) for score in scores.values())
            every = {name: np.exp(score - top) for name, score in scores.items()}
            whole = sum(float(each.sum()) for each in every.values())
            hit = sum(float(each[right[name]].sum()) for name, each in every.items()) + 1e-300
            total -= np.log(hit / whole)
            of_places = np.zeros_like(places)
            for index, (name, each) in enumerate(every.items(), start=-1):
                off = each / whole - np.where(right[name], each / hit, 0.0)
                if name == "look":
                    of_spoken[row, 0] += off.sum()
                    of_spoken[row, 1:5] += kinds.T @ off
                    of_places[:, 0] += off
                    continue
                start = 5 + len(JOINING) + 16 * index
                of_spoken[row, 5 + index] += off.sum()
                of_spoken[row, start : start + 16] += (kinds.T @ off @ kinds).ravel()
                of_places[:, 1 + 2 * index] += off.sum(axis=1)
                of_places[:, 2 + 2 * index] += off.sum(axis=0)
                of_pairs[index] += np.tensordot(off, pair, axes=([0, 1], [0, 1]))
            of_slots += table.T @ of_places
        gradient = np.concatenate([(self.spoken.T @ of_spoken).ravel(), of_slots.ravel(), of_pairs.ravel()])
        return total + 0.5 * self.l2 * float(point @ point), gradient + self.l2 * point

    def named(self, point: Floats) -> dict[str, Any]:
        """By name, without the weights near zero."""
        cues, slots, pairs = self.split(point)
        return {
            "cues": {name: _kept(self.cues, cues[:, at]) for at, name in enumerate(PROGRAMS)},
            "slots": {name: _kept(self.names, slots[:, at]) for at, name in enumerate(SLOTS)},
            "pairs": {name: _kept(PAIRS, pairs[at]) for at, name in enumerate(JOINING)},
        }


def _kept(names: Sequence[str], column: Floats) -> dict[str, float]:
    return {
        name: round(float(value), 2) for name, value in zip(names, column, strict=True) if abs(value) >= 0.015
    }


def _frequent(sets: Iterator[tuple[frozenset[str], str]]) -> list[str]:
    """What is seen in enough turns and of enough companies to hold elsewhere."""
    companies: dict[str, set[str]] = {}
    turns: Counter[str] = Counter()
    for names, company in sets:
        turns.update(names)
        for name in names:
            companies.setdefault(name, set()).add(company)
    return sorted(
        name for name, count in turns.items() if count >= _RARE and len(companies[name]) >= _RARE - 1
    )


if __name__ == "__main__":
    main()
