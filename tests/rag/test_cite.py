"""From statements to text, citations and links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import Answer, Citation, Evidence
from rag.cite import Quote, Statement, cite, linked
from tests.rag.conftest import make_passage

CHUNK = make_passage("Gross margin fell.\nThe mix was weaker.\n毛利率下降。", page=3)
EVIDENCE = [Evidence("S1", CHUNK, 1.0, frozenset({"dense"}))]


def test_every_sentence_carries_its_label_and_its_box() -> None:
    text, citations, claims = cite([Statement("Gross margin fell.", (Quote("S1", 0, 18),))], EVIDENCE)
    assert text == "Gross margin fell. [S1]"
    (citation,) = citations
    assert text[citation.start : citation.end] == "Gross margin fell."
    assert citation.quote == "Gross margin fell."
    assert [(place.page, place.box) for place in citation.places] == [(3, CHUNK.spans[0].box)]
    assert [(claim.start, claim.end, claim.status) for claim in claims] == [(0, 18, "quoted")]


def test_a_quote_over_two_lines_has_a_box_for_each() -> None:
    cited = cite([Statement("Both.", (Quote("S1", 0, 38),))], EVIDENCE)
    assert [place.box for place in cited.citations[0].places] == [span.box for span in CHUNK.spans[:2]]


def test_a_quote_outside_its_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the 45 characters of S1"):
        cite([Statement("No.", (Quote("S1", 30, 99),))], EVIDENCE)


def test_links_take_the_place_of_labels_and_spans_move_along() -> None:
    statements = [
        Statement("Gross margin fell.", (Quote("S1", 0, 18),)),
        Statement("The mix was weaker.", (Quote("S1", 19, 38),)),
    ]
    text, citations, claims = cite(statements, EVIDENCE)
    answer = linked(
        Answer(text, "answered", citations, claims), lambda citation: f"[[{citation.quote_start}]](/e)"
    )
    assert answer.text == "Gross margin fell. [[0]](/e) The mix was weaker. [[19]](/e)"
    assert [answer.text[item.start : item.end] for item in answer.citations] == [
        "Gross margin fell.",
        "The mix was weaker.",
    ]


def test_a_label_in_the_words_of_a_document_is_left_alone() -> None:
    answer = Answer("As shown in [S9], it fell.", "answered")
    assert linked(answer, lambda citation: "never").text == answer.text


def _statements() -> st.SearchStrategy[list[Statement]]:
    size = len(CHUNK.text)
    quotes = st.tuples(st.integers(0, size - 1), st.integers(1, size)).map(
        lambda pair: Quote("S1", min(pair[0], pair[1] - 1), max(pair[0] + 1, pair[1]))
    )
    words = st.text(alphabet="ab [S1]毛。", min_size=1, max_size=20)
    return st.lists(
        st.builds(Statement, words, st.lists(quotes, min_size=1, max_size=3).map(tuple)),
        min_size=1,
        max_size=4,
    )


@given(_statements(), st.sampled_from([" ", "\n", ""]))
def test_spans_lie_in_the_text_and_quotes_are_verbatim(statements: list[Statement], between: str) -> None:
    text, citations, claims = cite(statements, EVIDENCE, between=between)
    answer = Answer(text, "answered", citations, claims)
    for cited in (answer, linked(answer, lambda _citation: "[[1]](x)")):
        said = iter(cited.citations)
        for statement in statements:
            for quote in statement.quotes:
                citation = next(said)
                assert citation.quote == CHUNK.text[quote.start : quote.end]
                assert citation.places
                _lies_in(cited.text, citation)
        assert all(0 <= claim.start < claim.end <= len(cited.text) for claim in cited.claims)
    assert [text[item.start : item.end] for item in claims] == [statement.text for statement in statements]


def _lies_in(text: str, citation: Citation) -> None:
    assert 0 <= citation.start < citation.end <= len(text)
