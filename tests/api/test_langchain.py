"""Sightline in LangChain's place for a retriever; the example of docs/langchain.md is run as it stands."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.assemble import Sightline
from api.langchain import SightlineRetriever
from core.errors import Unauthenticated
from core.settings import Settings
from core.types import Access
from tests.api.small import FERRY, add, listening, small

EXAMPLE = re.search(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/langchain.md").read_text("utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def ferries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path_factory.mktemp("ferries") / "state"))
    add(sightline, "ferry.txt", FERRY)
    add(sightline, "secret.txt", "The diesel of tenant b costs nothing.", "b")
    yield sightline
    sightline.close()


@pytest.fixture(scope="module")
def url(ferries: Sightline) -> Iterator[str]:
    with listening(ferries) as url:
        yield url


def test_in_process_and_over_http_it_finds_the_same(ferries: Sightline, url: str) -> None:
    here = SightlineRetriever.in_process(ferries, Access("a"), k=2).invoke("price of diesel")
    there = SightlineRetriever.over_http(url, "key-of-a", k=2).invoke("price of diesel")
    assert [found.page_content for found in here] == [found.page_content for found in there]
    assert [found.id for found in here] == [found.id for found in there]
    best = here[0]
    assert "diesel doubled" in best.page_content
    assert best.metadata["source"] == "ferry.txt"
    assert best.metadata["url"]
    assert len(here) <= 2


def test_what_the_caller_may_not_see_or_was_not_known_is_not_found(ferries: Sightline, url: str) -> None:
    for document in SightlineRetriever.over_http(url, "key-of-a").invoke("diesel"):
        assert document.metadata["source"] != "secret.txt"
    before = SightlineRetriever.in_process(ferries, Access("a"), as_of=date(2001, 1, 1))
    assert before.invoke("diesel") == []
    with pytest.raises(Unauthenticated):
        SightlineRetriever.over_http(url, "wrong").invoke("diesel")


def test_the_documented_example_runs(url: str) -> None:
    assert EXAMPLE
    code = EXAMPLE.group(1).replace("http://127.0.0.1:8000", url).replace('"any"', '"key-of-a"')
    names: dict[str, Any] = {}
    exec(code, names)
    (message,) = names["messages"]
    assert "diesel doubled" in message.content
    assert "[ferry.txt, p." in message.content
    assert "Question: Why did the operating margin fall?" in message.content
