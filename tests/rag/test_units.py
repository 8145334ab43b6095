"""Passages as units, and how a unit is shown."""

from collections.abc import Callable

from core.types import Chunk, Evidence
from rag.units import shown, units_of
from tests.rag.conftest import make_passage

Numbered = Callable[..., list[Evidence]]

TABLE = """\
Segment results, in millions
 | 2024 | 2025
Revenue | 410.2 | 398.0
Gross margin | 38.1 % | 35.4 %"""


def lines(chunk: Chunk, evidence: Numbered, *periods: str, terms: tuple[str, ...] = ()) -> list[str]:
    (item,) = evidence(chunk)
    return [shown(unit, periods=periods, terms=terms, language="en") for unit in units_of(item)]


def test_sentences_are_shown_in_one_line(evidence: Numbered) -> None:
    chunk = make_passage("Gross margin\nfell. The mix\nwas weaker.")
    assert lines(chunk, evidence) == ["Gross margin fell.", "The mix was weaker."]


def test_a_line_break_inside_chinese_is_no_space(evidence: Numbered) -> None:
    assert lines(make_passage("毛利率下\n降了三个百分点。"), evidence) == ["毛利率下降了三个百分点。"]


def test_a_row_shows_the_value_of_the_asked_period(evidence: Numbered) -> None:
    table = make_passage(TABLE, kind="table")
    assert lines(table, evidence, "2025") == [
        "Revenue (2025, in millions): 398.0",
        "Gross margin (2025): 35.4 %",
    ]


def test_a_row_shows_all_periods_when_none_is_asked(evidence: Numbered) -> None:
    table = make_passage(TABLE.replace(", in millions", ""), kind="table")
    assert lines(table, evidence)[1] == "Gross margin: 38.1 % (2024), 35.4 % (2025)"


def test_a_row_of_properties_names_its_columns(evidence: Numbered) -> None:
    table = make_passage("Test | Result | Unit | Reference\nCreatinine | 1.8 | mg/dL | 0.6-1.2", kind="table")
    assert lines(table, evidence) == ["Creatinine: Result 1.8, Unit mg/dL, Reference 0.6-1.2"]


def test_a_chinese_row_has_chinese_marks(evidence: Numbered) -> None:
    (item,) = evidence(make_passage("项目 | 2024年 | 2025年\n毛利率 | 38.1% | 35.4%", kind="table"))
    (unit,) = units_of(item)
    assert shown(unit, periods=["2025"], terms=(), language="zh") == "毛利率（2025年）：35.4%"


def test_the_items_of_a_list_are_units(evidence: Numbered) -> None:
    chunk = make_passage("- measures flow\n- measures depth", kind="list")
    assert lines(chunk, evidence) == ["measures flow", "measures depth"]


def test_what_is_too_long_is_cut_at_its_own_breaks(evidence: Numbered) -> None:
    chunk = make_passage("; ".join(["the pump ran without a fault for a week"] * 30))
    assert all(len(line) < 500 for line in lines(chunk, evidence))


def test_periods_of_the_heading_hold_where_the_sentence_names_none(evidence: Numbered) -> None:
    (item,) = evidence(make_passage("Margin fell. In 2023 it was higher. It was 31 %.", title="Report 2024"))
    first, second, third = units_of(item)
    assert first.periods_around == {"2024"}
    assert second.periods == {"2023"}
    assert third.periods_around == {"2023"}
