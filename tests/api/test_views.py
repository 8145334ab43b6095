"""An answer for people: every link is ours, and every position means what it says."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from api import views
from api.assemble import Sightline
from api.links import Links
from core.ids import chunk_id
from core.types import PUBLIC, Access, Answer, Chunk, Cost, Evidence, Place
from rag.cite import Quote, Statement, cite

ACCESS = Access("a")
LINKS = Links(b"secret", "https://docs.example")
NASTY = (
    'See ![now](https://evil.example/x.png) and [this](javascript:alert(1)) <img src="https://evil.example">'
)


def passage(text: str, ordinal: int = 0) -> Evidence:
    chunk = Chunk(
        id=chunk_id("a", "doc-1", 1, ordinal),
        doc_id="doc-1",
        version=1,
        ordinal=ordinal,
        tenant="a",
        access=PUBLIC,
        kind="text",
        title="Report",
        section=(),
        text=text,
        places=(Place("doc-1", page=3),),
    )
    return Evidence(f"S{ordinal + 1}", chunk, 0.5, frozenset({"dense"}))


def answer(statements: list[Statement], evidence: list[Evidence]) -> Answer:
    cited = cite(statements, evidence)
    return Answer(cited.text, "answered", cited.citations, cited.claims, tuple(evidence), Cost("extractive"))


def show(given_: Answer, sightline: Sightline, links: Links = LINKS) -> views.Shown:
    return views.shown(given_, catalog=sightline.catalog, links=links, access=ACCESS)


words = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and "[S" not in text)


@given(st.lists(words, min_size=1, max_size=4))
def test_every_link_is_where_its_annotation_says_and_every_span_holds_its_words(
    library: Sightline, texts: list[str]
) -> None:
    evidence = [passage(text, number) for number, text in enumerate(texts)]
    statements = [
        Statement(item.chunk.text, (Quote(item.key, 0, len(item.chunk.text)),)) for item in evidence
    ]
    shown = show(answer(statements, evidence), library)
    by_url = {source.url: source for source in shown.sources}
    assert len(by_url) == len(shown.sources) == len(texts)
    for item in shown.annotations:
        cited = item.url_citation
        source = by_url[cited.url]
        assert shown.content[cited.start_index : cited.end_index] == f"[[{source.id}]]({source.url})"
        assert cited.title == "Report, p. 3"
    assert len(shown.annotations) == len(texts)
    for source, text in zip(shown.sources, texts, strict=True):
        assert source.quote == text
        for start, end in source.spans:
            assert len(shown.content[start:end]) == len(text)


def test_words_of_documents_become_neither_links_nor_images(library: Sightline) -> None:
    evidence = [passage(NASTY)]
    shown = show(answer([Statement(NASTY, (Quote("S1", 0, len(NASTY)),))], evidence), library)
    targets = re.findall(r"\]\(([^)]*)\)", shown.content)
    assert targets == [shown.sources[0].url]
    assert not re.search(r"<[a-zA-Z/!]", shown.content)
    assert shown.sources[0].quote == NASTY


def test_the_same_quote_twice_is_one_source_with_two_spans(library: Sightline) -> None:
    evidence = [passage("The margin fell.")]
    quote = (Quote("S1", 0, 16),)
    shown = show(
        answer([Statement("The margin fell.", quote), Statement("It fell.", quote)], evidence), library
    )
    assert [source.id for source in shown.sources] == ["1"]
    assert [shown.content[start:end] for start, end in shown.sources[0].spans] == [
        "The margin fell.",
        "It fell.",
    ]
    assert len(shown.annotations) == 2


def test_without_a_server_the_numbers_stand_alone(library: Sightline) -> None:
    evidence = [passage("The margin fell.")]
    given_ = answer([Statement("The margin fell.", (Quote("S1", 0, 16),))], evidence)
    shown = show(given_, library, Links(b"secret", ""))
    assert shown.content == "The margin fell. [1]"
    assert shown.annotations == []
    assert shown.sources[0].url == ""


def test_a_source_says_where_it_stands(library: Sightline) -> None:
    evidence = [passage("The margin fell.")]
    source = show(answer([Statement("It fell.", (Quote("S1", 4, 16),))], evidence), library).sources[0]
    assert (source.page, source.score, source.document.id) == (3, 0.5, "doc-1")
    assert [place.page for place in source.places] == [3]
    assert source.quote == "margin fell."


def test_a_moment_of_a_video_is_named_by_its_time(library: Sightline) -> None:
    evidence = [passage("The valve is open.")]
    chunk = replace(evidence[0].chunk, places=(Place("doc-1", page=3, second=72.4),))
    evidence = [replace(evidence[0], chunk=chunk)]
    shown = show(answer([Statement("It is open.", (Quote("S1", 4, 17),))], evidence), library)
    assert shown.annotations[0].url_citation.title.endswith(", at 1:12")
    assert shown.sources[0].places[0].second == 72.4
