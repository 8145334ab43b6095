"""Questions over tables and paragraphs, answered by look-up and calculation."""

import pytest

from rag.numbers.answer import answer_over
from rag.numbers.glossary import concepts_of
from rag.numbers.question import read_question

SALES = [
    ["", "", "Years Ended September 30,", ""],
    ["", "2019", "2018", "2017"],
    ["Fixed Price", "$  1,452.4", "$  1,146.2", "$  1,036.9"],
    ["Other", "44.1", "56.7", "70.8"],
    ["Total sales", "$1,496.5", "$1,202.9", "$1,107.7"],
]
UNIT = ["The table below presents sales by contract type (in millions):"]


@pytest.mark.parametrize(
    ("question", "texts", "scale", "unit"),
    [
        ("What is the amount of total sales in 2019?", ("$1,496.5",), 6, ""),
        ("What is the change in Other in 2019 from 2018?", ("-12.60",), 6, ""),
        ("What is the percentage change in Other in 2019 from 2018?", ("-22.22",), 0, "%"),
        ("What is the average total sales from 2017 to 2019?", ("1269.03",), 6, ""),
        ("What is the average total sales for 2017,2018 and 2019?", ("1269.03",), 6, ""),
        ("What is the sum of Other in 2018 and 2019?", ("100.80",), 6, ""),
        ("In which year is the amount of total sales the largest?", ("2019",), 0, ""),
        ("How many years did Other exceed $50 million?", ("2",), 0, ""),
        ("What was Other as a percentage of total sales in 2019?", ("2.95",), 0, "%"),
        ("What was Other in 2018 and 2019 respectively?", ("56.7", "44.1"), 6, ""),
        ("What is the CAGR of total sales from 2017 to 2019?", ("16.23",), 0, "%"),
        ("What is the difference between Fixed Price and Other in 2019?", ("1408.30",), 6, ""),
        ("What is the ratio of Other in 2019 to 2018?", ("0.78",), 0, ""),
        ("What is the percentage constitution of Other among total sales in 2019?", ("2.95",), 0, "%"),
    ],
)
def test_an_english_question_is_computed(
    question: str, texts: tuple[str, ...], scale: int, unit: str
) -> None:
    answer = answer_over(question, [SALES], UNIT)
    assert answer.texts == texts
    assert answer.scale == scale
    assert answer.unit == unit
    assert 0 < answer.confidence < 1


INCOME = [
    ["", "2023年", "2022年"],
    ["营业收入", "1,200", "1,000"],
    ["营业成本", "700", "600"],
    ["净利润", "90", "80"],
]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("2023年的营业收入是多少？", ("1,200",)),
        ("2023年营业收入比2022年增长了百分之几？", ("20.00",)),
        ("2023年净利润的变动是多少？", ("10.00",)),
        ("2022年和2023年营业成本的平均值是多少？", ("650.00",)),
    ],
)
def test_a_chinese_question_is_computed(question: str, texts: tuple[str, ...]) -> None:
    answer = answer_over(question, [INCOME], ["单位：万元"])
    assert answer.texts == texts
    if answer.unit != "%":
        assert answer.scale == 4


def test_a_result_names_its_cells_and_shows_how_it_was_derived() -> None:
    answer = answer_over("What is the change in Other in 2019 from 2018?", [SALES], UNIT)
    assert answer.derivation == "(44.1 million - 56.7 million) = -12.6 million"
    assert [(item.row, item.period, item.raw, item.at) for item in answer.operands] == [
        ("Other", "2019", "44.1", (3, 1)),
        ("Other", "2018", "56.7", (3, 2)),
    ]


def test_a_period_that_the_table_lacks_is_refused_with_a_reason() -> None:
    answer = answer_over("What is the change in Other from 2009 to 2010?", [SALES], [])
    assert answer.texts == ()
    assert answer.origin == "nothing"
    assert "2009" in answer.reason


def test_a_division_by_zero_is_refused_with_a_reason() -> None:
    rows = [["", "2019", "2018"], ["Goodwill", "5", "—"]]
    answer = answer_over("What is the percentage change in goodwill from 2018 to 2019?", [rows], [])
    assert answer.texts == ()
    assert "zero" in answer.reason


def test_another_name_of_a_line_finds_its_row() -> None:
    rows = [["", "2019"], ["Cost of goods sold", "40"], ["Net sales", "100"], ["Net income", "9"]]
    assert answer_over("What was revenue in 2019?", [rows], []).texts == ("100",)
    assert concepts_of("turnover") == concepts_of("营业收入") == {"revenue"}


def test_an_amount_of_the_prose_answers_where_no_table_does() -> None:
    text = "Depreciation expense was $27.2 million and $22.5 million in 2019 and 2018, respectively."
    assert answer_over("What was the depreciation expense in 2018?", [], [text]).texts == ("$22.5 million",)


def test_a_cause_is_quoted_from_its_sentence() -> None:
    text = "Gross margin fell in 2023, primarily due to higher freight costs. Revenue was flat."
    whole = "Gross margin fell in 2023, primarily due to higher freight costs"
    assert answer_over("Why did the gross margin fall in 2023?", [], [text]).texts == (whole,)
    cause = "primarily due to higher freight costs"
    assert answer_over("What caused the fall of the gross margin in 2023?", [], [text]).texts == (cause,)


def test_nothing_to_read_gives_no_answer_and_a_reason() -> None:
    answer = answer_over("What was revenue in 2019?", [], [])
    assert answer.texts == ()
    assert answer.reason


@pytest.mark.parametrize(
    ("question", "operation"),
    [
        ("Why did sales fall?", "cause"),
        ("How many years did sales exceed $5 million?", "count"),
        ("How many million of receivables were sold in 2019?", "look_up"),
        ("Which years does the table provide information for?", "periods"),
        ("What is the ratio of cash to debt in 2019?", "ratio"),
        ("What was the weighted average exercise price in 2019?", "look_up"),
        ("What was the increase in sales driven by?", "cause"),
        ("2023年毛利率为什么下降？", "cause"),
        ("2023年研发费用占营业收入的比例是多少？", "ratio"),
    ],
)
def test_the_operation_is_read_from_the_question(question: str, operation: str) -> None:
    assert read_question(question).operation == operation


@pytest.mark.parametrize("question", ["", "?", "2019", "， 。", "what percentage of", "how many"])
def test_a_question_without_content_does_no_harm(question: str) -> None:
    assert answer_over(question, [SALES], UNIT).operation


def test_quarters_are_the_dates_on_which_they_end() -> None:
    rows = [
        ["Quarters Ended", "July 27, 2019", "April 27, 2019", "January 26, 2019"],
        ["Revenue", "$13,428", "$12,958", "$12,446"],
    ]
    for question, change in (
        ("What was the change in revenue between the quarters ended July 27 and April 27 in 2019?", "470.00"),
        ("What was the change in revenue between quarters ended January 26 and April 27, 2019?", "512.00"),
    ):
        assert answer_over(question, [rows], []).texts == (change,)


def test_a_sum_of_amounts_is_not_made_of_percentages() -> None:
    rows = [
        ["(In millions, except for percentages)", "2018", "2017"],
        ["Net revenues", "$2,280", "$1,664"],
        ["Percentage of total net revenues", "47%", "41%"],
    ]
    answer = answer_over("What is the total net revenue for fiscal 2018 and 2017?", [rows], [])
    assert answer.texts == ("3944.00",)


def test_a_row_without_a_name_is_the_total_of_those_above_it() -> None:
    rows = [
        ["", "2019", "2018"],
        ["Employee severance and related costs", "$7,169", "$7,845"],
        ["Other", "1,286", "2,802"],
        ["", "$8,455", "$10,647"],
    ]
    answer = answer_over("What is the difference in total costs incurred between 2018 and 2019?", [rows], [])
    assert answer.texts == ("-2192.00",)
    assert answer_over("What was Other in 2018?", [rows], []).texts == ("2,802",)


def test_a_part_is_a_share_of_what_stands_under_its_own_heading() -> None:
    rows = [
        ["Contractual Obligations", "Less Than 1 Year", "2-5 Years", "Total"],
        ["Operating Lease Obligations", "$773", "$2,055", "$2,828"],
        ["Purchase commitment", "2,650", "2,000", "4,650"],
        ["Total", "$3,423", "$4,055", "$7,478"],
    ]
    question = "What is the value of operating lease obligations that are due in less than one year as a percentage of the total contractual obligations?"
    assert answer_over(question, [rows], []).texts == ("22.58",)
    whole = "What are operating lease obligations that are due in less than one year as a percentage of total operating lease obligations?"
    assert answer_over(whole, [rows], []).texts == ("27.33",)


def test_a_ratio_with_a_name_is_computed_from_its_two_lines() -> None:
    rows = [
        ["", "2019", "2018"],
        ["Total current assets", "1,200", "900"],
        ["Total current liabilities", "800", "1,000"],
    ]
    assert answer_over("What is the current ratio in 2019?", [rows], []).texts == ("1.50",)
    printed = [*rows, ["Current ratio", "1.6", "0.9"]]
    assert answer_over("What is the current ratio in 2019?", [printed], []).texts == ("1.6",)


def test_the_change_of_a_percentage_is_in_points() -> None:
    rows = [["", "2019", "2018"], ["WACC", "9.0%", "9.5%"]]
    answer = answer_over("What was the percentage change in the WACC between 2018 and 2019?", [rows], [])
    assert answer.texts == ("-0.50",)
    assert "percentage points" in answer.derivation


def test_an_amount_is_not_looked_up_among_percentages() -> None:
    rows = [
        ["", "2019", "", "2018", ""],
        ["(In thousands)", "Amount", "% of total revenue", "Amount", "% of total revenue"],
        ["Cost of services", "$ 64,798", "9%", "$ 35,452", "5%"],
    ]
    question = "What was the services revenue cost in 2019 and 2018 respectively?"
    assert answer_over(question, [rows], []).texts == ("$ 64,798", "$ 35,452")
