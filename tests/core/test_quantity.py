"""Quantities are read, compared and printed exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.quantity import _COMPARING, _QUANTITY, Quantity, _printed, agrees, convert, find, parse, show


@pytest.mark.parametrize(
    ("text", "amount", "unit", "currency"),
    [
        ("$5.2 billion", "5200000000", "", "USD"),
        ("US$1,234", "1234", "", "USD"),
        ("5,200 million", "5200000000", "", ""),
        ("$15m", "15000000", "", "USD"),
        ("(1,234.5)", "-1234.5", "", ""),
        ("$ (12.3) million", "-12300000", "", "USD"),
        ("-3.6%", "-3.6", "%", ""),
        ("12.5 percent", "12.5", "%", ""),
        ("3.3 percentage points", "3.3", "pp", ""),
        ("25 bps", "25", "bp", ""),
        ("3.5x", "3.5", "x", ""),
        ("1,23,456", "123456", "", ""),
        ("2 lakh", "200000", "", ""),
        ("RMB 3.5亿元", "350000000", "", "CNY"),
        ("3.2万元", "32000", "", "CNY"),
        ("三千五百万元", "35000000", "", "CNY"),
        ("1.2个百分点", "1.2", "pp", ""),
        ("120 mmHg", "120", "mm[Hg]", ""),
        ("4.5 x 10^9/L", "4.5", "10*9/L", ""),
        ("37.5℃", "37.5", "Cel", ""),
        ("—", "0", "", ""),
    ],
)
def test_a_print_is_read_exactly(text: str, amount: str, unit: str, currency: str) -> None:
    quantity = parse(text)
    assert quantity is not None
    assert (quantity.amount, quantity.unit, quantity.currency) == (Decimal(amount), unit, currency)


@pytest.mark.parametrize(
    "text", ["", "revenue", "net loss of $3 million", "5 apples and 3 pears", "COVID-19", "A4"]
)
def test_what_is_not_one_quantity_is_none(text: str) -> None:
    assert parse(text) is None


def test_quantities_are_found_in_running_text_with_their_positions() -> None:
    text = "Revenue rose 12 % to $5.2 billion; the net loss of $3 million fell by 2 percentage points."
    found = [(text[start:end], str(quantity.amount)) for start, end, quantity in find(text)]
    assert found == [
        ("12 %", "12"),
        ("$5.2 billion", "5.2E+9"),
        ("$3 million", "-3E+6"),
        ("2 percentage points", "2"),
    ]


def test_chinese_text_gives_amounts_percent_and_comparators() -> None:
    text = "营业收入约15亿美元，毛利率为15.4%，上升1.2个百分点，不超过3.2万元"
    found = [(q.amount, q.unit, q.currency, q.comparator) for _, _, q in find(text)]
    assert found == [
        (Decimal("1.5E+9"), "", "USD", "~"),
        (Decimal("15.4"), "%", "", ""),
        (Decimal("1.2"), "pp", "", ""),
        (Decimal("3.2E+4"), "", "CNY", "<="),
    ]


def test_a_hyphen_between_words_or_years_is_no_minus() -> None:
    assert [q.value for _, _, q in find("2018-2019 and COVID-19")] == [
        Decimal(2018),
        Decimal(2019),
        Decimal(19),
    ]


def test_a_range_keeps_both_ends() -> None:
    quantity = parse("9 to 12 mg/dL")
    assert quantity is not None
    assert (quantity.value, quantity.upper, quantity.unit) == (Decimal(9), Decimal(12), "mg/dL")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2345 billion", "1,234.5 million"),
        ("$5.2 billion", "$5,240 million"),
        ("12.50", "12.5"),
        ("12.5%", "0.125"),
        ("3.3 percentage points", "330 bps"),
        ("0.9 mg/dL", "9 mg/L"),
        ("(56)", "-56"),
        ("37.0 °C", "98.6 °F"),
        ("3.2万元", "32,000元"),
    ],
)
def test_prints_of_one_amount_agree(one: str, other: str) -> None:
    first, second = parse(one), parse(other)
    assert first is not None
    assert second is not None
    assert agrees(first, second)
    assert agrees(second, first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9,234.5", "1,234.5"),
        ("$5.2 billion", "$5.2 million"),
        ("(56)", "56"),
        ("0.9", "0.4"),
        ("12%", "12 bps"),
        ("$5.2 billion", "€5.2 billion"),
        ("0.9 mg/dL", "0.9 mg/L"),
        ("less than 5", "5"),
        ("$5.2 billion", "$5,260 million"),
    ],
)
def test_prints_of_different_amounts_do_not_agree(one: str, other: str) -> None:
    first, second = parse(one), parse(other)
    assert first is not None
    assert second is not None
    assert not agrees(first, second)
    assert not agrees(second, first)


def test_units_of_different_dimensions_do_not_convert() -> None:
    with pytest.raises(ValueError, match="'mg/dL' does not convert to 'mmol/L'"):
        convert(Quantity(Decimal("0.9"), unit="mg/dL"), "mmol/L")


PIECES = [
    *_COMPARING, "$", "US$", "a$", "NT$", "Rs.", "CHF", "usd", "¥", "(", "-", "−", ".", ",", " ", "\n", "\x1c", "5", "1,234", "۵",
    "20 %", "million", "to", "music", "roundabout", "without", "a", "PERCENT", "ſome", ")",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(PIECES), max_size=6).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
)
def test_a_quantity_is_looked_for_only_where_one_may_begin(text: str) -> None:
    assert [match.span() for match in _printed(text)] == [match.span() for match in _QUANTITY.finditer(text)]


values = st.decimals(
    min_value="-999999999", max_value="999999999", places=2, allow_nan=False, allow_infinity=False
)


@given(
    values,
    st.sampled_from([0, 6, 9]),
    st.sampled_from(["", "%", "pp", "bp", "mg/dL"]),
    st.sampled_from(["", "USD", "EUR"]),
)
def test_what_is_shown_in_english_is_read_back(value: Decimal, scale: int, unit: str, currency: str) -> None:
    quantity = Quantity(value, 0 if unit else scale, unit, "" if unit else currency, decimals=2)
    assert parse(show(quantity)) == quantity


@given(values, st.sampled_from([0, 4, 8]), st.sampled_from(["", "CNY", "USD"]))
def test_what_is_shown_in_chinese_is_read_back(value: Decimal, scale: int, currency: str) -> None:
    quantity = Quantity(value, scale, "", currency, decimals=2)
    assert parse(show(quantity, "zh")) == quantity


@given(values, st.sampled_from(["g/L", "g/dL", "mg/L", "ng/mL"]))
def test_converting_there_and_back_gives_the_same_amount(value: Decimal, unit: str) -> None:
    quantity = Quantity(value, unit="mg/dL", decimals=2)
    there = convert(quantity, unit)
    assert convert(there, "mg/dL").amount == quantity.amount
    assert there.step * 1 == convert(there, unit).step


@given(values, values)
def test_agreement_is_symmetric(one: Decimal, other: Decimal) -> None:
    first, second = Quantity(one, decimals=2), Quantity(other, decimals=1)
    assert agrees(first, second) == agrees(second, first)
