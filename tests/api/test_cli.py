"""The command line: what it prints, where, and how it ends. Here it speaks to a server that owns the state."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from reportlab.pdfgen.canvas import Canvas

from api import terminal
from api.assemble import Sightline
from api.cli import main
from api.client import There
from api.schemas import Completion
from api.service import Here
from core import state
from core.settings import Settings
from core.types import Access
from tests.api.small import FERRY, TEA, listening, small


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object of the last line; with --json there is nothing else."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SIGHTLINE_API_KEY", "key-of-a")

    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    folder = tmp_path_factory.mktemp("served")
    sightline = small(Settings(state=folder / "state"))
    with listening(sightline):
        yield sightline
    sightline.close()


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    (folder / "sub").mkdir()
    (folder / ".hidden").mkdir()
    (folder / "ferry.txt").write_text(FERRY)
    (folder / "sub" / "茶.txt").write_text(TEA)
    (folder / "sub" / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    (folder / ".hidden" / "notes.txt").write_text("not to be read")
    (folder / "sub" / ".DS_Store").write_text("not to be read")
    return folder


def test_a_folder_is_taken_in_and_one_broken_file_does_not_stop_the_others(
    run: Run, served: Sightline, docs: Path
) -> None:
    done = run("ingest", docs, docs / "missing.txt", "--state", served.settings.state, "--json")
    assert done.code == 1
    result = done.json
    assert (result["ready"], result["failed"]) == (2, 2)
    by_name = {Path(file["path"]).name: file for file in result["files"]}
    assert set(by_name) == {"ferry.txt", "茶.txt", "broken.pdf", "missing.txt"}
    assert by_name["ferry.txt"]["stage"] == "ready"
    assert by_name["ferry.txt"]["source"] == str(docs / "ferry.txt")
    assert by_name["broken.pdf"]["stage"] == "failed"
    assert by_name["broken.pdf"]["status_details"]
    assert "No such file" in by_name["missing.txt"]["status_details"]
    assert "broken.pdf" in done.err
    assert run("ingest", docs / "ferry.txt", "--state", served.settings.state).code == 0


def test_an_answer_is_shown_with_its_quotes(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "ferry.txt", *at)
    question = "Why did the operating margin fall in 2023?"
    told = run("ask", question, *at, "--json").json
    assert told["question"] == question
    assert told["status"] == "answered"
    assert "diesel doubled" in told["answer"]
    assert "[1]" in told["answer"]
    assert "http" not in told["answer"]
    source = told["sources"][0]
    assert source["document"]["filename"] == "ferry.txt"
    for start, end in source["spans"]:
        assert "diesel doubled" in told["answer"][start:end]
    shown = run("ask", question, *at)
    assert shown.code == 0
    assert "[1]" in shown.out
    assert "ferry.txt" in shown.out
    assert "“" in shown.out


def report(folder: Path) -> Path:
    """A PDF of two pages."""
    canvas = Canvas(str(folder / "report.pdf"), pagesize=(300, 400))
    canvas.drawString(40, 300, "The first page speaks of boats.")
    canvas.showPage()
    canvas.drawString(60, 200, "The lighthouse keeper is Nils Ferlin.")
    canvas.save()
    return folder / "report.pdf"


def test_cited_pages_are_saved_as_images(run: Run, served: Sightline, docs: Path, tmp_path: Path) -> None:
    at = ("--state", served.settings.state)
    assert run("ingest", report(docs.parent), *at).code == 0
    told = run("ask", "Who is the lighthouse keeper?", *at, "--page-image", tmp_path / "pages", "--json").json
    source = told["sources"][0]
    assert source["page"] == 2
    assert source["page_images"] == [str(tmp_path / "pages" / "source-1-page-2.png")]
    assert Path(source["page_images"][0]).read_bytes().startswith(b"\x89PNG")
    run("ingest", docs / "ferry.txt", *at)
    told = run("ask", "Who chaired the board?", *at, "--page-image", tmp_path / "none", "--json").json
    assert told["sources"][0]["page_images"] == []
    assert list((tmp_path / "none").iterdir()) == []


def test_this_process_saves_the_same_pages_as_a_server(run: Run, served: Sightline, docs: Path) -> None:
    assert run("ingest", report(docs.parent), "--state", served.settings.state).code == 0
    here = Here(served, Access("a"))
    source = here.ask("Who is the lighthouse keeper?").sources[0]
    holder = state.owner(served.settings.state)
    assert holder
    assert holder.url
    there = There(holder.url, "key-of-a")
    assert here.page_image(source, 2) == there.page_image(source, 2)
    there.close()


def test_no_answer_is_an_answer(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "ferry.txt", *at)
    done = run("ask", "Which volcano erupted near Naples in 1944?", *at, "--json")
    assert done.code == 0
    assert done.json["status"] == "not_found"
    assert done.json["reason"]


def test_passages_are_searched(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "sub" / "茶.txt", *at)
    hits = run("search", "保质期", *at, "--limit", "1", "--json").json["hits"]
    assert [hit["document"]["filename"] for hit in hits] == ["茶.txt"]
    assert "茶.txt" in run("search", "保质期", *at).out


def test_the_status_lists_documents_and_finds_one_by_any_of_its_names(
    run: Run, served: Sightline, docs: Path
) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "ferry.txt", *at)
    every = run("status", *at, "--json").json["files"]
    mine = next(file for file in every if file["filename"] == "ferry.txt")
    for name in (mine["id"], "ferry.txt", str(docs / "ferry.txt")):
        assert run("status", name, *at, "--json").json["files"] == [mine]
    assert mine["id"] in run("status", *at).out
    missing = run("status", "nowhere.txt", *at, "--json")
    assert missing.code == 1
    assert missing.json["error"]["code"] == "not_found"
    assert "nowhere.txt" in missing.err


def test_documents_are_deleted_and_a_wrong_name_does_not_stop_it(
    run: Run, served: Sightline, docs: Path
) -> None:
    at = ("--state", served.settings.state)
    extra = docs.parent / "extra.txt"
    extra.write_text("An extra note about lighthouses.")
    assert run("ingest", extra, *at).code == 0
    done = run("delete", "nowhere.txt", "extra.txt", *at, "--json")
    assert done.code == 1
    assert [gone["source"] for gone in done.json["deleted"]] == [str(extra)]
    assert [failed["name"] for failed in done.json["failed"]] == ["nowhere.txt"]
    assert run("status", "extra.txt", *at).code == 1


def test_a_name_that_means_several_documents_deletes_none(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    for folder, words in (("one", "first words"), ("two", "second words")):
        (docs.parent / folder).mkdir()
        (docs.parent / folder / "twin.txt").write_text(words)
    assert run("ingest", docs.parent / "one", docs.parent / "two", *at).code == 0
    done = run("delete", "twin.txt", *at, "--json")
    assert done.code == 1
    assert done.json["deleted"] == []
    assert "2 documents" in done.json["failed"][0]["reason"]
    assert run("delete", docs.parent / "one" / "twin.txt", *at).code == 0


def test_the_wrong_key_is_said_in_one_line(
    run: Run, served: Sightline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_API_KEY", "stolen")
    done = run("status", "--state", served.settings.state)
    assert done.code == 1
    assert "SIGHTLINE_API_KEY" in done.err
    assert done.err.count("\n") == 1


# ---------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("ingest",),
        ("ask",),
        ("frobnicate",),
        ("search", "x", "--limit", "0"),
        ("search", "x", "--limit", "many"),
        ("serve", "--port", "70000"),
    ],
)
def test_wrong_use_is_exit_2_with_the_usage(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "usage: sightline" in done.err


@pytest.mark.parametrize("command", [("ask", "x"), ("search", "x"), ("status",), ("delete", "x")])
def test_a_misspelt_state_is_wrong_use_and_makes_nothing(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(*command, "--state", tmp_path / "stat", "--json")
    assert done.code == 2
    assert "no Sightline state" in done.err
    assert done.err.count("\n") == 1
    assert done.json["error"]["code"] == "settings_error"
    assert list(tmp_path.iterdir()) == []


def test_a_bad_setting_is_one_line_that_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_PROT", "9000")
    done = run("status")
    assert done.code == 2
    assert "SIGHTLINE_PROT" in done.err
    assert done.err.count("\n") == 1
    monkeypatch.delenv("SIGHTLINE_PROT")
    monkeypatch.setenv("SIGHTLINE_PORT", "nine")
    done = run("status")
    assert done.code == 2
    assert "SIGHTLINE_PORT='nine'" in done.err


def test_a_server_that_would_be_public_without_a_key_does_not_start(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGHTLINE_API_KEY")
    done = run("serve", "--host", "0.0.0.0", "--state", tmp_path / "state")
    assert done.code == 2
    assert "SIGHTLINE_API_KEY" in done.err
    assert not (tmp_path / "state").exists()


def test_what_was_not_known_on_a_day_answers_nothing(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "ferry.txt", *at)
    question = "Why did the operating margin fall in 2023?"
    assert run("ask", question, "--as-of", "2001-01-01", *at, "--json").json["status"] == "not_found"
    assert run("ask", question, "--as-of", "2999-01-01", *at, "--json").json["status"] == "answered"
    assert run("search", "diesel", "--as-of", "2001-01-01", *at, "--json").json["hits"] == []
    refused = run("ask", question, "--as-of", "yesterday", *at)
    assert (refused.code, "'yesterday' is no date" in refused.err) == (2, True)


def test_the_graph_is_looked_into(run: Run, served: Sightline, docs: Path) -> None:
    at = ("--state", served.settings.state)
    run("ingest", docs / "ferry.txt", *at)
    assert run("graph", "neighbours", "Lakeside Ferries", *at, "--json").json["object"] == "graph.neighbours"
    assert "diesel" in run("search", "diesel", *at).out
    exported = run("graph", "export", *at)
    assert exported.code == 0
    assert "lakeside ferries" in exported.out
    told = run("graph", "path", "Lakeside Ferries", "Ingrid Halvorsen", *at)
    assert told.code == 0
    assert run("graph", "communities", *at).code == 0
    assert run("related", "ferry.txt", *at, "--json").json["data"] == []
    missing = run("graph", "neighbours", "Atlantis", *at)
    assert (missing.code, "Atlantis" in missing.err) == (1, True)


def test_a_state_that_another_command_holds_is_named_with_its_process(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    state.create(folder)
    with state.own(folder):
        done = run("ask", "x", "--state", folder, "--json")
    assert done.code == 1
    assert str(os.getpid()) in done.err
    assert done.json["error"]["code"] == "state_in_use"


def test_a_second_server_on_one_state_is_one_line(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    state.create(folder)
    with state.own(folder, "http://127.0.0.1:9"):
        done = run("serve", "--port", "0", "--state", folder)
    assert done.code == 1
    assert "http://127.0.0.1:9" in done.err
    assert done.err.count("\n") == 1


def test_what_is_no_file_is_not_read(run: Run, served: Sightline, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run("ingest", tmp_path / "pipe", "--state", served.settings.state, "--json")
    assert done.code == 1
    assert "pipe, not a file" in done.json["files"][0]["status_details"]


def test_a_name_that_is_no_text_is_taken_in_all_the_same(run: Run, served: Sightline, tmp_path: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    strange.write_text("The strange file speaks of coffee.")
    done = run("ingest", strange, "--state", served.settings.state, "--json")
    assert done.code == 0, done.err
    assert done.json["files"][0]["source"] == f"{tmp_path}/caf?.txt"
    assert run("status", "caf?.txt", "--state", served.settings.state).code == 0


def test_the_status_can_be_read_while_another_command_works(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    state.create(folder)
    with state.own(folder):
        done = run("status", "--state", folder, "--json")
    assert done.code == 0
    assert done.json == {"files": [], "paused": False}


def test_the_version_is_told(run: Run) -> None:
    done = run("--version")
    assert done.code == 0
    assert done.out.startswith("sightline 0.")


# ---------------------------------------------------------------- showing


def test_a_document_cannot_take_over_the_terminal() -> None:
    assert terminal.clean("a\x1b]0;owned\x07b\tc\x9bd\ne") == "a]0;ownedb cd\ne"


def test_the_links_of_an_answer_become_numbers_and_its_spans_move_along() -> None:
    completion = Completion.model_validate(COMPLETION)
    answer = terminal.Answer.of(completion)
    assert answer.text == "One. [1][2] Two. [1]"
    spans = {source.id: source.spans for source in answer.sources}
    assert spans == {"1": [(0, 4), (12, 16)], "2": [(0, 4)]}
    assert answer.text[12:16] == "Two."


def _annotation(start: int, end: int) -> dict[str, Any]:
    cited = {"start_index": start, "end_index": end, "title": "t", "url": "http://h/e/a"}
    return {"type": "url_citation", "url_citation": cited}


def _source(number: str, spans: list[tuple[int, int]]) -> dict[str, Any]:
    return {
        "id": number,
        "document": {"id": "doc-1", "title": "t", "filename": "f"},
        "page": 1,
        "places": [],
        "quote": "q",
        "score": 1.0,
        "url": "http://h/e/a",
        "spans": spans,
    }


COMPLETION: dict[str, Any] = {
    "id": "c",
    "created": 0,
    "choices": [
        {
            "message": {
                "content": "One. [[1]](http://h/e/a)[[2]](http://h/e/a) Two. [[1]](http://h/e/a)",
                "annotations": [_annotation(5, 24), _annotation(24, 43), _annotation(49, 68)],
            }
        }
    ],
    "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "sources": [_source("1", [(0, 4), (44, 48)]), _source("2", [(0, 4)])],
    "sightline": {
        "status": "answered",
        "reason": "",
        "confidence": 1.0,
        "cost": {
            "path": "extractive",
            "model": "",
            "active_parameters": 0,
            "tokens_in": 0,
            "tokens_out": 0,
            "images": 0,
            "seconds": {},
        },
    },
}
