"""Does Sightline know when it does not know: refusals to questions that the documents answer and to others.

The folder is a judged set (bench/retrieval.py), or holds some: then each is indexed and asked alone, has a line of
its own, and the figures are of all their questions together. Questions are dealt into two halves by hash of their id.
Records that only the second half needs are left out of the index; then the whole path answers, from retrieval to check:

    answerable      questions of the first half, as they are
    other_document  questions of the second half: their records are not there
    other_period    questions of the first half with a year, moved to one that no record states
    near_miss       questions of the first half with a name, or the title of a record that they ask for, replaced by one
                    that no record holds

There are never more of the last three together than answerable ones. An answer "not in the documents" is a refusal;
so is a partial one that says that a name or a period of the question is not there, due or not. `refusal_precision`:
refusals that were due; `refusal_recall`: due refusals that came. `risk`: the share of answers given that were not
due, or that cite no judged record. Ordered by the answers' confidence, `aurc` is the area under risk against coverage
and `coverage@risk.10` the most that may be answered with that risk; the curve is printed.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api.assemble import Sightline, open_sightline
from bench.meter import SearchClock, cpu_figures
from bench.report import Report, mean
from bench.retrieval import JudgedSet, index, read_set
from core.settings import Settings
from core.types import Access, Answer, Gap
from rag.plan import plan

Kind = Literal["answerable", "other_document", "other_period", "near_miss"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
SHOWN = ("refusal_precision", "refusal_recall", "risk")  # of each set, where there are some
RISKS = (0.05, 0.10, 0.20)
_DECLINED = frozenset[Gap](["subject_not_found", "period_missing"])
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SHIFTS = (-31, -47, 23, -63, 37)  # years


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-titles", action="store_true", help="records lose their titles")
    parser.add_argument("--only", metavar="NAME,NAME", help="of the sets in the folder, these")


def run(options: argparse.Namespace) -> Report:
    runs = {
        folder.resolve().name: _run(folder, options.limit, titles=not options.no_titles)
        for folder in sets_in(options.data, options.only)
    }
    outcomes = [outcome for each in runs.values() for outcome in each.outcomes]
    whole = [spent for each in runs.values() for spent in each.clock.whole]
    after_search = [spent for each in runs.values() for spent in each.clock.after_search]
    metrics = {**figures(outcomes), **cpu_figures(whole, after_search)}
    _show_curve(outcomes)
    if len(runs) > 1:
        by_set = {data: figures(each.outcomes) for data, each in runs.items()}
        _show_sets(by_set)
        metrics |= {f"{name}@{data}": found[name] for data, found in by_set.items() for name in SHOWN}
    counts: dict[str, int] = {name: sum(1 for each in outcomes if each.kind == name) for name in KINDS}
    return Report(
        bench="abstain",
        data=options.data.resolve().name,
        metrics=metrics,
        settings={
            "sets": len(runs),
            "records": sum(each.records for each in runs.values()),
            **counts,
            "embedder": next(iter(runs.values())).embedder,
        },
    )


def sets_in(folder: Path, only: str | None = None) -> list[Path]:
    """The folder, or the judged sets directly below it, by name; `only`: those of these names, with commas between.

    Raises ValueError where one of them is no set, or none is there.
    """
    if only:
        found = [folder / name for name in only.split(",")]
        for path in found:
            if not _is_set(path):
                raise ValueError(f"{path} does not hold all of {', '.join(FILES)}")
        return found
    found = [folder] if _is_set(folder) else sorted(path for path in folder.iterdir() if _is_set(path))
    if not found:
        raise ValueError(f"neither {folder} nor a folder in it holds all of {', '.join(FILES)}")
    return found


def _is_set(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one set."""

    outcomes: Sequence["Outcome"]
    clock: SearchClock
    records: int
    embedder: str


def _run(folder: Path, limit: int | None, *, titles: bool) -> Run:
    made = asked_of(read_set(folder), limit)
    with (
        TemporaryDirectory(prefix="bench-") as state,
        open_sightline(Settings(state=Path(state) / "state")) as sightline,
    ):
        names = index(sightline, made.records, titles=titles)
        clock = SearchClock(sightline.retriever)
        outcomes = _ask(sightline, made.questions, names, clock)
        return Run(outcomes, clock, len(made.records), sightline.embedder.name)


# ---------------------------------------------------------------- the questions


@dataclass(frozen=True, slots=True)
class Asked:
    """`right`: the records that answer; empty where nothing does."""

    text: str
    kind: Kind
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    records: Sequence[Mapping[str, Any]]
    questions: Sequence[Asked]


def asked_of(judged: JudgedSet, limit: int | None = None) -> Made:
    """Raises ValueError where one of the halves has no question. `limit`: of answerable questions."""
    halves: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for question in judged.questions:
        halves[int(md5(question["_id"].encode(), usedforsecurity=False).hexdigest(), 16) % 2].append(question)
    there, away = halves[0][:limit], halves[1]
    if not there or not away:
        raise ValueError(f"{len(judged.questions)} questions are too few to be dealt into two halves")
    needed = {record for question in halves[0] for record in judged.judgements[question["_id"]]}
    removed = {record for question in away for record in judged.judgements[question["_id"]]} - needed
    records = [record for record in judged.records if record["_id"] not in removed]
    answerable = [
        Asked(question["text"], "answerable", frozenset(judged.judgements[question["_id"]]))
        for question in there
    ]
    stated = "\n".join(f"{record.get('title', '')}\n{record['text']}" for record in records)
    without = chain.from_iterable(
        zip_longest(
            _of_other_documents(away, judged, removed),
            _of_other_periods(answerable, stated),
            _near_misses(answerable, away, judged, stated.lower()),
        )
    )
    unanswerable = [question for question in without if question][: len(answerable)]
    return Made(records, [*answerable, *unanswerable])


def _of_other_documents(
    questions: Sequence[Mapping[str, Any]], judged: JudgedSet, removed: set[str]
) -> Iterator[Asked]:
    for question in questions:
        if removed.issuperset(judged.judgements[question["_id"]]):
            yield Asked(question["text"], "other_document")


def _of_other_periods(questions: Sequence[Asked], stated: str) -> Iterator[Asked]:
    """Each year moved by as much as makes all of them years that no record states."""
    known = set(_YEAR.findall(stated))
    for question in questions:
        years = set(_YEAR.findall(question.text))
        for shift in _SHIFTS if years else ():
            moved = {year: str(int(year) + shift) for year in years}
            if known.isdisjoint(moved.values()):
                yield Asked(_moved(question.text, moved), "other_period")
                break


def _moved(text: str, years: Mapping[str, str]) -> str:
    return _YEAR.sub(lambda found: years[found.group()], text)


def _near_misses(
    questions: Sequence[Asked], others: Sequence[Mapping[str, Any]], judged: JudgedSet, stated: str
) -> Iterator[Asked]:
    """The longest name of each question, replaced by one of as many words."""
    titles = {record["_id"]: record.get("title", "") for record in judged.records}
    free: dict[int, list[str]] = defaultdict(list)
    named = (name for item in others for name in _names(item["text"], judged.judgements[item["_id"]], titles))
    for name in dict.fromkeys(named):
        if name.lower() not in stated:
            free[len(name.split())].append(name)
    for question in questions:
        names = _names(question.text, question.right, titles)
        if names and free[len(names[0].split())]:
            other = free[len(names[0].split())].pop()
            yield Asked(question.text.replace(names[0], other), "near_miss")


def _names(text: str, right: Iterable[str], titles: Mapping[str, str]) -> list[str]:
    """Those that stand in the question, the longest first: of its plan, else the titles of what it asks for."""
    names = plan(text).names or [title for record in right if len(title := titles[record]) > 1]
    return sorted((name for name in names if name in text), key=len, reverse=True)


# ---------------------------------------------------------------- the run


@dataclass(frozen=True, slots=True)
class Outcome:
    """`right`: an answer was due and cites a judged record."""

    kind: Kind
    refused: bool
    right: bool
    confidence: float


def _ask(
    sightline: Sightline, questions: Sequence[Asked], names: Mapping[str, str], clock: SearchClock
) -> list[Outcome]:
    access, outcomes = Access(), []
    sightline.retriever.search(questions[0].text, access=access)  # what is loaded once is no answer
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        for question in progress.track(questions, description="asking"):
            with clock.call():
                answer = sightline.assistant.answer(question.text, access=access)
            outcomes.append(_judged(question, answer, names))
    return outcomes


def _judged(question: Asked, answer: Answer, names: Mapping[str, str]) -> Outcome:
    cited = {names[place.doc_id] for citation in answer.citations for place in citation.places}
    return Outcome(
        question.kind,
        refused=answer.status == "not_found" or not _DECLINED.isdisjoint(answer.gaps),
        right=not question.right.isdisjoint(cited),
        confidence=answer.confidence,
    )


# ---------------------------------------------------------------- the figures


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """A share of nothing is 0."""
    refused = [each for each in outcomes if each.refused]
    given = [each for each in outcomes if not each.refused]
    due = [each for each in outcomes if each.kind != "answerable"]
    curve = risk_by_coverage(outcomes)
    return {
        "refusal_precision": _share([each.kind != "answerable" for each in refused]),
        "refusal_recall": _share([each.refused for each in due]),
        **{f"refused_{kind}": _refused(outcomes, kind) for kind in KINDS},
        "risk": _share([not each.right for each in given]),
        "aurc": mean([risk for _, risk in curve]),
        **{
            f"coverage@risk{risk:.2f}".replace("0.", "."): max(
                (share for share, found in curve if found <= risk), default=0.0
            )
            for risk in RISKS
        },
    }


def _share(values: Sequence[bool]) -> float:
    return mean([float(value) for value in values]) if values else 0.0


def _refused(outcomes: Sequence[Outcome], kind: Kind) -> float:
    return _share([each.refused for each in outcomes if each.kind == kind])


def risk_by_coverage(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """(coverage, risk), the surest answer first; a refusal is never sure.

    Risk-coverage curve and its area: Geifman and El-Yaniv, "Selective classification for deep neural
    networks", 2017.
    """
    ordered = sorted(outcomes, key=lambda each: (each.refused, -each.confidence))
    curve, wrong = [], 0
    for number, each in enumerate(ordered, 1):
        wrong += not each.right
        curve.append((number / len(ordered), wrong / number))
    return curve


def _show_sets(by_set: Mapping[str, Mapping[str, float]]) -> None:
    table = Table(title="by set", title_justify="left")
    for name in ("set", *SHOWN):
        table.add_column(name, justify="left" if name == "set" else "right")
    for data, found in by_set.items():
        table.add_row(data, *(f"{found[name]:.3f}" for name in SHOWN))
    Console().print(table)


def _show_curve(outcomes: Sequence[Outcome]) -> None:
    table = Table(title="risk by coverage", title_justify="left")
    table.add_column("answered", justify="right")
    table.add_column("risk", justify="right")
    curve = risk_by_coverage(outcomes)
    for tenth in range(1, 11):
        coverage, risk = curve[max(0, round(tenth * len(curve) / 10) - 1)]
        table.add_row(f"{coverage:.2f}", f"{risk:.3f}")
    Console().print(table)
