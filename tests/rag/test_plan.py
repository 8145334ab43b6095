"""What a question asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.types import Message
from rag.plan import Kind, Plan, plan


def after(*turns: str, question: str) -> Plan:
    return plan(question, [Message("user", turn) for turn in turns])


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Why did the gross margin fall in 2023?", "why"),
        ("What was the reason for the increase in revenue?", "why"),
        ("毛利率下降的原因是什么？", "why"),
        ("Compare the margin on page 3 with page 5.", "comparison"),
        ("Who was born first, Marjatta Raita or Bruce Coulter?", "comparison"),
        ("比较第3页和第5页的毛利率", "comparison"),
        ("How did revenue change between 2018 and 2019?", "change"),
        ("How many restaurants were acquired in 2017?", "count"),
        ("这家公司有多少名员工？", "count"),
        ("How much is the fee?", "quantity"),
        ("电池容量是多少？", "quantity"),
        ("When was the letter written?", "when"),
        ("这封信是什么时候写的？", "when"),
        ("Who signed the letter?", "who"),
        ("Where is the plant?", "where"),
        ("What is holoprosencephaly?", "definition"),
        ("What does adjusted gross margin represent?", "definition"),
        ("List the risks.", "list"),
        ("有哪些功能？", "list"),
        ("How is the discount rate determined?", "how"),
        ("Does the probe need calibration?", "yes_no"),
        ("这个探头需要校准吗？", "yes_no"),
        ("What was the gross margin in 2023?", "look_up"),
    ],
)
def test_the_kind_of_question_is_seen(question: str, kind: Kind) -> None:
    assert plan(question).kind == kind


def test_terms_leave_out_question_words_periods_and_pages() -> None:
    asked = plan("What was the gross margin in FY2023 on page 3?")
    assert asked.terms == ("gross", "margin")
    assert asked.subject == "gross margin"
    assert [period.label for period in asked.periods] == ["2023"]
    assert asked.pages == (3,)


def test_chinese_terms_are_pairs_of_characters() -> None:
    asked = plan("2022年的毛利率是多少？")
    assert asked.language == "zh"
    assert asked.terms == ("毛利", "利率")
    assert [period.label for period in asked.periods] == ["2022"]


@pytest.mark.parametrize(
    ("question", "pages"),
    [
        ("What stands on page 7?", (7,)),
        ("Compare pages 3 and 5.", (3, 5)),
        ("Sum up pages 3-5.", (3, 4, 5)),
        ("Compare the margin on page 3 with page 5", (3, 5)),
        ("第3页和第5页有什么不同？", (3, 5)),
        ("第十二页写了什么？", (12,)),
        ("What was revenue in 2023?", ()),
    ],
)
def test_page_references_are_read(question: str, pages: tuple[int, ...]) -> None:
    assert plan(question).pages == pages


def test_names_are_kept_as_written() -> None:
    assert plan("What did Bell Wireless earn in Q4 2019?").names == ("Bell Wireless",)
    assert plan("《战国无双3》是由哪两个公司开发的？").names == ("战国无双3",)
    assert plan('Who wrote "Aas Ka Panchhi"?').names == ("Aas Ka Panchhi",)


def test_two_questions_in_one_become_parts() -> None:
    asked = plan("Compare the operating margin on page 3 with page 5 and say why it moved.")
    assert [part.kind for part in asked.parts] == ["comparison", "why"]
    assert asked.parts[0].pages == (3, 5)
    assert asked.parts[1].pages == (), "the cause may be told on another page"
    assert {"oper", "margin"} <= set(asked.parts[1].terms)


def test_a_second_chinese_question_takes_its_subject_from_the_first() -> None:
    asked = plan("2023年的毛利率是多少？下降的原因是什么？")
    assert [part.kind for part in asked.parts] == ["quantity", "why"]
    assert {"毛利", "利率", "下降"} <= set(asked.parts[1].terms)
    assert [period.label for period in asked.parts[1].periods] == ["2023"]


def test_a_follow_up_with_another_period_repeats_the_question() -> None:
    asked = after("What was Acme's gross margin in 2023?", question="and in 2005?")
    assert asked.question == "What was Acme's gross margin in 2005?"
    assert [period.label for period in asked.periods] == ["2005"]
    assert after("2022年毛利率是多少？", question="那2023年呢？").question == "2023年毛利率是多少?"


def test_a_bare_why_asks_for_the_cause_of_what_was_asked() -> None:
    asked = after("What was Acme's gross margin in 2023?", question="Why?")
    assert (asked.kind, asked.names) == ("why", ("Acme",))
    assert {"gross", "margin"} <= set(asked.terms)


def test_a_pronoun_keeps_the_subject() -> None:
    asked = after("What was gross margin in 2023?", question="Why did it fall?")
    assert {"gross", "margin", "fall"} <= set(asked.terms)
    assert {"重量", "星河"} <= set(after("星河电池的容量是多少？", question="它的重量呢？").terms)


def test_a_new_attribute_takes_the_place_of_the_old_one() -> None:
    asked = after("What was Acme's gross margin in 2023?", question="What about operating margin?")
    assert "gross" not in asked.terms
    assert {"oper", "margin", "acm"} == set(asked.terms)
    assert [period.label for period in asked.periods] == ["2023"]


def test_a_question_of_its_own_takes_nothing_from_the_conversation() -> None:
    own = "Who is the chief executive of Northwind?"
    assert after("What was gross margin in 2023?", question=own) == plan(own)


def test_answers_in_the_history_are_not_questions() -> None:
    history = [Message("user", "What was gross margin in 2023?"), Message("assistant", "It fell in 2021.")]
    assert [period.label for period in plan("Why?", history).periods] == ["2023"]


@given(st.text(max_size=200), st.lists(st.text(max_size=60), max_size=3))
def test_any_text_has_a_plan(question: str, turns: list[str]) -> None:
    asked = after(*turns, question=question)
    assert asked.language in ("en", "zh")
    assert all(len(term) >= 1 for term in asked.terms)
