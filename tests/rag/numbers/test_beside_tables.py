"""Numbers of a table and of the sentences beside it: which of the two answers, and with what span."""

import pytest

from rag.numbers.answer import answer_over

BOOKS = [
    ["(in thousands)", "2019", "2018"],
    ["Billed receivables", "97,948", "59,000"],
    ["Interest expense", "5,940", "598"],
]
NOTES = [
    "Depreciation of network equipment totaled $290.2 million in 2019, $239.6 million in 2018 and $190.4 million in 2017.",
    "Interest expense increased $5.3 million primarily as a result of new notes.",
]


def test_amounts_of_one_sentence_are_computed_with_where_no_row_is_named() -> None:
    answer = answer_over(
        "What is the total depreciation of network equipment from 2017 to 2019?", [BOOKS], NOTES
    )
    assert (answer.texts, answer.scale) == (("720.20",), 6)
    assert [operand.period for operand in answer.operands] == ["2017", "2018", "2019"]


def test_a_row_that_is_named_goes_before_a_sentence() -> None:
    answer = answer_over("What was the average interest expense in 2018 and 2019?", [BOOKS], NOTES)
    assert (answer.texts, answer.origin) == (("3269.00",), "table")


def test_a_change_that_a_sentence_states_is_copied() -> None:
    asked = "What was the increase in interest expense in 2019?"
    assert answer_over(asked, [BOOKS], NOTES).texts == ("$5.3 million",)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How often are the officers elected?", "annually"),
        ("How long is the lease?", "10 to 12 years"),
        ("When is goodwill impaired?", "if the carrying value is greater than the fair value"),
        ("Who is the Chief Financial Officer?", "Andrew R. Kaiser"),
        ("Where are the offices located?", "San Diego, California"),
        ("Over what period does the lease run?", "10 to 12 years"),
        ("What is a ground lease?", "a lease of land without buildings"),
        ("What is the symbol of the common stock?", "JACK"),
    ],
)
def test_a_span_is_cut_to_what_is_asked(question: str, text: str) -> None:
    paragraphs = [
        "The officers are elected annually at the discretion of the board.",
        "The lease runs for 10 to 12 years.",
        "The board reviews each ground lease every year.",
        "A ground lease is a lease of land without buildings.",
        "The offices are located in San Diego, California in an owned building.",
        "The common stock is traded on the NASDAQ Global Market under the symbol “JACK.”",
        "Goodwill is impaired if the carrying value is greater than the fair value.",
        "ANNUAL REPORT Mr. Andrew R. Kaiser, Chief Financial Officer of the company, signed it.",
    ]
    assert answer_over(question, [BOOKS], paragraphs).texts == (text,)


def test_the_means_of_two_rows_are_compared() -> None:
    pay = [["£m", "2019", "2018"], ["Salaries and fees", "4", "4"], ["Incentive schemes", "2", "3"]]
    asked = "What is the difference between average salaries and fees and average incentive schemes from 2018 to 2019?"
    assert answer_over(asked, [pay], []).texts == ("1.50",)


def test_non_vested_shares_are_not_vested_ones() -> None:
    awards = [
        ["Non-vested awards", "Shares"],
        ["Granted", "473,550"],
        ["Vested", "365,223"],
        ["Non-vested at end", "900,000"],
    ]
    assert answer_over("What is the number of non-vested shares granted?", [awards], []).texts == ("473,550",)


def test_columns_that_are_named_are_shown_in_the_order_of_the_question() -> None:
    due = [
        ["Obligations", "Less Than 1 Year", "2-5 Years", "Total"],
        ["Operating leases", "773", "2,055", "2,828"],
    ]
    asked = "What are the respective values of operating leases due in 2-5 years and less than one year?"
    assert answer_over(asked, [due], []).texts == ("2,055", "773")


def test_what_comes_after_the_periods_is_one_more() -> None:
    due = [["", "Leases"], ["2020", "460"], ["2021", "361"], ["Thereafter", "686"], ["Total", "1,507"]]
    assert answer_over("How many periods are shown in the table?", [due], []).texts == ("3",)


def test_quarters_that_share_a_year_are_told_apart() -> None:
    prices = [["", "High"], ["2019:", ""], ["Fourth Quarter", "11.44"], ["Third Quarter", "14.96"]]
    asked = "In 2019, what is the change in high price between the third quarter and fourth quarter?"
    assert answer_over(asked, [prices], []).texts == ("-3.52",)


def test_a_sentence_that_says_all_of_it_goes_before_a_row_that_says_a_part() -> None:
    costs = [["($ in millions)", "2019", "2018"], ["Compensation cost", "100", "82"]]
    notes = [
        "Total unrecognized compensation cost of non-vested awards at December 31, 2019 was $1.2 billion."
    ]
    asked = "What was the unrecognized compensation cost of non-vested awards in 2019?"
    assert answer_over(asked, [costs], notes).texts == ("$1.2 billion",)
    assert answer_over("What was the compensation cost in 2019?", [costs], notes).texts == ("100",)


def test_shares_that_a_table_prints_are_not_divided_again() -> None:
    shares = [["", "2019", "2018"], ["Revenue", "100%", "100%"], ["Cost of revenue", "43%", "50%"]]
    asked = "What is the {} cost of revenue as a percentage of revenue in 2018 and 2019?"
    assert answer_over(asked.format("proportion of"), [shares], []).texts == ("50%", "43%")
    assert answer_over(asked.format("average"), [shares], []).texts == ("46.50",)


def test_a_list_begins_behind_its_colon() -> None:
    notes = ["The company operates in three regions: Europe, Japan and Korea."]
    asked = "What are the regions in which the company operates?"
    assert answer_over(asked, [BOOKS], notes).texts == ("Europe", "Japan", "Korea")


PRICES = [
    ["", "High", "Low"],
    ["2019:", "", ""],
    ["Fourth Quarter", "11.44", "9.47"],
    ["Third Quarter", "14.96", "10.26"],
]


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What is the average quarterly low price for 2019?", ("9.87",)),
        ("What is the difference in the high and low prices in the fourth quarter of 2019?", ("1.97",)),
        ("What are the high and low prices in the fourth quarter of 2019 respectively?", ("11.44", "9.47")),
    ],
)
def test_quarters_of_a_year_and_columns_of_a_quarter(question: str, texts: tuple[str, ...]) -> None:
    assert answer_over(question, [PRICES], []).texts == texts


def test_what_is_asked_of_a_year_stands_at_its_end() -> None:
    balances = [
        ["$'000", "December 31, 2019", "December 31, 2018", "January 1, 2018"],
        ["Receivables", "9", "11", "7"],
    ]
    assert answer_over("What is the average receivables for 2018 and 2019?", [balances], []).texts == (
        "10.00",
    )


def test_a_ratio_is_named_by_its_two_sides() -> None:
    books = [["(in millions)", "2019"], ["Liabilities", "100"], ["Assets", "400"], ["Total equity", "300"]]
    assert answer_over("What is the liabilities to assets ratio in 2019?", [books], []).texts == ("0.25",)


def test_respective_amounts_are_those_of_each_year_in_the_order_asked() -> None:
    notes = [
        "The company recognized $0.3 million, $0.9 million and $0.6 million of grants in 2019, 2018 and 2017, respectively."
    ]
    asked = "What are the respective values of grants recognized in 2018 and 2017?"
    assert answer_over(asked, [BOOKS], notes).texts == ("$0.9 million", "$0.6 million")
