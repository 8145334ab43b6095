"""Sightline in LangChain's place for a retriever; the example of docs/langchain.md is run as it stands."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall
from langchain_core.runnables import Runnable

from api.assemble import Sightline
from api.langchain import SightlineRetriever
from core.errors import Unauthenticated
from core.settings import Settings
from core.types import Access
from tests.api.small import FERRY, add, listening, small

EXAMPLES = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/langchain.md").read_text("utf-8"), re.DOTALL
)


class Searcher(GenericFakeChatModel):
    """Says what its script says; takes tools, as every model that calls them does."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, AIMessage]:
        assert [tool.name for tool in tools] == ["search_documents"]
        return self


def documented(url: str) -> dict[str, Any]:
    """The names that the examples of the page define, run one after the other as they stand."""
    names: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(example.replace("http://127.0.0.1:8000", url).replace('"any"', '"key-of-a"'), names)
    return names


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


def test_the_documented_chain_runs(url: str) -> None:
    (message,) = documented(url)["messages"]
    assert "diesel doubled" in message.content
    assert "[ferry.txt] " in message.content
    assert "Question: Why did the operating margin fall?" in message.content


def test_the_documented_agent_searches_and_keeps_the_documents(url: str) -> None:
    wanted = ToolCall(name="search_documents", args={"query": "price of diesel"}, id="call-1")
    said = [AIMessage("", tool_calls=[wanted]), AIMessage("It doubled (ferry.txt).")]
    agent = documented(url)["researcher"](Searcher(messages=iter(said)))
    *_, asked, found, answer = agent.invoke({"messages": [HumanMessage("What became of diesel?")]})[
        "messages"
    ]
    assert asked.tool_calls[0]["name"] == "search_documents"
    assert "[ferry.txt](http" in found.content
    assert "diesel doubled" in found.content
    assert found.artifact[0].metadata["source"] == "ferry.txt"
    assert answer.content == "It doubled (ferry.txt)."
