import re
from collections.abc import Sequence
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import chunk_id
from core.types import PUBLIC, Block, Box, Chunk, Content, Document, Page, Place, Span
from ingest.chunk import LONGEST, TARGET, Chunker, Counter, chunks_of
from ingest.readers.tabletext import table_block

_TOKEN = re.compile(r"[\u4e00-\u9fff]|\w+|[^\w\s]")


def by_words(texts: Sequence[str]) -> list[int]:
    """A tokenizer like BERT's: the tokens of a text are those of its parts; two special ones."""
    return [2 + len(_TOKEN.findall(text)) for text in texts]


def by_letters(texts: Sequence[str]) -> list[int]:
    """A tokenizer that counts more in a text than in its parts: white space and bars cost."""
    return [1 + (len(text) + 2 * text.count("\n") + 3) // 4 for text in texts]


def document(*blocks: Block, title: str = "Annual report") -> Document:
    return of_pages(Page(1, blocks), title=title)


def of_pages(*pages: Page, title: str = "Annual report") -> Document:
    return Document("doc-1", "acme", "a.pdf", 3, title, PUBLIC, Content("application/pdf", pages))


def split(*blocks: Block, max_tokens: int = 512, **options: bool) -> list[Chunk]:
    return chunks_of(document(*blocks), count_tokens=by_words, max_tokens=max_tokens, **options)


def text(words: str) -> Block:
    return Block("text", words)


def heading(words: str, level: int) -> Block:
    return Block("heading", words, level=level)


def table(*rows: Sequence[str], above: str = "") -> Block:
    lines = [" | ".join(row) for row in rows]
    return Block("table", "\n".join([above, *lines] if above else lines), rows=tuple(map(tuple, rows)))


def sentences(number: int, words: int = 20) -> str:
    return " ".join(f"Sentence {index} has {'very ' * (words - 5)}many words." for index in range(number))


# ---------------------------------------------------------------- what belongs together


def test_paragraphs_of_a_section_are_joined_with_an_empty_line_between() -> None:
    (chunk,) = split(heading("Risks", 1), text("We may fail."), text("Others may win."))
    assert chunk.text == "We may fail.\n\nOthers may win."
    assert chunk.section == ("Risks",)
    assert chunk.kind == "text"
    assert chunk.indexed_text == "Annual report > Risks\nWe may fail.\n\nOthers may win."


def test_a_chunk_never_crosses_a_heading() -> None:
    chunks = split(
        text("Preface."),
        heading("One", 1),
        text("First."),
        heading("Detail", 2),
        text("Second."),
        heading("Two", 1),
        text("Third."),
    )
    assert [(chunk.section, chunk.text) for chunk in chunks] == [
        ((), "Preface."),
        (("One",), "First."),
        (("One", "Detail"), "Second."),
        (("Two",), "Third."),
    ]


def test_a_heading_without_text_is_indexed_as_text_of_the_section_around_it() -> None:
    chunks = split(
        heading("One", 1), heading("Left open", 2), heading("Also open", 2), heading("Two", 1), text("Text.")
    )
    assert [(chunk.kind, chunk.section, chunk.text) for chunk in chunks] == [
        ("heading", ("One",), "Left open\n\nAlso open"),
        ("text", ("Two",), "Text."),
    ]


def test_a_heading_over_a_picture_alone_is_not_lost() -> None:
    blocks = heading("Our plant", 1), Block("figure", "", image="a" * 64), heading("Two", 1), text("Text.")
    assert [(chunk.section, chunk.text) for chunk in split(*blocks)] == [
        ((), "Our plant"),
        (("Two",), "Text."),
    ]
    assert [chunk.section for chunk in split(*blocks, wordless=True)] == [("Our plant",), ("Two",)]


def test_a_document_of_one_heading_is_still_found() -> None:
    (chunk,) = split(heading("Closed for ever", 1))
    assert (chunk.kind, chunk.section, chunk.text) == ("heading", (), "Closed for ever")


def test_what_is_too_long_for_a_heading_is_read_as_text() -> None:
    long = "This whole paragraph was printed in bold letters. " * 6
    chunks = split(heading(long, 1), text("After it."))
    assert [chunk.section for chunk in chunks] == [()]
    assert chunks[0].text == f"{long.strip()}\n\nAfter it."


@pytest.mark.parametrize("kind", ["table", "figure", "record"])
def test_other_kinds_do_not_share_a_chunk_with_text(kind: str) -> None:
    other = Block(kind, "EBITDA | 5", rows=(("EBITDA", "5"),))  # type: ignore[arg-type]
    chunks = split(text("Before it."), other, text("After it."))
    assert [chunk.kind for chunk in chunks] == ["text", kind, "text"]


def test_records_that_follow_each_other_share_a_chunk() -> None:
    (chunk,) = split(Block("record", "name: Ann"), Block("record", "name: Bob"))
    assert (chunk.kind, chunk.text) == ("record", "name: Ann\n\nname: Bob")


def test_a_figure_without_words_is_a_chunk_only_where_pictures_are_searched() -> None:
    figure = Block("figure", "", image="a" * 64)
    assert split(figure) == []
    (chunk,) = split(figure, wordless=True)
    assert (chunk.kind, chunk.text, chunk.image) == ("figure", "", "a" * 64)


def test_the_picture_of_a_figure_with_many_words_is_given_once() -> None:
    chunks = split(Block("figure", sentences(40), image="a" * 64))
    assert len(chunks) > 1
    assert [chunk.image for chunk in chunks] == ["a" * 64] + [None] * (len(chunks) - 1)


def test_an_empty_document_has_no_chunks() -> None:
    assert split() == []
    assert split(text("  \n ")) == []


# ---------------------------------------------------------------- length


def test_paragraphs_are_joined_up_to_the_target_in_parts_of_about_equal_length() -> None:
    chunks = split(*(text(f"Paragraph {index} " + "word " * 40) for index in range(20)))
    lengths = by_words([chunk.indexed_text for chunk in chunks])
    assert len(chunks) > 3
    assert max(lengths) <= LONGEST
    assert min(lengths) > TARGET / 2


def test_a_paragraph_of_moderate_length_is_left_whole() -> None:
    paragraph = sentences(12)
    assert TARGET < by_words([paragraph])[0] < LONGEST
    assert [chunk.text for chunk in split(text(paragraph))] == [paragraph]


def test_a_long_paragraph_is_cut_at_sentences() -> None:
    chunks = split(text(sentences(40)))
    assert len(chunks) > 2
    assert all(chunk.text.endswith(".") for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == sentences(40)


def test_a_long_chinese_paragraph_is_cut_at_its_sentences() -> None:
    paragraph = "公司本年度收入增长百分之十二。" * 60
    chunks = split(text(paragraph))
    assert len(chunks) > 2
    assert all(chunk.text.endswith("。") for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == paragraph


def test_a_sentence_that_does_not_fit_is_cut_at_clauses_then_words_then_characters() -> None:
    clauses = ", ".join(["each of the conditions is met"] * 20)
    assert all(chunk.text.endswith(("met,", "met")) for chunk in split(text(clauses), max_tokens=64))
    words = "word " * 200
    assert " ".join(chunk.text for chunk in split(text(words), max_tokens=64)) == words.strip()
    characters = "毛利率" * 100
    assert "".join(chunk.text for chunk in split(text(characters), max_tokens=64)) == characters


def test_code_and_lists_are_cut_at_lines() -> None:
    lines = [f"item {index} of the list, which goes on" for index in range(120)]
    for kind in ("list", "code"):
        chunks = split(Block(kind, "\n".join(lines)))
        assert len(chunks) > 1
        assert "\n".join(chunk.text for chunk in chunks).split("\n") == lines


def test_a_heading_path_that_is_too_long_gives_way_from_the_outside_and_loses_no_word() -> None:
    outer = heading("outer " * 15, 1)
    inner = heading("inner " * 15, 2)
    chunks = split(outer, inner, text("The text."), text("word " * 60), max_tokens=64)
    assert all(by_words([chunk.indexed_text])[0] <= 64 for chunk in chunks)
    assert all(chunk.section == (inner.text.strip(),) for chunk in chunks)
    assert chunks[0].text.startswith(outer.text.strip())
    assert sum("outer" in chunk.text for chunk in chunks) == 1


def test_a_title_that_takes_too_much_room_is_left_out_of_the_chunk() -> None:
    (chunk,) = chunks_of(document(text("Text."), title="title " * 100), count_tokens=by_words, max_tokens=128)
    assert chunk.title == ""


def test_the_tokenizer_sees_each_word_once_however_often_it_stands_in_the_corpus() -> None:
    seen: list[str] = []

    def counting(texts: Sequence[str]) -> list[int]:
        seen.extend(texts)
        return by_words(texts)

    chunker = Chunker(count_tokens=counting, max_tokens=512)
    for _ in range(3):
        chunker.split(document(*[text(f"Paragraph {index} of many. It is short.") for index in range(200)]))
    assert len(seen) == len(set(seen)) < 250


def test_documents_that_were_met_are_split_without_counting_again() -> None:
    asked: list[Sequence[str]] = []

    def counting(texts: Sequence[str]) -> list[int]:
        asked.append(texts)
        return by_words(texts)

    documents = [
        document(text("The margins rose."), title="One"),
        document(text("The costs fell."), title="Two"),
    ]
    chunker = Chunker(count_tokens=counting, max_tokens=512)
    asked.clear()
    chunker.meet(documents)
    assert [sorted(texts) for texts in asked] == [["One", "The", "Two", "costs", "fell.", "margins", "rose."]]
    found = [chunker.split(one) for one in documents]
    assert found == [Chunker(count_tokens=by_words, max_tokens=512).split(one) for one in documents]
    assert asked[1:] == [[">"]]


def test_the_tokens_of_a_chunk_are_those_that_the_encoder_reads() -> None:
    blocks = heading("One", 1), text(sentences(40)), table(["a", "1"], ["b", "2"])
    for chunk, tokens, _ in Chunker(count_tokens=by_words, max_tokens=512).split(document(*blocks)):
        assert [tokens] == by_words([chunk.indexed_text])


# ---------------------------------------------------------------- tables


def long_table(rows: int) -> list[list[str]]:
    return [[f"Segment {index}", f"{index},000", f"{index},500"] for index in range(rows)]


def test_a_table_that_fits_is_one_chunk() -> None:
    block = table(["", "2023", "2022"], ["Sales", "5", "4"], above="In millions")
    (chunk,) = split(block)
    assert (chunk.kind, chunk.text) == ("table", block.text)


def test_a_long_table_is_cut_between_rows_and_repeats_its_unit_and_header() -> None:
    rows = long_table(60)
    chunks = split(table(["", "2023", "2022"], ["", "Sales", "Sales"], *rows, above="In millions"))
    assert len(chunks) > 2
    kept = "In millions\n | 2023 | 2022\n | Sales | Sales\n"
    assert all(chunk.text.startswith(kept) for chunk in chunks)
    told = [line for chunk in chunks for line in chunk.text[len(kept) :].split("\n")]
    assert told == [" | ".join(row) for row in rows]


def test_a_table_without_header_repeats_only_the_lines_above_it() -> None:
    chunks = split(table(*long_table(60), above="In millions"))
    assert all(chunk.text.startswith("In millions\n") for chunk in chunks)
    assert sum(chunk.text.count("Segment 0 ") for chunk in chunks) == 1


def test_a_row_is_cut_only_where_it_does_not_fit_alone() -> None:
    wide = ["Remarks", "word " * 100, "5"]
    chunks = split(table(["", "2023", "2022"], *long_table(3), wide, *long_table(3)), max_tokens=64)
    assert all(by_words([chunk.indexed_text])[0] <= 64 for chunk in chunks)
    assert sum(chunk.text.count("word") for chunk in chunks) == 100
    whole = [line for chunk in chunks for line in chunk.text.split("\n")]
    assert all(" | ".join(row) in whole for row in long_table(3))


def test_a_header_that_takes_most_of_the_room_is_not_repeated() -> None:
    header = ["Item", "a very long name of a column " * 10]
    chunks = split(table(header, *long_table(60)), max_tokens=128)
    assert sum(chunk.text.count("Item |") for chunk in chunks) == 1


def test_the_paragraph_that_announces_a_table_moves_into_it() -> None:
    chunks = split(
        text("We sell."),
        text("Sales were as follows ($ in millions):"),
        table(["Sales", "5"]),
        text("We buy."),
    )
    assert [chunk.text for chunk in chunks] == [
        "We sell.",
        "Sales were as follows ($ in millions):\nSales | 5",
        "We buy.",
    ]
    assert [chunk.kind for chunk in chunks] == ["text", "table", "text"]


def test_the_sentence_that_announces_a_table_stays_in_its_paragraph_too() -> None:
    chunks = split(text("We sell. 收入如下："), table(["Sales", "5"]), table(["Costs", "4"]))
    assert [chunk.text for chunk in chunks] == ["We sell. 收入如下：", "收入如下：\nSales | 5", "Costs | 4"]


def test_a_sentence_that_announces_nothing_is_not_taken_into_the_table() -> None:
    chunks = split(text("We sell."), table(["Sales", "5"]))
    assert [chunk.text for chunk in chunks] == ["We sell.", "Sales | 5"]


def test_a_table_under_another_heading_does_not_take_the_sentence_before_it() -> None:
    chunks = split(text("As follows:"), heading("Two", 1), table(["Sales", "5"]))
    assert [chunk.text for chunk in chunks] == ["As follows:", "Sales | 5"]


# ---------------------------------------------------------------- places


def test_places_are_the_boxes_of_the_blocks_on_their_pages() -> None:
    first, second = Box(10, 10, 90, 20), Box(10, 700, 90, 720)
    chunks = chunks_of(
        of_pages(
            Page(1, (Block("text", "It goes", first),), 100, 800),
            Page(2, (Block("text", "on here.", second),), 100, 800),
        ),
        count_tokens=by_words,
        max_tokens=512,
    )
    assert [chunk.text for chunk in chunks] == ["It goes\non here."]  # no sentence ends at the break
    assert chunks[0].places == (Place("doc-1", 1, first), Place("doc-1", 2, second))


def test_without_pages_the_anchor_says_where() -> None:
    (chunk,) = split(Block("text", "Text.", anchor="line 12"))
    assert chunk.places == (Place("doc-1", anchor="line 12"),)


def at(chunk: Chunk, words: str) -> list[str]:
    start = chunk.text.index(words)
    return [place.anchor for place in chunk.places_of(start, start + len(words))]


def test_words_of_one_block_have_its_place_and_not_those_beside_it() -> None:
    (chunk,) = split(*(Block("text", f"Text {n}.", anchor=f"line {n}") for n in (3, 5, 9)))
    assert [place.anchor for place in chunk.places] == ["line 3", "line 5", "line 9"]
    assert at(chunk, "Text 5.") == ["line 5"]
    assert at(chunk, "Text 5.\n\nText 9.") == ["line 5", "line 9"]


def test_shapes_of_a_slide_have_each_its_own_box() -> None:
    left, right = Box(0, 0, 50, 50), Box(60, 0, 110, 50)
    page = Page(4, (Block("text", "Sales rose.", left), Block("text", "Costs fell.", right)), 720, 540)
    (chunk,) = chunks_of(of_pages(page), count_tokens=by_words, max_tokens=512)
    start = chunk.text.index("Costs")
    assert chunk.places_of(start, start + 5) == (Place("doc-1", 4, right),)
    assert chunk.places_of(0, 5) == (Place("doc-1", 4, left),)


def test_a_quote_from_a_table_points_at_its_cell_its_row_or_all_of_it() -> None:
    rows = [["Item", "2024", "2025"], *([f"Item {n}", str(n), str(n + 100)] for n in range(2, 9))]
    (chunk,) = split(table_block(rows, anchor="table 2", above="in millions", numbers=range(1, 9)))
    assert at(chunk, "105") == ["table 2, row 5, cell 3"]
    assert at(chunk, "Item 5") == ["table 2, row 5, cell 1"]
    assert at(chunk, "Item 5 | 5 | 105") == ["table 2, row 5"]
    assert at(chunk, "105\nItem 6") == ["table 2, row 5", "table 2, row 6"]
    assert at(chunk, chunk.text) == ["table 2"]
    assert at(chunk, "in millions") == ["table 2"]


def test_the_rows_of_a_table_that_is_cut_keep_their_places() -> None:
    rows = [["Item", "2025"], *([f"Item {n} {'very ' * 9}long", str(n + 100)] for n in range(2, 99))]
    chunks = split(table_block(rows, anchor="table 2", numbers=range(1, 99)))
    assert len(chunks) > 3
    for chunk in chunks:
        number = int(chunk.text.rsplit("| ", 1)[1]) - 100
        assert at(chunk, f"| {number + 100}"[2:]) == [f"table 2, row {number}, cell 2"]


def test_a_table_that_goes_on_over_the_page_has_a_place_on_each() -> None:
    block = Block(
        "table",
        "Sales | 5",
        Box(0, 0, 50, 10),
        (Span(0, 5, 1, Box(0, 0, 5, 10)), Span(8, 9, 2, Box(8, 0, 9, 10))),
        rows=(("Sales", "5"),),
    )
    (chunk,) = chunks_of(of_pages(Page(1, (block,), 100, 100)), count_tokens=by_words, max_tokens=512)
    assert chunk.places == (Place("doc-1", 1, Box(0, 0, 5, 10)), Place("doc-1", 2, Box(8, 0, 9, 10)))


def test_a_part_of_a_block_has_the_box_around_its_own_words() -> None:
    words = sentences(40).split(" ")
    block = _spanned("text", words, count(), page=1)
    chunks = chunks_of(of_pages(Page(1, (block,), 100, 100)), count_tokens=by_words, max_tokens=512)
    assert len(chunks) > 1
    for chunk in chunks:
        (place,) = chunk.places
        assert place.box == Box(chunk.spans[0].box.x0, 0, chunk.spans[-1].box.x1, 1)


# ---------------------------------------------------------------- any document


def _spanned(
    kind: str, words: Sequence[str], numbers: "count[int]", *, page: int, between: str = " ", level: int = 0
) -> Block:
    """A block whose words have boxes that tell their number: Box(number, 0, number + 1, 1)."""
    spans, position = [], 0
    for word in words:
        number = next(numbers)
        spans.append(Span(position, position + len(word), page, Box(number, 0, number + 1, 1)))
        position += len(word) + len(between)
    box = Box(spans[0].box.x0, 0, spans[-1].box.x1, 1)
    return Block(kind, between.join(words), box, tuple(spans), level=level)  # type: ignore[arg-type]


_words = st.lists(
    st.sampled_from(
        ["sales", "grew", "12%,", "of", "cost.", "财务报告。", "毛利率", "x" * 40, "Ratio:", "(a)", "€"]
    ),
    min_size=1,
    max_size=60,
)
_blocks = st.tuples(
    st.sampled_from(["text", "text", "text", "list", "heading", "code", "figure", "record"]),
    _words,
    st.integers(1, 3),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, list[str]]:
    """A document, and its words by number."""
    numbers = count()
    words: list[str] = []
    pages = []
    for page in range(1, draw(st.integers(1, 3)) + 1):
        blocks = []
        for kind, drawn, level in draw(st.lists(_blocks, max_size=6)):
            # every word is its own, so that none can be taken for another
            own = [
                f"{word}{len(words) + index}" if index % 3 == 0 else word for index, word in enumerate(drawn)
            ]
            if kind == "heading":
                own = own[:8]
            words += own
            blocks.append(
                _spanned(kind, own, numbers, page=page, level=level, between="\n" if kind == "code" else " ")
            )
        pages.append(Page(page, tuple(blocks), 100, 100))
    return of_pages(*pages), words


@settings(max_examples=150, deadline=None)
@given(documents(), st.sampled_from([48, 96, 512]), st.sampled_from([by_words, by_letters]))
def test_no_token_and_no_box_is_lost(
    made: tuple[Document, list[str]], max_tokens: int, count_tokens: Counter
) -> None:
    source, words = made
    measured = Chunker(count_tokens=count_tokens, max_tokens=max_tokens).split(source)
    chunks = [one.chunk for one in measured]
    with_words = [block for page in source.content.pages for block in page.blocks if block.text.strip()]
    assert sum(one.blocks for one in measured) == len(with_words)

    assert all(tokens <= max_tokens for tokens in count_tokens([chunk.indexed_text for chunk in chunks]))
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.id for chunk in chunks] == [
        chunk_id("acme", "doc-1", 3, index) for index in range(len(chunks))
    ]

    found: dict[int, str] = {}
    for chunk in chunks:
        assert chunk.text == chunk.text.strip()
        assert all(first.end <= second.start for first, second in pairwise(chunk.spans))
        for span in chunk.spans:
            piece = chunk.text[span.start : span.end]
            assert piece
            found[int(span.box.x0)] = found.get(int(span.box.x0), "") + piece
        assert {place.page for place in chunk.places} == {span.page for span in chunk.spans}

    in_headings: set[int] = set()
    headings = [block for page in source.content.pages for block in page.blocks if block.kind == "heading"]
    for block in headings:
        name = " ".join(block.text.split())
        if any(name in chunk.section for chunk in chunks):
            in_headings |= {int(span.box.x0) for span in block.spans}
    for number, word in enumerate(words):
        # in the text with its box, or in a section path that the encoder reads
        assert found.get(number) == word or (number not in found and number in in_headings)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.text("abc 财 ", max_size=12), st.integers(0, 10**6)), min_size=1, max_size=80),
    st.sampled_from([40, 64, 512]),
)
def test_every_row_of_every_table_is_found_whole(cells: list[tuple[str, int]], max_tokens: int) -> None:
    rows = [["Item", "2023"], *([f"{name}{index}", str(value)] for index, (name, value) in enumerate(cells))]
    chunks = split(table(*rows, above="In millions"), max_tokens=max_tokens)
    lines = {line for chunk in chunks for line in chunk.text.split("\n")}
    for row in rows:
        if by_words(["Annual report\n" + "In millions\nItem | 2023\n" + " | ".join(row)])[0] <= max_tokens:
            assert " | ".join(row) in lines
    assert all(tokens <= max_tokens for tokens in by_words([chunk.indexed_text for chunk in chunks]))
