"""The day from which a document speaks."""

from datetime import date

import pytest

from core.types import Block, Content, Page
from ingest.dates import stated_date


def content(*texts: str, valid_from: date | None = None, **meta: str) -> Content:
    pages = tuple(Page(number, (Block("text", text),)) for number, text in enumerate(texts, 1))
    return Content("text/plain", pages, meta=meta, valid_from=valid_from)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("FORM 10-K\nFor the fiscal year ended December 31, 2018", date(2018, 12, 31)),
        ("For the quarterly period ended June 30, 2023", date(2023, 6, 30)),
        ("Date of Report (Date of earliest event reported): May 3, 2022", date(2022, 5, 3)),
        ("Lakeside Ferries\nDated 4 March 2021\nDear shareholders", date(2021, 3, 4)),
        ("截至2023年12月31日止年度报告", date(2023, 12, 31)),
        ("报告日期：2022年5月6日", date(2022, 5, 6)),
        ("The ferry was built on May 3, 2012.", None),
        ("The result of 2019 was better than that of 2018.", None),
        ("", None),
    ],
)
def test_a_date_counts_behind_words_that_say_what_it_is(text: str, day: date | None) -> None:
    assert stated_date(content(text)) == day


def test_only_the_first_page_is_a_cover() -> None:
    assert stated_date(content("A cover", "for the year ended December 31, 2018")) is None


def test_what_an_author_states_comes_before_what_stands_on_the_page() -> None:
    page = "for the year ended December 31, 2018"
    assert stated_date(content(page, published_time="2019-02-01T10:00:00Z")) == date(2019, 2, 1)
    assert stated_date(content(page, date="soon")) == date(2018, 12, 31)
    assert stated_date(content(page, created="2020-01-01T00:00:00")) == date(2018, 12, 31)
    assert stated_date(content(page, valid_from=date(2017, 1, 1), date="2019-02-01")) == date(2017, 1, 1)
