"""Forms of names, and finding known names in running text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.names import NameMatcher, entity_id, forms_of, is_linkable, short_form
from kg.words import Plain


def found(matcher: NameMatcher, text: str) -> list[tuple[str, str]]:
    plain = Plain.of(text)
    return [
        (name, text[start:stop]) for start, stop, name in matcher.placed(matcher.find(plain.running()), plain)
    ]


@pytest.mark.parametrize(
    ("title", "forms"),
    [
        ("Theodred II (Bishop of Elmham)", {"theodred ii bishop of elmham": True, "theodred ii": True}),
        ("Lambert, Margrave of Tuscany", {"lambert margrave of tuscany": True, "lambert": False}),
        ("Best Buy Co., Inc.", {"best buy co inc": True, "best buy co": False, "best buy": False}),
        ("贵州茅台酒股份有限公司", {"贵州茅台酒股份有限公司": True, "贵州茅台酒": False}),
        ("Tekezé River", {"tekezé river": True, "tekeze river": True}),
        ("???", {}),
    ],
)
def test_a_title_has_these_forms(title: str, forms: dict[str, bool]) -> None:
    assert dict(forms_of(title)) == forms


def test_a_word_that_means_anything_is_not_looked_for() -> None:
    assert [
        name for name in ("king", "the king", "king edward", "毛利率", "我", "x" * 99) if is_linkable(name)
    ] == [
        "king edward",
        "毛利率",
    ]


def test_the_longest_name_wins_and_neighbours_do_not_hide_each_other() -> None:
    matcher = NameMatcher(["new york", "new york city", "king edward", "edward smith"])
    assert found(matcher, "In New  York City, King Edward's New York") == [
        ("new york city", "New  York City"),
        ("king edward", "King Edward"),
        ("new york", "New York"),
    ]


def test_a_name_is_whole_words() -> None:
    matcher = NameMatcher(["art house"])
    assert found(matcher, "smart houses, Art-House, art house.") == [
        ("art house", "Art-House"),
        ("art house", "art house"),
    ]


def test_chinese_names_are_found_inside_running_text() -> None:
    matcher = NameMatcher(["光明乳业", "iphone 手机"])
    assert found(matcher, "我们在光明乳业用iPhone手机拍照") == [
        ("光明乳业", "光明乳业"),
        ("iphone 手机", "iPhone手机"),
    ]


def test_characters_whose_lower_case_is_longer_do_not_move_the_place() -> None:
    matcher = NameMatcher(["acme bank"])
    assert found(matcher, "İİİ Ⅷ ﬁ Acme Bank") == [("acme bank", "Acme Bank")]


def test_names_may_come_and_go() -> None:
    matcher = NameMatcher()
    assert found(matcher, "Acme Bank") == []
    assert matcher.add(["acme bank", "acme bank"]) == ["acme bank"]
    assert matcher.add(["acme bank"]) == []
    assert found(matcher, "Acme Bank") == [("acme bank", "Acme Bank")]
    matcher.discard(["acme bank"])
    assert found(matcher, "Acme Bank") == []
    matcher.add(["acme bank"])
    assert found(matcher, "Acme Bank") == [("acme bank", "Acme Bank")]


words = st.text(string.ascii_lowercase, min_size=1, max_size=3)
names = st.lists(words, min_size=2, max_size=3).map(" ".join)


@given(st.lists(names, max_size=8), st.lists(names, max_size=8), st.lists(words, max_size=20))
def test_names_added_late_are_found_like_names_known_from_the_start(
    first: list[str], later: list[str], text: list[str]
) -> None:
    one = NameMatcher([*first, *later])
    other = NameMatcher(first)
    running = Plain.of(" ".join(text)).running()
    other.find(running)
    other.add(later)
    assert {name for _, _, name in one.find(running)} == {name for _, _, name in other.find(running)}


def test_an_entity_is_its_name_kind_context_and_tenant() -> None:
    one = entity_id("acme", "john smith")
    assert one == entity_id("acme", "john smith", "person"), "kinds of proper name are evidence, not identity"
    assert (
        len({one, entity_id("acme", "john smith", "drug"), entity_id("acme", "john smith", context="beta")})
        == 3
    )
    assert one != entity_id("other", "john smith")
    assert 0 <= one < 2**63


def test_the_short_form_has_no_legal_form() -> None:
    assert short_form("Acme Holdings, Inc.") == "acme"
    assert short_form("贵州茅台酒股份有限公司") == "贵州茅台酒"
