"""The miniature, loaded once, and charts that it has never seen."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from rag.vl.engine import Options
from rag.vl.local import ChatSparseVL, open_chat
from rag.vl.miniature.charts import Chart, draw_chart

MINIATURE = Path(__file__).parents[2] / "fixtures" / "miniature"


@pytest.fixture(scope="session")
def miniature() -> Path:
    return MINIATURE


@pytest.fixture(scope="session")
def chat(miniature: Path) -> Iterator[ChatSparseVL]:
    """Watched, in float32, on one thread."""
    with open_chat(miniature, Options(dtype="fp32", watch_experts=True), max_tokens=64) as chat:
        yield chat


@pytest.fixture(scope="session")
def charts() -> list[Chart]:
    random = Random(20_261_125)
    return [draw_chart(random) for _ in range(8)]
