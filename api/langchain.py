"""Sightline as a LangChain retriever: over its HTTP API, or in this process.

The one home of langchain-core here (extra `models`); nothing else imports it. Each document carries
what a chain needs to cite: document, page, box, the link to the evidence, and the graph's path.
"""

from contextlib import closing
from datetime import date
from typing import Any, Protocol

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, create_retriever_tool
from pydantic import ConfigDict, SkipValidation

from api.assemble import Sightline
from api.client import There
from api.schemas import SearchHit, SearchResult
from api.service import Here
from core.types import Access


class Searches(Protocol):
    """What is needed of `api.service.Service`."""

    def search(self, query: str, limit: int | None, as_of: date | None = None) -> SearchResult: ...


class SightlineRetriever(BaseRetriever):
    """The passages that answer best, as LangChain documents.

    `k`: how many, 1 to 100. `as_of`: only what was known on this day. Errors are those of
    `core.errors`: a server that does not answer raises BackendError, a wrong key Unauthenticated.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    service: SkipValidation[Searches]
    k: int = 10
    as_of: date | None = None

    @classmethod
    def over_http(cls, url: str, key: str = "", **settings: Any) -> "SightlineRetriever":
        """Asks the server at `url` ("http://127.0.0.1:8000")."""
        return cls(service=_Server(url, key), **settings)

    @classmethod
    def in_process(cls, sightline: Sightline, access: Access, **settings: Any) -> "SightlineRetriever":
        """Searches the open state directory with what `access` may see."""
        return cls(service=Here(sightline, access), **settings)

    def search_tool(self, name: str = "search_documents") -> BaseTool:
        """This retriever as a tool of an agent (`langchain.agents.create_agent`).

        The agent reads each passage under its source, page and evidence link; the documents with their
        boxes are the artifact of the tool's message, for whoever shows the agent's answer.
        """
        return create_retriever_tool(
            self,
            name,
            "Passages of the private documents that answer a question best, each with its source and page.",
            document_prompt=PromptTemplate.from_template("[{where}]({url})\n{page_content}"),
            response_format="content_and_artifact",
        )

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in self.service.search(query, self.k, self.as_of).data]


class _Server:
    """A connection for each search: a retriever has no end at which one could be closed."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    def search(self, query: str, limit: int | None, as_of: date | None = None) -> SearchResult:
        with closing(There(self._url, self._key)) as there:
            return there.search(query, limit, as_of)


def _document(hit: SearchHit) -> Document:
    place = hit.places[0] if hit.places else None
    name = hit.document.filename
    return Document(
        id=hit.id,
        page_content=hit.text,
        metadata={
            "document": hit.document.id,
            "title": hit.document.title,
            "source": name,
            "section": hit.section,
            "page": place.page if place else None,
            "where": f"{name}, p. {place.page}" if place and place.page else name,
            "box": place.box if place else None,
            "score": hit.score,
            "url": hit.url,
            "path": [step.model_dump() for step in hit.path],
        },
    )
