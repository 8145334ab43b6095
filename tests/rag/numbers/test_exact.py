"""What calculates for answers works on decimals: no float stands where an amount is."""

import ast
from pathlib import Path

import pytest

import core.quantity
import core.scales
import core.values
import rag.amounts
import rag.calculated
import rag.conflicts
import rag.derive
import rag.metrics.answer
import rag.metrics.formula
import rag.metrics.question
import rag.metrics.sheet
import rag.numbers.calc
import rag.recorded
import rag.stated

WITHOUT = (
    core.quantity, core.scales, core.values, rag.amounts, rag.numbers.calc, rag.metrics.formula,
    rag.metrics.question, rag.metrics.sheet,
)  # fmt: skip
BESIDE = (rag.calculated, rag.derive, rag.metrics.answer, rag.conflicts, rag.recorded, rag.stated)
_SURE = frozenset({"confidence", "default", "score", "covered"})  # arguments that say how sure, not how much


@pytest.mark.parametrize("module", WITHOUT, ids=lambda module: module.__name__)
def test_no_float_stands_in_exact_arithmetic(module: object) -> None:
    assert floats(source_of(module)) == []


@pytest.mark.parametrize("module", BESIDE, ids=lambda module: module.__name__)
def test_floats_beside_amounts_only_say_how_well_words_fit(module: object) -> None:
    assert floats(source_of(module), fits=True) == []


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    return x * 0.5",
        "def f(x):\n    return float(x)",
        "import math",
        "from math import log",
        "def f(x):\n    return round(x, 2)",
        "class A:\n    def f(self, x):\n        return x + 1e-9",
        "def f(x) -> Decimal:\n    y: Decimal = 1.5\n    return y",
    ],
)
def test_a_float_would_be_found(code: str) -> None:
    assert floats(code) != []
    assert floats(code, fits=True) != []


def test_a_bound_and_a_fit_are_none() -> None:
    code = "_NAMED = 0.7\n\n\ndef fit(words) -> float:\n    return 0.5 * len(words)\n\n\nmake(confidence=0.5)"
    assert floats(code, fits=True) == []
    assert len(floats(code)) == 4


def source_of(module: object) -> str:
    return Path(str(vars(module)["__file__"])).read_text("utf-8")


def floats(source: str, *, fits: bool = False) -> list[str]:
    """Where floats are written or made. `fits`: bounds of a module, functions that give a float and arguments that
    say how sure something is may hold them.
    """
    tree = ast.parse(source)
    allowed = {id(node) for whole in _fits(tree) for node in ast.walk(whole)} if fits else set()
    return [
        f"line {getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if _is_float(node) and id(node) not in allowed
    ]


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float()):
            return True
        case ast.Name(id="float" | "math" | "round"):
            return True
        case ast.Import(names=names):
            return any(name.name == "math" for name in names)
        case ast.ImportFrom(module="math"):
            return True
    return False


def _fits(tree: ast.Module) -> list[ast.AST]:
    bounds: list[ast.AST] = [
        each for each in tree.body if isinstance(each, ast.Assign) and not _calls(each.value)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns or ast.Constant(None)) == "float":
            bounds.append(node)
        if isinstance(node, ast.AnnAssign) and node.value is None:
            bounds.append(node)
        if isinstance(node, ast.keyword) and node.arg in _SURE:
            bounds.append(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Evidence":
            bounds += node.args[2:3]
    return bounds


def _calls(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))
