"""What every `Reranker` promises, asked of each implementation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.errors import BackendError, BackendTimeout, SettingsError
from core.ports import Reranker
from core.types import Chunk
from rag.rerank import ServedReranker, open_reranker
from tests.fakes import a_chunk
from tests.tiny_models import make_cross_encoder

ID = "00000000-0000-0000-0000-000000000001"
TEXTS = ["revenue rose", "the margin of revenue fell", "毛利率", "margin", "revenue " * 40, ""]
URL = "http://reranker/v1/rerank"


def _served(_folder: Path) -> Reranker:
    return ServedReranker(URL, model="tiny", transport=httpx.MockTransport(_by_shared_letters))


def _by_shared_letters(request: httpx.Request) -> httpx.Response:
    """A server that gives its results best first, as vLLM does."""
    body = json.loads(request.content)
    query = set(body["query"])
    scored: list[dict[str, Any]] = [
        {"index": number, "document": {"text": text}, "relevance_score": len(query & set(text)) / 10}
        for number, text in enumerate(body["documents"])
    ]
    scored.sort(key=lambda item: -item["relevance_score"])
    return httpx.Response(200, json={"id": "r", "model": body["model"], "results": scored})


def _cross_encoder(folder: Path) -> Reranker:
    return open_reranker(str(make_cross_encoder(folder)))


SUBJECTS: dict[str, Callable[[Path], Reranker]] = {"served": _served, "cross-encoder": _cross_encoder}


@pytest.fixture(scope="module", params=SUBJECTS)
def reranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    return SUBJECTS[request.param](tmp_path_factory.mktemp("model"))


def chunks(*texts: str) -> list[Chunk]:
    return [a_chunk(ID, text) for text in texts]


def test_each_passage_has_one_score_in_the_order_given(reranker: Reranker) -> None:
    scores = reranker.rank("revenue", chunks(*TEXTS))
    assert len(scores) == len(TEXTS)
    assert all(isinstance(score, float) for score in scores)
    backwards = reranker.rank("revenue", chunks(*TEXTS[::-1]))
    assert backwards[::-1] == pytest.approx(scores, abs=1e-5)


def test_a_score_depends_on_the_question(reranker: Reranker) -> None:
    assert reranker.rank("revenue", chunks(*TEXTS)) != reranker.rank("毛利", chunks(*TEXTS))


def test_no_passage_has_no_score(reranker: Reranker) -> None:
    assert reranker.rank("revenue", []) == []


# ---------------------------------------------------------------- a served one


def served(answer: Callable[[httpx.Request], httpx.Response], **given: str) -> ServedReranker:
    return ServedReranker(URL, transport=httpx.MockTransport(answer), **{"model": "tiny", **given})


def test_a_server_is_asked_in_the_form_of_rerank() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _by_shared_letters(request)

    served(answer, api_key="secret").rank("rose", chunks("revenue rose"))
    assert str(seen[0].url) == URL
    assert seen[0].headers["authorization"] == "Bearer secret"
    assert json.loads(seen[0].content) == {"query": "rose", "documents": ["revenue rose"], "model": "tiny"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"results": []}, "asked were 1"),
        ({"results": [{"index": 1, "relevance_score": 0.5}]}, "asked were 1"),
        ({"results": [{"index": 0}]}, "relevance_score"),
        ({"data": []}, "results"),
        ([], "not understood"),
    ],
)
def test_an_answer_that_leaves_a_passage_out_is_a_failure(body: object, told: str) -> None:
    with pytest.raises(BackendError, match=told):
        served(lambda _: httpx.Response(200, json=body)).rank("rose", chunks("revenue rose"))


def test_a_server_that_fails_or_is_silent_is_named() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(BackendError, match="503 loading"):
        served(lambda _: httpx.Response(503, text="loading")).rank("rose", chunks("revenue rose"))
    with pytest.raises(BackendError, match="cannot be used"):
        served(lambda _: httpx.Response(200, text="no json")).rank("rose", chunks("revenue rose"))
    with pytest.raises(BackendTimeout, match=URL):
        served(silent).rank("rose", chunks("revenue rose"))


# ---------------------------------------------------------------- a model here


def test_a_model_that_cannot_be_had_is_refused_with_what_is_right(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown reranker 'best'; right are"):
        open_reranker("best")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        open_reranker(str(tmp_path))


def test_a_classifier_is_no_reranker(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="3 outputs"):
        open_reranker(str(make_cross_encoder(tmp_path, outputs=3)))
