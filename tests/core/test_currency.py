"""Whose sign it is: told by words beside it, else left open."""

import pytest

from core.currency import of_sign, settled
from core.quantity import agrees, parse, same_currency, show
from core.values import values_of


@pytest.mark.parametrize(
    ("text", "heading", "currency"),
    [
        ("Sales were ¥5.2 billion in 2025.", "Report", "¥"),
        ("Sales were ¥5.2 billion (RMB) in 2025.", "Report", "CNY"),
        ("Sales were ¥5.2 billion in 2025, against 4.9 billion yen before.", "Report", "JPY"),
        ("Sales were ¥5.2 billion in 2025.", "Larkspur Japan K.K.", "JPY"),
        ("Sales in China were ¥5.2 billion.", "Larkspur Japan K.K.", "CNY"),
        ("Sales in China and Japan were ¥5.2 billion.", "Report", "¥"),
        ("2025年销售额为¥5.2亿。", "年报", "CNY"),
        ("2025年销售额为¥5.2亿。", "日本分公司", "JPY"),
        ("2025年の売上高は¥5.2億です。", "年報", "JPY"),
        ("Sales were $5.2 billion in 2025.", "Japan", "USD"),
    ],
)
def test_the_nearest_words_tell_whose_yen_or_yuan_sign_it_is(text: str, heading: str, currency: str) -> None:
    (value, *_) = (each for each in values_of(text, is_table=False, heading=heading) if "5.2" in each.raw)
    assert value.quantity.currency == currency


def test_a_cell_is_told_by_the_words_of_its_table() -> None:
    rows = "Item | 2025\nSales | ¥1,200"
    for words, currency in (("In RMB\n", "CNY"), ("JPY million\n", "JPY"), ("", "¥")):
        (value,) = values_of(words + rows, is_table=True)
        assert value.quantity.currency == currency


def test_a_sign_that_nothing_tells_of_is_kept_and_no_currency_is_made_of_it() -> None:
    assert settled("¥", "Sales") == ""
    assert of_sign("¥", "Sales") == of_sign("¥", "Japan and China", "中国") == "¥"
    assert of_sign("USD", "Japan") == "USD"


def test_it_contradicts_neither_of_both_but_any_other() -> None:
    assert same_currency("¥", "CNY")
    assert same_currency("JPY", "¥")
    assert not same_currency("¥", "USD")
    assert not same_currency("CNY", "JPY")
    open_, yuan, yen = parse("¥5.2 billion"), parse("CN¥5.2 billion"), parse("5.2 billion yen")
    assert open_
    assert yuan
    assert yen
    assert (open_.currency, yuan.currency, yen.currency) == ("¥", "CNY", "JPY")
    assert agrees(open_, yuan)
    assert agrees(open_, yen)
    assert not agrees(yuan, yen)


def test_its_print_says_which_it_is_where_that_is_known() -> None:
    for text in ("¥5.2 billion", "CN¥5.2 billion", "JP¥5.2 billion"):
        quantity = parse(text)
        assert quantity
        assert show(quantity) == text
        assert parse(show(quantity, "zh")) == quantity
