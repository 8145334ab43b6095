"""The tour, as `make demo` runs it: real documents, real encoder, five questions."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from api.assemble import open_sightline
from api.service import Here
from api.terminal import Answer
from core.settings import Settings
from core.types import Access
from demo import tour

REPORT = "tarnbeck-annual-report-2025.pdf"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour") / "state"


@pytest.fixture(scope="module")
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def answers(state: Path, told: io.StringIO) -> dict[str, Answer]:
    given = tour.run(state, Console(file=told, width=120))
    return {question.kind: answer for question, answer in zip(tour.QUESTIONS, given, strict=True)}


def cited(answer: Answer) -> set[tuple[str, int | None]]:
    return {(source.document.filename, source.page) for source in answer.sources}


def test_the_look_up_is_answered_from_the_income_statement(answers: dict[str, Answer]) -> None:
    answer = answers["a look-up in a table"]
    assert "52.4" in answer.text
    assert cited(answer) == {(REPORT, 7)}


def test_the_comparison_reads_both_pages(answers: dict[str, Answer]) -> None:
    answer = answers["a comparison over two pages"]
    assert "34.8%" in answer.text
    assert "39.6%" in answer.text
    assert "(34.8% - 39.6%) = -4.8 percentage points" in answer.text
    assert {(REPORT, 3), (REPORT, 5)} <= cited(answer)


def test_the_why_states_the_cause_from_page_six(answers: dict[str, Answer]) -> None:
    answer = answers["a why"]
    assert "the price of tantalum sheet rose by 38%" in answer.text
    assert (REPORT, 6) in cited(answer)


def test_the_chinese_question_is_answered_in_chinese(answers: dict[str, Answer]) -> None:
    answer = answers["a question in Chinese"]
    assert "6,000 米" in answer.text
    assert {name for name, _ in cited(answer)} == {"dl-4-产品说明.md"}


def test_what_the_documents_do_not_say_is_not_answered(answers: dict[str, Answer]) -> None:
    answer = answers["a question that the documents do not answer"]
    assert answer.status == "not_found"
    assert answer.reason
    assert not answer.sources


def test_every_cited_page_has_its_box_and_its_picture(answers: dict[str, Answer]) -> None:
    sources = [(answer, source) for answer in answers.values() for source in answer.sources]
    paged = [(answer, source) for answer, source in sources if source.page is not None]
    assert paged
    for answer, source in paged:
        assert all(place.box for place in source.places)
        assert all(Path(picture).stat().st_size > 1000 for picture in answer.pages[source.id])


def test_it_says_how_to_go_on(answers: dict[str, Answer], told: io.StringIO, state: Path) -> None:
    assert answers
    assert f"--state {state}" in told.getvalue()
    assert "/v1/chat/completions" in told.getvalue()


def test_a_second_tour_ingests_nothing_again(answers: dict[str, Answer], state: Path) -> None:
    assert answers
    with open_sightline(Settings(state=state)) as sightline:
        service = Here(sightline, Access())
        before = {file.id: file for file in service.files()}
        tokens = sightline.embedder.tokens_seen
        again = tour.ingest(service, state / "documents")
        assert {file.id: file for file in again} == before
        assert sightline.embedder.tokens_seen == tokens


def test_a_state_that_cannot_be_used_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert tour.main(tmp_path / "file") == 1
    assert capsys.readouterr().err.startswith("demo: ")
