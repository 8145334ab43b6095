"""A chart is uploaded and asked about over HTTP; a sparse vision-language model in this process reads it."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from fastapi.testclient import TestClient

from api.assemble import Sightline
from core.errors import SettingsError
from core.settings import Settings
from rag.vl.miniature.charts import draw_chart
from rag.vl.precision import expert_bytes
from tests.api.small import add, small

MINIATURE = Path(__file__).parents[1] / "fixtures" / "miniature"
EXPERT_WEIGHTS = 3 * 8 * 3 * 128 * 128  # layers, experts, matrices, sides
CHART = draw_chart(Random(7))
HIGHEST = CHART.labels[CHART.values.index(max(CHART.values))]


@pytest.fixture(scope="module")
def charted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    settings = Settings(
        state=tmp_path_factory.mktemp("charted") / "state",
        model=str(MINIATURE),
        model_policy="always",
        model_images=1,
        model_experts="bf16",
        model_max_tokens=16,
        model_watts=50,
    )
    sightline = small(settings)
    held = BytesIO()
    CHART.image.save(held, "PNG")
    add(sightline, "chart.png", held.getvalue())
    yield sightline
    sightline.close()


def test_the_answer_is_read_from_the_picture_and_cites_its_page(
    charted: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(charted)
    question = {"model": "sightline", "messages": [{"role": "user", "content": "Which is highest?"}]}
    told = client.post("/v1/chat/completions", json=question).json()
    assert told["choices"][0]["message"]["content"].split()[0] == HIGHEST
    (source,) = told["sources"]
    assert source["document"]["filename"] == "chart.png"
    cost = told["sightline"]["cost"]
    assert (cost["path"], cost["images"]) == ("model with page images", 1)
    assert cost["active_parameters"] > 0
    assert cost["flops"] > cost["tokens_in"] * cost["active_parameters"]
    assert cost["joules"] > 0

    streamed = client.post("/v1/chat/completions", json={**question, "stream": True}).text
    chunks = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    assert text.split()[0] == HIGHEST
    assert charted.local_model
    assert expert_bytes(charted.local_model.engine.model) == 2 * EXPERT_WEIGHTS


def test_it_is_loaded_when_it_is_first_asked(tmp_path: Path) -> None:
    sightline = small(Settings(state=tmp_path / "state", model=str(MINIATURE)))
    assert sightline.model is not None
    assert sightline.local_model is not None
    assert sightline.local_model.engine is None
    sightline.close()


@pytest.mark.parametrize("name", ["no/such-model", "not a model at all/", str(Path(__file__).parent)])
def test_a_model_that_is_not_there_stops_the_start(tmp_path: Path, name: str) -> None:
    sightline = small(Settings(state=tmp_path / "state", model=name))
    with pytest.raises(SettingsError, match="SIGHTLINE_MODEL"):
        sightline.open("model")
    sightline.close()
