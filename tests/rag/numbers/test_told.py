"""What one sentence tells of several years, and by how much it says that something moved."""

import pytest

from core.period import find_periods
from core.quantity import FoundQuantity, find
from rag.numbers.told import change_told, told


def amounts(sentence: str) -> list[FoundQuantity]:
    periods = find_periods(sentence)
    return [
        item
        for item in find(sentence)
        if not any(one.start < item.end and item.start < one.end for one in periods)
    ]


def by_year(sentence: str) -> list[dict[str, str]]:
    return [
        {year: sentence[item.start : item.end].strip() for year, item in each.amounts.items()}
        for each in told(sentence, amounts(sentence))
    ]


@pytest.mark.parametrize(
    ("sentence", "years"),
    [
        (
            "Amounts billed include $60.3 million and $80.5 million due at September 30, 2019 and 2018, respectively.",
            [{"2019": "$60.3 million", "2018": "$80.5 million"}],
        ),
        (
            "Depreciation totaled $290.2 million in 2019, $239.6 million in 2018 and $190.4 million in 2017.",
            [{"2019": "$290.2 million", "2018": "$239.6 million", "2017": "$190.4 million"}],
        ),
        (
            "Free cash flow was positive $497 million in 2019, compared to $533 million and positive $308 million in 2018 and 2017.",
            [{"2018": "$533 million", "2017": "$308 million"}],
        ),
        ("Expense increased in 2019 compared to 2018 due to the issuance of $10.0 billion of notes, $2.0 billion of them repaid.", []),
    ],
)  # fmt: skip
def test_an_amount_belongs_to_a_year_only_where_the_words_say_so(
    sentence: str, years: list[dict[str, str]]
) -> None:
    assert by_year(sentence) == years


def test_the_last_of_a_list_says_the_scale_of_all() -> None:
    (found,) = told(text := "Cost was $5.1 and $6.2 million in 2019 and 2018.", amounts(text))
    assert {item.quantity.scale for item in found.amounts.values()} == {6}


@pytest.mark.parametrize(
    ("sentence", "amount", "what"),
    [
        ("Interest income increased by $16.9 million in 2019.", "$16.9 million", "Interest income"),
        ("The $29.3 million increase in our cost of revenue was primarily due to staff.", "$29.3 million", "cost of revenue"),
        ("Revenue fell about €1.2 billion.", "€1.2 billion", "Revenue"),
    ],
)  # fmt: skip
def test_a_change_is_told_with_what_moved(sentence: str, amount: str, what: str) -> None:
    found = change_told(sentence, amounts(sentence))
    assert found is not None
    item, words = found
    assert amount in sentence[item.start : item.end]
    assert what in words


def test_a_level_is_no_change() -> None:
    sentence = "Revenue was $5 million; prices increased 4%."
    assert change_told(sentence, amounts(sentence)) is None
