"""A second server, not ours: `transformers serve` with the miniature answers our client over HTTP."""

import asyncio
import base64
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rag.vl.miniature.charts import Chart
from rag.vl.served import ServedModel, open_served

# Its own command, after torchvision was made importable beside a CPU torch.
SERVE = """
from rag.torch_compat import make_torchvision_importable
make_torchvision_importable()
from transformers.cli.transformers import main
main()
"""
LISTENS = re.compile(r"running on (http://127\.0\.0\.1:\d+)")


@pytest.fixture(scope="module")
def peer(miniature: Path) -> Iterator[str]:
    arguments = [
        "serve",
        str(miniature),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--device",
        "cpu",
        "--dtype",
        "float32",
    ]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}  # noqa: TID251 handed to a child
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, *arguments], stderr=subprocess.PIPE, text=True, env=offline
    ) as process:
        assert process.stderr
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if found := LISTENS.search(line):
                break
        else:
            pytest.fail("transformers serve did not start:\n" + "".join(said[-20:]))
        threading.Thread(target=process.stderr.read, daemon=True).start()  # or its pipe would fill
        yield f"{found[1]}/v1"
        process.terminate()


@pytest.fixture
def served(peer: str, miniature: Path) -> ServedModel:
    return open_served([peer], model=str(miniature), api_key="none", timeout=60, max_tokens=12)


def chunks(model: ServedModel, parts: list[dict[str, Any]]) -> list[str]:
    async def all_of() -> list[str]:
        stream = model.astream([{"role": "user", "content": parts}])
        return [chunk.content async for chunk in stream if chunk.content]

    return asyncio.run(all_of())


def test_it_answers_text_as_a_stream(served: ServedModel) -> None:
    assert (
        len(chunks(served, [{"type": "text", "text": "Say something."}])) > 1
    )  # it has learned no small talk


def test_it_reads_images(served: ServedModel, charts: list[Chart]) -> None:
    """Each question in an event loop of its own, as the command line asks."""
    right = 0
    for chart in charts[:4]:
        held = BytesIO()
        chart.image.save(held, "PNG")
        uri = "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()
        image = {"type": "image_url", "image_url": {"url": uri}}
        told = "".join(chunks(served, [image, {"type": "text", "text": "Which is highest?"}]))
        right += told.split()[0].strip(".") == chart.labels[chart.values.index(max(chart.values))]
    assert right >= 3
