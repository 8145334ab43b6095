"""Numbers of a chart in the style of its country, and what is no number at all."""

from hypothesis import given
from hypothesis import strategies as st

from core.types import Box
from ingest.charts.axis import printed
from ingest.charts.numerals import in_one_style
from ingest.words import Word


def axis(labels: list[str]) -> list[Word]:
    """A column of labels, flush right, as words without spaces in them: the first one lowest."""
    words = []
    for step, label in enumerate(labels):
        right, y = 40.0, 200.0 - 20 * step
        for part in reversed(label.split(" ")):
            words.append(Word(part, Box(right - 5 * len(part), y - 4, right, y + 4)))
            right -= 5 * len(part) + 3
    return words


def read(words: list[Word]) -> list[float]:
    return sorted(float(number.value) for word in in_one_style(words) if (number := printed(word)))


def test_spaces_points_and_apostrophes_group() -> None:
    for labels in (
        ["0", "500", "1 000", "1 500"],
        ["0", "500", "1.000", "1.500"],
        ["0", "500", "1'000", "1'500"],
        ["0", "500", "1\u202f000", "1\u202f500"],
        ["0", "500", "1,000", "1,500"],
    ):
        assert read(axis(labels)) == [0, 500, 1000, 1500], labels


def test_a_comma_before_one_or_two_digits_is_the_decimal_mark() -> None:
    assert read(axis(["0,0", "0,5", "1,0", "1,5"])) == [0, 0.5, 1, 1.5]
    assert read(axis(["1.000,25", "1.000,50", "1.000,75"])) == [1000.25, 1000.5, 1000.75]
    assert read(axis(["0,00", "1 000,00", "2 000,00", "3 000,00"])) == [0, 1000, 2000, 3000]


def test_points_stay_decimal_where_all_of_the_axis_has_them() -> None:
    assert read(axis(["0.000", "0.125", "0.250", "0.375"])) == [0, 0.125, 0.25, 0.375]
    assert read(axis(["1.125", "1.250", "1.375", "1.500"])) == [1.125, 1.25, 1.375, 1.5]
    assert read(axis(["0.5", "1.0", "1.5", "2.0"])) == [0.5, 1, 1.5, 2]


def test_points_group_where_nothing_but_whole_thousands_stands_beside_the_axis() -> None:
    assert read(axis(["1.000", "2.000", "3.000", "4.000"])) == [1000, 2000, 3000, 4000]


def test_numbers_that_only_stand_close_are_not_joined() -> None:
    labels = [
        Word(text, Box(50 + 20 * at, 100, 66 + 20 * at, 108)) for at, text in enumerate(["95", "103", "187"])
    ]
    assert read([*axis(["0", "50", "100", "150"]), *labels]) == [0, 50, 95, 100, 103, 150, 187]


def test_words_that_are_no_numbers_are_the_same_objects() -> None:
    title = Word("Sales", Box(60, 5, 90, 13))
    assert any(word is title for word in in_one_style([title, *axis(["0,0", "0,5", "1,0"])]))


@given(st.integers(1, 900), st.integers(4, 7), st.sampled_from([" ", ".", "'", ","]))
def test_every_axis_of_whole_numbers_is_read_in_each_style(step: int, count: int, sign: str) -> None:
    values = [10 * step * at for at in range(count)]
    labels = [f"{value:,}".replace(",", sign) for value in values]
    assert read(axis(labels)) == values
