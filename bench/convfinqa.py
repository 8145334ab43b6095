"""Conversations about one page of a report: is the value of each turn the one that its program gives?

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
from typing import Any

from bench.report import Report, mean, percentile
from bench.retrieval import read_set
from core.types import PUBLIC, Chunk, Evidence
from rag.numbers.calc import rounded
from rag.numbers.dialogue import Dialogue


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none of its own."""


def run(options: argparse.Namespace) -> Report:
    judged = read_set(options.data)
    pages = {record["_id"]: record for record in judged.records}
    questions = judged.questions[: options.limit]
    last: list[float] = []
    turns: list[float] = []
    milliseconds = []
    for question in questions:
        page = pages[next(iter(judged.judgements[question["_id"]]))]
        began = time.process_time()
        dialogue = Dialogue(evidence_of(page))
        values = [dialogue.ask(turn).value for turn in question["turns"]]
        milliseconds.append(1000 * (time.process_time() - began) / len(values))
        right = [same(value, gold) for value, gold in zip(values, golds(question), strict=True)]
        turns += right
        last.append(right[-1])
    return Report(
        bench="convfinqa",
        data=options.data.resolve().name,
        metrics={
            "execution_accuracy": mean(last),
            "all_turns_accuracy": mean(turns),
            "cpu_ms_p50": percentile(milliseconds, 0.5),
            "cpu_ms_p99": percentile(milliseconds, 0.99),
        },
        settings={"questions": len(questions), "turns": len(turns), "model": "none"},
    )


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


def repaired(text: str, *, prose: bool) -> str:
    """Without the marks of the set's making: signs left as digits, cells below zero printed twice."""
    text = re.sub(r"(?<=\w) ?2019s\b", "'s", text)
    text = re.sub(r"\b201[cd]\b", '"', text)
    text = re.sub(r"(-\d[\d,.]*%?)\s*\(\s*\d[\d,.]*\s*%?\s*\)", r"\1", text)
    text = re.sub(r"(\d[\d,.]*%)\s*\(\s*\d[\d,.]*\s*%\s*\)", r"\1", text)
    text = re.sub(r" (?=[.,;:%)](?:\s|$))|(?<=[$(]) ", "", text, flags=re.MULTILINE)
    if prose:
        text = re.sub(r"(?<=[a-z]) 201[34] (?=[a-z])", " - ", text)
        text = re.sub(r"(?<=\d) (?=million|billion|thousand|%)", " ", text)
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
