"""What a document speaks of."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg import tokens
from kg.extract import Passage, extract, lines, link, linkable
from kg.names import NameMatcher
from kg.subjects import lead_names, subjects_of
from kg.typed import kinds_of, typed
from kg.words import words_of
from tests.kg.library import chunk


def names(passage: Passage, *kinds: str) -> list[str]:
    return [name for _, _, name, kind, _ in passage.found if not kinds or kind in kinds]


def read(text: str, **options: str) -> Passage:
    return extract([chunk(text, **options)])[0]  # type: ignore[arg-type]


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Teutberga was a queen by marriage to Lothair II.", ["teutberga", "lothair ii"]),
        ("He worked at the Bank of America and in March 1999 at Coca-Cola.", ["bank of america", "coca cola"]),
        ("However, J. R. R. Tolkien met C. S. Lewis.", ["j r r tolkien", "c s lewis"]),
        ("In 2019 the Company grew. They left.", ["company"]),
        ("She read \"The Art of War\" twice.", ["art of war", "the art of war"]),
        ("Schindler's List and Jaws", ["schindler s list and jaws", "schindler", "list and jaws", "list", "jaws"]),
        ("公司与上海交通大学签订协议，见《科学》。", ["科学", "上海交通大学"]),
    ],
)  # fmt: skip
def test_print_shows_names(text: str, expected: list[str]) -> None:
    assert sorted(names(read(text))) == sorted(expected)


def test_organisations_and_persons_are_told_by_their_print() -> None:
    passage = read(
        "Dr. Jane Doe joined Acme Bank, said John Smith, our Chief Financial Officer. 王小明先生任职。"
    )
    assert names(passage, "person") == ["jane doe", "john smith", "王小明"]
    assert names(passage, "organisation") == ["acme bank"]


def test_a_mention_knows_its_sentence_and_its_characters() -> None:
    text = "  Teutberga died. Then Lothair II of Lotharingia wept."
    passage = read(text)
    start, stop = passage.places[1]
    assert text[start:stop] == "Then Lothair II of Lotharingia wept."
    second = [text[start:stop] for number, (start, stop, *_) in passage.mentions() if number == 1]
    assert second == ["Lothair II of Lotharingia"]


def test_the_sentences_of_a_table_are_its_rows() -> None:
    passage = read("Item | 2019\nNet Sales | 5\n\nNet income | 7", kind="table")
    assert [passage.text[start:stop] for start, stop in passage.places] == [
        "Item | 2019",
        "Net Sales | 5",
        "Net income | 7",
    ]
    assert lines("") == []


@pytest.mark.parametrize(
    "words",
    ["known as", "better known by", "aka", "a.k.a.", "born", "née", "stage name", "nicknamed", "formerly",
     "also called", "sometimes spelled", "also written", "also romanized as", "or simply"],
)  # fmt: skip
def test_the_other_names_that_an_opening_gives_are_keys(words: str) -> None:
    assert "Orla Quill" in lead_names(f"Nessa Varga ({words} Orla Quill) was a queen.")
    assert "Orla Quill" not in lead_names("Nessa Varga (with Orla Quill) was a queen.")


# ---------------------------------------------------------------- typed entities


@pytest.mark.parametrize(
    "word", ["wolf", "km", "percent", "icd", "rmb", "analyst", "revenue", "half", "rituximab"]
)
@pytest.mark.parametrize("printed", ["{}", "{},", "({}).", '"{}"', ",{}", "${}", "{}-1"])
def test_a_token_says_the_same_whoever_was_met_before(word: str, printed: str) -> None:
    token = printed.format(word)
    assert tokens.read(f"{word} {token}").terms == 2 * tokens.read(word).terms or "-" in token
    assert tokens.read(token).kinds == kinds_of(token, words_of(token))
    assert tokens.read(token).running == f" {'  '.join(words_of(token))} "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Revenue rose 5% to $1.2 billion in fiscal 2019.", {("5 %", "quantity"), ("$1.2 billion", "quantity"), ("2019", "period"), ("revenue", "metric")}),
        ("营业收入增长5%至12亿元（2019年第三季度）", {("5 %", "quantity"), ("12 亿元", "quantity"), ("2019-q3", "period"), ("revenue", "metric")}),
        ("Best Buy (NYSE: BBY) rose", {("bby", "ticker")}),
        ("股票代码：600519", {("600519", "ticker")}),
        ("Diagnosis (ICD-10): E11.9, I10", {("e11.9", "diagnosis"), ("i10", "diagnosis")}),
        ("HbA1c has LOINC 4548-4, not 4548-5", {("4548-4", "laboratory")}),
        ("given pembrolizumab 200 mg and Metformin", {("pembrolizumab", "drug"), ("200 mg", "quantity"), ("metformin", "drug")}),
        ("Room E11.9 was booked for 4548-4 people on 12 May 2019", set()),
    ],
)  # fmt: skip
def test_typed_entities_are_found_where_their_pattern_is_certain(
    text: str, expected: set[tuple[str, str]]
) -> None:
    found = typed(text, 0, tokens.read(text).kinds)
    assert {(name, kind) for _, _, name, kind, _ in found} == expected


def test_the_numbers_of_a_table_are_facts_and_no_names() -> None:
    assert names(read("Revenue | $5 million", kind="table"), "quantity") == []


# ---------------------------------------------------------------- subjects


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Teutberga (died 875) was a queen of Lotharingia.", ["Teutberga"]),
        ("Karl, Prince of Leiningen (13 February 1898) was the son", ["Karl, Prince of Leiningen"]),
        ("The Bedford Incident (aka Aux Postes) is a film", ["The Bedford Incident", "Bedford Incident", "Aux Postes"]),
        ("By the Grace of God is a song", ["By the Grace of God"]),
        ("Person-centered therapy is a form of psychotherapy", ["Person-centered therapy"]),
        ("Charles Peckham Day (born 1976) is an actor", ["Charles Peckham Day", "Charles Day", "Peckham Day", "Charles P Day", "C P Day", "Charlie Day", "Chuck Day"]),
        ("LaDonna Gaines, known professionally as Donna Summer, sang", []),
        ("It is a river.", []),
        ("The Company is a maker of toys.", []),
        ("Revenue was $5 million.", []),
        ("In 2019 (2018: 4) the firm grew", []),
        ("Net sales increased.", []),
        ("《子不语》，又名《新齐谐》，清代袁枚著", ["子不语", "新齐谐"]),
        ("大曲站（）是一位于日本秋田县的车站", ["大曲站"]),
        ("这是一家公司", []),
    ],
)  # fmt: skip
def test_a_text_may_open_with_what_it_is_about(text: str, expected: list[str]) -> None:
    assert list(lead_names(text)) == expected


def test_title_heading_and_caption_say_what_a_passage_is_about() -> None:
    one = chunk(
        "Table 3: Segment results\nA | 5",
        title="Annual Report",
        section=("2 Results", "2.1 Cloud Services"),
        kind="table",
    )
    keys = subjects_of(one)
    assert {name: key.role for name, key in keys.items()} == {
        "annual report": "title",
        "cloud services": "section",
        "segment results": "caption",
    }


def test_a_heading_that_every_report_has_is_no_key() -> None:
    assert subjects_of(chunk("Text.", section=("1. Introduction",))) == {}


# ---------------------------------------------------------------- definitions


def test_an_abbreviation_stands_for_its_long_form_in_its_own_document() -> None:
    passages = extract(
        [
            chunk("Positron emission tomography (PET) is costly."),
            chunk("Early PET was slow.", ordinal=1),
        ]
    )
    assert "positron emission tomography" in names(passages[1])
    assert passages[0].subjects["positron emission tomography"].role == "term"


def test_the_company_is_the_company_of_the_document() -> None:
    passages = extract(
        [
            chunk('Acme Holdings, Inc. (together with its subsidiaries, the "Company") makes toys.'),
            chunk("The Company grew.", ordinal=1),
        ]
    )
    assert "acme holdings inc" in names(passages[1])
    assert passages[0].subjects["acme"].role == "defined"


def test_a_chinese_short_name_is_resolved() -> None:
    passages = extract(
        [
            chunk("贵州茅台酒股份有限公司（以下简称“公司”）成立于1999年。"),
            chunk("报告期内公司收入增长。", ordinal=1),
        ]
    )
    assert "贵州茅台酒股份有限公司" in names(passages[1])


def test_persons_of_two_firms_are_not_one() -> None:
    def contexts(firm: str) -> set[str]:
        text = f'{firm}, Inc. (the "Company") named John Smith, Chief Executive Officer. John Smith agreed.'
        return {context for _, _, name, _, context in read(text).found if name == "john smith"}

    assert contexts("Acme") == {"acme"}
    assert contexts("Beta") == {"beta"}


# ---------------------------------------------------------------- links


def test_known_names_are_found_in_small_letters_too() -> None:
    passages = extract([chunk("He practised person-centered therapy at home.")])
    link(passages, NameMatcher(["person centered therapy"]))
    assert "person centered therapy" in names(passages[0])
    link(passages, NameMatcher(["person centered therapy"]))
    assert names(passages[0]).count("person centered therapy") == 1


def test_other_passages_may_mention_what_a_passage_is_about() -> None:
    passages = extract(
        [chunk("A text.", title="Lothair II (king)"), chunk("A text.", title="Paris", ordinal=1)]
    )
    assert set(linkable(passages)) == {"lothair ii king", "lothair ii"}


# ---------------------------------------------------------------- anything at all


@given(st.text(max_size=200))
def test_any_text_is_read_and_every_mention_lies_inside_its_sentence(text: str) -> None:
    for kind in ("text", "table"):
        (passage,) = extract([chunk(text, title=text[:40], kind=kind)])
        link([passage], NameMatcher(linkable([passage])))
        numbers = [number for number, _ in passage.mentions()]
        assert numbers == sorted(numbers)
        for number, (start, stop, name, _, _) in passage.mentions():
            assert passage.places[number][0] <= start < stop <= passage.places[number][1]
            assert name


@pytest.mark.data
def test_half_of_the_openings_of_an_encyclopaedia_give_its_titles(data: Path) -> None:
    import json

    def right(lines: Iterable[str]) -> Iterable[bool]:
        for line in lines:
            record = json.loads(line)
            title = chunk("", title=record["title"])
            keys = subjects_of(chunk(record["text"]))
            yield bool(keys.keys() & subjects_of(title).keys())

    with (data / "2wiki_101" / "corpus.jsonl").open(encoding="utf-8") as file:
        hits = list(right(line for number, line in zip(range(600), file)))
    assert sum(hits) / len(hits) > 0.7
