"""The glossary's own files, and what is refused of an expert's."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.glossary import load_glossary


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is the FY2019 cash conversion cycle (CCC)?", ["cash conversion cycle"]),
        ("capex as a % of revenue", ["capital_expenditure", "revenue"]),
        ("What is the year end net PPNE?", ["property_plant_equipment"]),
        ("the working capital ratio", ["current ratio"]),
        ("the fixed asset turnover ratio", ["fixed asset turnover"]),
        ("公司2022年毛利率和净利润是多少", ["gross margin", "net_income"]),
        ("Who is the chief executive?", []),
    ],
)
def test_a_question_names_lines_and_ratios_by_their_longest_words(question: str, names: list[str]) -> None:
    assert [item.term.name for item in load_glossary().named(question)] == names


@pytest.mark.parametrize(
    ("line", "label", "fits"),
    [
        ("revenue", "total net sales", True),
        ("revenue", "cost of sales", False),
        ("capital_expenditure", "purchases of property, plant and equipment (pp&e)", True),
        ("capital_expenditure", "proceeds from sale of property", False),
        ("net_income", "net income attributable to 3m", True),
        ("net_income", "net income attributable to noncontrolling interest", False),
        ("net_income", "net income including noncontrolling interest", False),
        ("total_assets", "资产总计", True),
    ],
)
def test_a_row_is_known_by_its_label(line: str, label: str, fits: bool) -> None:
    assert (load_glossary().lines[line].rank(label) is not None) is fits


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[[line]]\nname = 'x'\nstatement = 'none'\nasked = ['x']\nlabels = ['x']",
            "unknown statement 'none'",
        ),
        ("[[ratio]]\nname = 'x'\nasked = ['x']\nformula = 'a_line / 2'\nunit = 'x'", "unknown line 'a_line'"),
        ("[[ratio]]\nname = 'x'\nasks = ['x']", "has no 'asks'"),
        ("[[ratio]\n", "is no TOML"),
        ("[[ratio]]\nasked = ['x']", "has no name"),
        (
            "[[word]]\nname = 'colour'\nwritings = ['color']\n[[word]]\nname = 'hue'\nwritings = ['color']",
            "'color' of 'hue' is no word of its own",
        ),
        ("[[word]]\nname = 'hue'\nwritings = ['a hue']", "'a hue' of 'hue' is no word of its own"),
        ("[[ratio]]\nname = 'x'\nasked = ['(']\nformula = '1'\nunit = 'x'", "is no pattern"),
    ],
)
def test_a_file_that_is_not_of_the_form_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint):
        load_glossary(tmp_path)
