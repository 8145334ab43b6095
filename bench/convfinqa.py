"""Conversations about one page of a report: is the value of each turn the one that its program gives?

The weights that choose programs were fitted on pages of their own: `..._fitted` holds for those among the
set's pages, `..._unseen` for the others, and only the latter says what another report would give. To measure
on one half what the other half taught, fit with `bench/fit_moves.py --half` and give its file as `--weights`.

The folder is a judged set (see `bench/retrieval.py`) whose records carry `table` and `prose` and whose
questions carry `turns` and the programs of their turns. Each conversation is led from its first turn with
the answers that were given, not with the right ones. Values are equal when they round to the same five
decimals, as ConvFinQA's scorer compares.
"""

import argparse
import ast
import operator
import re
import time
from collections.abc import Mapping
from decimal import Decimal, DivisionByZero, InvalidOperation
from hashlib import md5
from pathlib import Path
from typing import Any

from bench.report import Report, mean
from bench.retrieval import read_set
from core.measure import percentile
from core.types import PUBLIC, Chunk, Evidence
from rag.numbers.calc import rounded
from rag.numbers.dialogue import Dialogue
from rag.numbers.moves import read_weights, shipped


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, help="choose programs by these weights, not the shipped ones")


def run(options: argparse.Namespace) -> Report:
    weights = read_weights(options.weights) if options.weights else shipped()
    judged = read_set(options.data)
    pages = {record["_id"]: record for record in judged.records}
    questions = judged.questions[: options.limit]
    last: dict[str, list[float]] = {"": [], "_fitted": [], "_unseen": []}
    turns: dict[str, list[float]] = {"": [], "_fitted": [], "_unseen": []}
    milliseconds = []
    for question in questions:
        name = next(iter(judged.judgements[question["_id"]]))
        began = time.process_time()
        dialogue = Dialogue(evidence_of(pages[name]), weights)
        values = [dialogue.ask(turn).value for turn in question["turns"]]
        milliseconds.append(1000 * (time.process_time() - began) / len(values))
        right = [same(value, gold) for value, gold in zip(values, golds(question), strict=True)]
        for part in ("", "_fitted" if mark(name) in weights.fitted_on else "_unseen"):
            turns[part] += right
            last[part].append(right[-1])
    return Report(
        bench="convfinqa",
        data=options.data.resolve().name,
        metrics={
            **{f"execution_accuracy{part}": mean(values) for part, values in last.items() if values},
            **{f"all_turns_accuracy{part}": mean(values) for part, values in turns.items() if values},
            "cpu_ms_p50": percentile(milliseconds, 0.5),
            "cpu_ms_p99": percentile(milliseconds, 0.99),
        },
        settings={
            "questions": len(questions),
            "turns": len(turns[""]),
            "model": f"{options.weights.name if options.weights else 'rag/numbers/moves.json'}, log-linear",
            "questions_on_fitted_pages": len(last["_fitted"]),
        },
    )


def mark(name: str) -> str:
    """Eight letters by which a page that was seen in fitting is known, without its name."""
    return md5(name.encode()).hexdigest()[:8]


def evidence_of(page: Mapping[str, Any]) -> list[Evidence]:
    """The page as passages: its table and its prose."""
    prose = page["prose"] if isinstance(page["prose"], str) else "\n\n".join(page["prose"])
    table = page["table"]
    if not isinstance(table, str):
        table = "\n".join(" | ".join(str(cell) for cell in row) for row in table)
    pieces = [("table", repaired(table, prose=False)), ("text", repaired(prose, prose=True))]
    return [
        Evidence(
            f"S{number}",
            Chunk(f"c{number}", "page", 1, number, "bench", PUBLIC, kind, "", (), text, ()),  # type: ignore[arg-type]
            1.0,
            frozenset(),
        )
        for number, (kind, text) in enumerate(pieces, start=1)
        if text.strip()
    ]


# A sentence ends in " . " in this set; after these the point belongs to the word.
_NO_END = r"(?<!\bu\.s)(?<!\binc)(?<!\bcorp)(?<!\bco)(?<!\bltd)(?<!\bno)(?<!\bvs)(?<!\bdec)(?<!\bnov)(?<!\bjan)(?<!\b[a-z])"


def repaired(text: str, *, prose: bool) -> str:
    """Without the marks of the set's making: signs left as digits, cells below zero printed twice, sentences
    that begin in lower case, dates without their comma.
    """
    text = re.sub(r"(?<=\w) ?2019s\b", "'s", text)
    text = re.sub(r"\b201[cd](?=[a-z]|\b)|(?<=[a-z])201d\b", '"', text)
    text = re.sub(r"(-\d[\d,.]*%?)\s*\(\s*\d[\d,.]*\s*%?\s*\)", r"\1", text)
    text = re.sub(r"(\d[\d,.]*%)\s*\(\s*\d[\d,.]*\s*%\s*\)", r"\1", text)
    if prose:
        text = re.sub(rf"{_NO_END} \.(?: \.)* ([a-z])", lambda match: f". {match[1].upper()}", text)
    text = re.sub(r" (?=[.,;:%)](?:\s|$))|(?<=[$(]) ", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b([a-z]{3,9}\.? \d\d?)((?:19|20)\d\d)\b", r"\1, \2", text)
    if prose:
        text = re.sub(r"(?<=[a-z]) 201[34] (?=[a-z])", " - ", text)
        text = re.sub(r"(?<=[.;:] )2022 (?=[a-z])", "• ", text)
        text = re.sub(r"(?<=\d) (?=million|billion|thousand|%)", " ", text)
    else:
        head, newline, body = text.partition("\n")
        text = head + newline + re.sub(r"(?<=\| )(?:\$ ?)?201[34](?= \||$)", "-", body, flags=re.MULTILINE)
    return text


def same(value: Decimal | None, gold: Decimal | None) -> float:
    return float(value is not None and gold is not None and rounded(value, 5) == rounded(gold, 5))


# ---------------------------------------------------------------- what the programs give

_OPERATORS: Mapping[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def golds(question: Mapping[str, Any]) -> list[Decimal | None]:
    """The value of each turn; None where a program answers with yes or no."""
    return [executed(program) for program in question["meta"]["programs"]]


def executed(program: str) -> Decimal | None:
    names: dict[str, Decimal] = {}
    try:
        for statement in program.split(";"):
            name, _, expression = statement.partition("=")
            plain = re.sub(r"(\d[\d.]*)%", r"(\1 / 100)", re.sub(r"[$,]|\b0+(?=\d)", "", expression.strip()))
            tree = ast.parse(plain, mode="eval")
            names[name.strip()] = _value(tree.body, names)
    except (SyntaxError, KeyError, TypeError, DivisionByZero, InvalidOperation):
        return None
    return names.get("ans")


def _value(node: ast.expr, names: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Decimal(str(number))
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, names)
        case ast.BinOp(left=left, op=sign, right=right):
            found: Decimal = _OPERATORS[type(sign)](_value(left, names), _value(right, names))
            return found
    raise TypeError(f"{ast.dump(node)} is no arithmetic")
