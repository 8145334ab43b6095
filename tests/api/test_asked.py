"""Questions about numbers through the whole path: files in, the service's answer out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.assemble import Sightline
from core.settings import Settings
from core.types import Access, Answer
from tests.api.small import add, small

CLINICS = {"Alder": (120, 110), "Birch": (340, 330), "Cedar": (90, 80)}
FERRIES = {2021: "5.1", 2022: "6.4", 2023: "5.9"}
LEVELS = [
    f"{year}-{month:02}-{day:02},{2 + month / 10 + day / 100 + (1 if (year, month, day) == (2022, 6, 15) else 0):.2f}"
    for year in (2021, 2022, 2023)
    for month in range(1, 13)
    for day in (5, 15)
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    """Three clinics with a table each, three annual reports with a sentence each, in English and Chinese."""
    folder: Path = tmp_path_factory.mktemp("figures") / "state"
    sightline = small(Settings(state=folder))
    for town, (this_year, last_year) in CLINICS.items():
        rows = (
            f"| in thousands | 2024 | 2023 |\n|---|---|---|\n| Patient visits | {this_year} | {last_year} |"
        )
        add(sightline, f"{town}.md", f"# {town} Clinic 2024\n\n{rows}\n| Grants | 3 | 0 |\n")
    for year, income in FERRIES.items():
        text = f"# Larkspur annual report {year}\n\nFerry income was {income} million dollars in {year}.\n"
        add(sightline, f"larkspur-{year}.md", text)
    for year, income in ((2021, "3.1"), (2022, "2.4")):
        add(sightline, f"云山{year}.md", f"# 云山茶业{year}年年报\n\n{year}年营业收入为{income}亿元。\n")
    add(sightline, "levels.csv", "\n".join(["Date,Quay level", *LEVELS]))
    add(sightline, "secret.md", "# Dune Clinic 2024\n\nPatient visits were 999 thousand in 2024.\n", "b")
    yield sightline
    sightline.close()


def ask(sightline: Sightline, question: str, tenant: str = "a") -> Answer:
    return sightline.assistant.answer(question, access=Access(tenant))


def quoted(sightline: Sightline, answer: Answer) -> set[str]:
    files = sightline.catalog.statuses(
        "a", {place.doc_id for cited in answer.citations for place in cited.places}
    )
    return {file.source for file in files.values()}


# ---------------------------------------------------------------- facts as operands


@pytest.mark.parametrize(
    ("question", "told", "sources"),
    [
        ("Which clinic had the most patient visits in 2024?", "Birch Clinic 2024: 340 thousand", 3),
        ("Which clinic had the fewest patient visits in 2024?", "Cedar Clinic 2024: 90 thousand", 3),
        ("How many clinics had more than 100 thousand patient visits in 2024?", "2 (Alder Clinic 2024, Birch Clinic 2024)", 3),
        ("List the patient visits of all clinics in 2024.", "| Cedar Clinic 2024 | 90 thousand |", 3),
        ("What were the total patient visits of all clinics together in 2024?", "= 550 thousand", 3),
        ("In which year was the ferry income of Larkspur highest?", "2022: $6.4 million", 3),
        ("云山茶业哪一年的营业收入最高？", "2021：3.1亿元", 2),
        ("In which year was the quay level highest?", "2022: 3.75 (2022-06-15)", 1),
        ("In which years did the quay level exceed 3.5?", "2022", 1),
        ("In which month was the quay level lowest?", "2021-01, 2022-01, 2023-01: 2.15", 1),
    ],
)  # fmt: skip
def test_values_of_several_documents_are_compared_and_cited(
    figures: Sightline, question: str, told: str, sources: int
) -> None:
    answer = ask(figures, question)
    assert told in answer.text
    assert (answer.status, len(quoted(figures, answer))) == ("answered", sources)
    assert all(claim.status in ("derived", "quoted", "supported") for claim in answer.claims)


def test_facts_of_others_are_no_operands(figures: Sightline) -> None:
    assert "Dune" not in ask(figures, "Which clinic had the most patient visits in 2024?").text
    assert "Birch" not in ask(figures, "Which clinic had the most patient visits in 2024?", "b").text


def test_another_firm_has_no_figures(figures: Sightline) -> None:
    answer = ask(figures, "In which year was the ferry income of Pemberton highest?")
    assert (answer.status, answer.gaps) == ("not_found", ("subject_not_found",))
    assert "“Pemberton”" in answer.reason


def test_a_why_brings_the_causes_of_that_attribute_and_period_from_all_documents(empty: Sightline) -> None:
    letter = (
        "Revenue fell in 2023 because two ferries were in dry dock.\n\n"
        "The operating margin fell to 12.5 % in 2022 because crews were paid more.\n\n"
        "The operating margin fell to 9.1 % in 2023 because the price of diesel doubled.\n"
    )
    add(empty, "letter.md", f"# Letter of Lakeside Ferries\n\n{letter}")
    add(
        empty,
        "note.md",
        "# Lakeside note\n\nIn 2023 the operating margin fell further due to a strike at the yard.\n",
    )
    answer = ask(empty, "Why did the operating margin fall in 2023?")
    assert answer.status == "answered"
    assert "diesel doubled" in answer.text
    assert "strike at the yard" in answer.text
    assert "dry dock" not in answer.text
    assert "crews" not in answer.text
    assert quoted(empty, answer) == {"letter.md", "note.md"}


# ---------------------------------------------------------------- questions that cannot be answered as they stand


def test_a_division_by_zero_is_said(figures: Sightline) -> None:
    question = "What was the percentage change in grants of Alder Clinic from 2023 to 2024?"
    assert "is zero and would be divided by" in ask(figures, question).text


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What was the ferry income of Larkspur in 2035?", "not for 2035"),
        ("What were the patient visits of Birch Clinic in 1987?", "not for 1987"),
        ("云山茶业2035年的营业收入是多少？", "没有2035年的内容"),
    ],
)
def test_a_period_that_no_document_covers_is_said(figures: Sightline, question: str, reason: str) -> None:
    answer = ask(figures, question)
    assert (answer.status, answer.gaps) == ("not_found", ("period_missing",))
    assert reason in answer.reason


def test_units_that_do_not_convert_are_said(empty: Sightline) -> None:
    add(
        empty,
        "weights.md",
        "# Rats\n\nThe dose of Rhodil was 5 mg in 2023.\n\nThe dose of Rhodil was 3 mL in 2024.\n",
    )
    answer = ask(empty, "By how much did the dose of Rhodil change from 2023 to 2024?")
    assert "the units do not convert" in answer.text
    assert "3 mL" in answer.text


def test_a_question_with_two_readings_gets_both(empty: Sightline) -> None:
    rows = "| in millions | 2024 | 2023 |\n|---|---|---|\n"
    add(
        empty,
        "a.md",
        f"# Report\n\n{rows}| Ticket sales, domestic | 50 | 40 |\n| Ticket sales, abroad | 70 | 55 |\n",
    )
    answer = ask(empty, "By how much did ticket sales change from 2023 to 2024?")
    assert "Another value fits as well" in answer.text
    assert "Ticket sales, domestic" in answer.text
    assert "Ticket sales, abroad" in answer.text


# ---------------------------------------------------------------- documents that contradict each other

BUDGET = "What is the travel budget for 2024?"


def memos(sightline: Sightline, *texts: tuple[str, str]) -> None:
    for name, text in texts:
        add(sightline, name, text)


def test_two_notes_that_state_one_thing_otherwise_are_both_told_and_the_later_is_preferred(
    empty: Sightline,
) -> None:
    memos(
        empty,
        ("old.txt", "Dated 3 March 2024.\n\nThe travel budget for 2024 is 50,000 euros.\n"),
        ("new.md", "Dated 9 September 2024.\n\nThe travel budget for 2024 is 60,000 euros.\n"),
    )
    answer = ask(empty, BUDGET)
    assert answer.gaps == ("sources_conflict",)
    assert "The travel budget for 2024 is 50,000 euros." in answer.text
    assert "new states 60,000 euros for travel budget in 2024, not 50,000 euros" in answer.text
    assert "it is the later document (2024-09-09; the answer's is of 2024-03-03) and preferred" in answer.text
    assert quoted(empty, answer) == {"old.txt", "new.md"}


def test_a_sentence_and_a_table_may_contradict_each_other(empty: Sightline) -> None:
    rows = "| Item | 2024 |\n|---|---|\n| Travel budget | 60,000 |"
    memos(
        empty,
        ("a.md", "Budget note\n\nThe travel budget for 2024 is 50,000.\n"),
        ("b.md", f"# Table of budgets\n\n{rows}\n"),
    )
    answer = ask(empty, BUDGET)
    assert answer.gaps == ("sources_conflict",)
    assert "50,000" in answer.text
    assert "60,000" in answer.text
    assert "neither is known to be later, so both are shown" in answer.text


def test_another_print_another_period_or_another_subject_is_no_conflict(empty: Sightline) -> None:
    memos(
        empty,
        ("Alder Clinic.md", "# Alder Clinic\n\nThe travel budget for 2024 is 50,000 euros.\n"),
        ("print.md", "The travel budget for 2024 is 50 thousand euros.\n"),
        ("period.md", "The travel budget for 2023 is 45,000 euros.\n"),
        ("Birch Clinic.md", "# Birch Clinic\n\nThe travel budget for 2024 is 70,000 euros.\n"),
    )
    answer = ask(empty, "What is the travel budget of Alder Clinic for 2024?")
    assert answer.status == "answered"
    assert answer.gaps == ()
    assert "70,000" not in answer.text


def test_a_chinese_conflict_is_told_in_chinese(empty: Sightline) -> None:
    memos(
        empty,
        ("一.txt", "发布日期：2024年3月3日\n\n2024年差旅预算为50万元。\n"),
        ("二.txt", "发布日期：2024年9月9日\n\n2024年差旅预算为60万元。\n"),
    )
    answer = ask(empty, "2024年的差旅预算是多少？")
    assert answer.gaps == ("sources_conflict",)
    assert "50万元" in answer.text
    assert "60万元" in answer.text
    assert "2024-03-03" in answer.text
    assert "2024-09-09" in answer.text


def test_what_the_caller_may_not_see_contradicts_nothing(empty: Sightline) -> None:
    memos(empty, ("old.txt", "The travel budget for 2024 is 50,000 euros.\n"))
    add(empty, "new.md", "The travel budget for 2024 is 60,000 euros.\n", "b")
    assert ask(empty, BUDGET).gaps == ()
