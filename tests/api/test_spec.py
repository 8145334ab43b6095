"""The service describes itself: /spec, /metrics, and the report under four ideas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from api import openspec
from api.assemble import Sightline
from api.cli import main
from api.meter import Meter
from api.schemas import Spec
from core.errors import InputError
from core.settings import Settings
from core.types import Cost
from rag.vl.growth import Growth
from tests.api.small import FERRY, add, small

MINIATURE = Path(__file__).parents[1] / "fixtures" / "miniature"
QUESTION = {"model": "sightline", "messages": [{"role": "user", "content": "Who chaired the board?"}]}
MODEL = "Qwen/Qwen3-VL-30B-A3B-Instruct"


@pytest.fixture
def fresh(tmp_path: Path, serve: Callable[[Sightline], TestClient]) -> TestClient:
    sightline = small(Settings(state=tmp_path / "state"))
    add(sightline, "ferry.txt", FERRY)
    return serve(sightline)


def spec_of(client: TestClient) -> Spec:
    return Spec.model_validate(client.get("/spec").raise_for_status().json())


def samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = client.get("/metrics").raise_for_status().text
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


# ---------------------------------------------------------------- /spec


def test_what_was_not_measured_is_null(fresh: TestClient) -> None:
    found = spec_of(fresh)
    assert (found.measured.answers, found.measured.paths, found.measured.searches) == (0, {}, None)
    assert found.efficiency.answered_without_model is None
    assert (found.model, found.efficiency.experts) == (None, None)


def test_it_measures_what_it_serves(fresh: TestClient) -> None:
    for _ in range(3):
        fresh.post("/v1/chat/completions", json=QUESTION).raise_for_status()
    fresh.post("/v1/search", json={"query": "ferries"}).raise_for_status()
    found = spec_of(fresh)
    (times,) = found.measured.paths.values()
    assert times.count == found.measured.answers == 3
    assert 0 < times.p50_seconds <= times.p99_seconds
    assert found.measured.searches is not None
    assert found.measured.searches.count == 1
    assert found.efficiency.answered_without_model == 1
    assert found.efficiency.flops_per_answer == 0
    assert found.hardware["cores"] >= 1  # type: ignore[operator]
    assert {"fastapi", "networkx", "qdrant-client"} <= found.versions.keys()


def test_its_schemas_hold_for_what_goes_in_and_comes_out(fresh: TestClient) -> None:
    found = spec_of(fresh)
    route = "POST /v1/chat/completions"
    Draft202012Validator(found.inputs[route]).validate(QUESTION)
    assert list(Draft202012Validator(found.inputs[route]).iter_errors({"model": "sightline"}))
    Draft202012Validator(found.outputs[route]).validate(
        fresh.post("/v1/chat/completions", json=QUESTION).json()
    )
    assert {"application/pdf", "video/mp4"} <= {one.media_type for one in found.formats}


def test_a_local_model_is_described_by_its_config_and_its_experts_by_their_use(
    tmp_path: Path, serve: Callable[[Sightline], TestClient]
) -> None:
    settings = Settings(
        state=tmp_path / "state", model=str(MINIATURE), model_policy="always", model_telemetry=True, model_max_tokens=16
    )  # fmt: skip
    sightline = small(settings)
    add(sightline, "ferry.txt", FERRY)
    client = serve(sightline)
    before = spec_of(client)
    assert before.model is not None
    assert before.model.profile is not None
    assert (before.model.where, before.model.name) == ("here", "miniature")
    assert before.efficiency.experts is None  # it was not asked yet
    client.post("/v1/chat/completions", json=QUESTION).raise_for_status()
    after = spec_of(client)
    held = before.model.profile["parameters"]
    assert after.efficiency.active_share == held["active"] / held["total"]
    assert after.efficiency.answered_without_model == 0
    assert after.efficiency.flops_per_answer
    assert after.efficiency.experts is not None
    assert len(after.efficiency.experts) == before.model.profile["layers"]
    loads = [
        value
        for (name, labels), value in samples(client).items()
        if name == "sightline_expert_load" and ("layer", "0") in labels
    ]
    assert len(loads) == before.model.profile["expert_count"]
    assert sum(loads) == pytest.approx(1)
    sightline.close()


# ---------------------------------------------------------------- /metrics


def test_metrics_count_requests_answers_and_documents(fresh: TestClient) -> None:
    fresh.post("/v1/chat/completions", json=QUESTION)
    fresh.post("/v1/chat/completions", json={**QUESTION, "model": "another"})
    fresh.get("/nowhere/private-words")
    found = samples(fresh)
    route = ("route", "/v1/chat/completions")
    assert found["sightline_request_seconds_count", (("method", "POST"), route, ("status", "200"))] == 1
    assert found["sightline_request_seconds_count", (("method", "POST"), route, ("status", "404"))] == 1
    assert found["sightline_answer_seconds_count", (("path", "extractive"), ("status", "answered"))] == 1
    assert found["sightline_documents", (("stage", "ready"),)] == 1
    assert found["sightline_documents_waiting", ()] == 0
    assert found["process_cpu_seconds_total", ()] > 0


def test_metrics_never_quote_what_was_asked_or_read(fresh: TestClient) -> None:
    fresh.post("/v1/chat/completions", json=QUESTION)
    fresh.get("/nowhere/private-words")
    text = fresh.get("/metrics").text
    assert not any(word in text for word in ("chaired", "Halvorsen", "private-words", "ferry"))


@pytest.mark.parametrize("path", ["/spec", "/metrics"])
def test_both_need_the_key(fresh: TestClient, path: str) -> None:
    assert fresh.get(path, headers={"authorization": ""}).status_code == 401


def test_percentiles_are_of_the_nearest_rank() -> None:
    meter = Meter(now=lambda: 7.0)
    for hundredth in range(1, 101):
        meter.answered(
            Cost("facts", seconds={"plan": hundredth / 200, "answer": hundredth / 200}), "answered"
        )
    meter.answered(Cost("model", "m", 5, 30, 12, seconds={"model": 4.0}, flops=9, joules=2.5), "partial")
    served = meter.served()
    assert (served.times["facts"].p50, served.times["facts"].p99) == (0.5, 0.99)
    assert (served.since, served.answers, served.with_model) == (7.0, 101, 1)
    assert (served.tokens_per_second, served.flops, served.joules) == (3.0, 9, 2.5)


# ---------------------------------------------------------------- openspec


GROWN = Growth(0.01, 8.0, 0.02, 0.0, old_weights_changed=False, trained_share=1 / 3)
IDEAS = ["parameter efficiency", "dynamic computation", "fit to hardware", "sustainable growth"]


def figures(
    spec: Spec, profile: Any = None, results: Any = None, grown: Any = lambda: GROWN
) -> dict[str, openspec.Figure]:
    ideas = openspec.report(spec, profile, results or {}, grown)
    assert [idea.name for idea in ideas] == IDEAS
    return {figure.what: figure for idea in ideas for figure in idea.figures}


def test_each_figure_is_measured_or_said_not_to_be(fresh: TestClient) -> None:
    def without_torch() -> Growth:
        raise ImportError("torch")

    nothing = figures(spec_of(fresh), grown=without_torch)
    machine = "number format of the encoder"
    assert all(one.value == openspec.NOT_MEASURED for what, one in nothing.items() if what != machine)
    fresh.post("/v1/chat/completions", json=QUESTION)
    some = figures(spec_of(fresh))
    assert some["answers that needed no model"] == openspec.Figure(
        "answers that needed no model", "100%", "1 answers of this process"
    )
    assert some["largest change of an old answer"].value == "0"


def test_results_of_benches_fill_it_in(fresh: TestClient, tmp_path: Path) -> None:
    told = tmp_path / "moe.json"
    told.write_text("a table\n" + json.dumps({"bench": "moe", "metrics": {"int8_over_bf16": 0.41}}) + "\n")
    found = figures(spec_of(fresh), results=openspec.read_results([told]))
    assert found["int8 experts, time of one token against bf16"].value == "0.41"
    assert found["int8 experts, time of one token against bf16"].origin == "bench moe"


@pytest.mark.parametrize("content", [None, "", "no json", "[]", '{"metrics": {}}'])
def test_what_is_no_result_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "result.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"result\.json.*no result of a bench"):
        openspec.read_results([path])


def test_the_command_reports_for_people_and_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(tmp_path / "state")
    small(Settings(state=Path(state))).close()
    assert main(["openspec", "--state", state]) == 0
    shown = capsys.readouterr().out
    assert all(idea in shown for idea in IDEAS)
    assert "10.8%" in shown
    assert main(["openspec", "--state", state, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [idea["name"] for idea in told["ideas"]] == IDEAS
