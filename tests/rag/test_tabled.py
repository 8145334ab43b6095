"""Tables as a whole: what passes a bound is counted or named, with every value that was compared."""

from core.types import PUBLIC, Access, Chunk, Evidence
from rag.plan import plan
from rag.row import Task
from rag.tabled import TabledAnswerer

TABLE = "In thousands | 2021 | 2020 | 2019\nNet sales from Americas | 215,400 | 198,300 | 205,100\nNet sales from Europe | 90,000 | 85,000 | 80,000"


def task(question: str, text: str = TABLE) -> Task:
    chunk = Chunk("c1", "d", 1, 0, "Sales", PUBLIC, "table", "", (), text, ())
    return Task(plan(question), (Evidence("S1", chunk, 1.0, frozenset()),), Access())


def test_years_above_a_bound_are_counted_with_the_values_that_were_compared() -> None:
    answer = TabledAnswerer().solve(
        task("How many years did net sales from Americas exceed $200,000 thousand?")
    )
    assert answer is not None
    assert answer.text.startswith("2[S1]") or answer.text.startswith("2 [S1]")
    assert {citation.quote for citation in answer.citations} == {"215,400", "198,300", "205,100"}


def test_the_years_above_a_bound_are_named() -> None:
    answer = TabledAnswerer().solve(
        task("In which years were net sales from Americas greater than $200,000 thousand?")
    )
    assert answer is not None
    assert answer.text.startswith("2019, 2021")


def test_a_look_up_is_left_to_others() -> None:
    assert TabledAnswerer().solve(task("What were net sales from Americas in 2020?")) is None


def test_a_table_about_something_else_says_nothing() -> None:
    assert (
        TabledAnswerer().solve(task("How many years did research expense exceed $200,000 thousand?")) is None
    )
