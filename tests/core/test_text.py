"""Where sentences end."""

import pytest

from core.text import sentences


@pytest.mark.parametrize(
    "pieces",
    [
        ["Cells made interferon in large amounts.", "Synthetic ligands made little."],
        ["Growth fell (see above).", "We then added more.", "A second trial, in 2019, failed."],
        ["Of them 12%.", "The rest stayed."],
    ],
)
def test_a_sentence_ends_where_the_space_behind_its_full_stop_was_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert [text[start:end] for start, end in sentences(text)] == pieces


@pytest.mark.parametrize(
    "text",
    [
        "Read report.PDF at www.example.com and the U.S.Treasury page",
        "It calls core.Text() and list.append",
        "Version 2.Beta is out",
    ],
)
def test_a_full_stop_within_a_name_ends_no_sentence(text: str) -> None:
    assert sentences(text) == [(0, len(text))]
