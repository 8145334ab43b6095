"""The command line through a running server: the same questions, asked over HTTP.

Knows the server's address and key; nothing of how the server does it.
"""

import time
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import httpx

from api.schemas import (
    MODEL,
    Completion,
    Deleted,
    FactList,
    File,
    FileList,
    GraphCommunities,
    GraphNeighbours,
    GraphPath,
    Ingestion,
    Recount,
    RelatedDocuments,
    SearchResult,
    Source,
)
from api.service import Report, all_files, source_of
from core.errors import BackendError, NotFound, Overloaded, SightlineError

_PAUSE = 0.2  # seconds between two looks at what is being worked on
_TRIES = 5  # while the server says that it is busy
# An upload or an answer may take long; that nobody answers at all shows at once.
_TIMEOUT = httpx.Timeout(600, connect=5)


class There:
    """Close it after use."""

    def __init__(self, url: str, key: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # A proxy from the environment would carry private documents away.
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False, transport=transport
        )

    def close(self) -> None:
        self._http.close()

    def accept(self, path: Path) -> File:
        source = source_of(path)
        with path.open("rb") as content:
            upload = {"file": (PurePath(source).name, content)}
            return File.model_validate(self._ask("POST", "/v1/files", data={"source": source}, files=upload))

    def follow(self, ids: Collection[str], report: Report) -> list[File]:
        """Looks at all that are unfinished, again and again; one that is deleted meanwhile is left out."""
        seen: dict[str, File] = {}
        waiting = list(dict.fromkeys(ids))
        while waiting:
            started = time.monotonic()
            for file_id in waiting[:]:
                try:
                    file = self.file(file_id)
                except NotFound:
                    waiting.remove(file_id)
                    continue
                if file != seen.get(file_id):
                    report(file)
                    seen[file_id] = file
                if file.finished:
                    waiting.remove(file_id)
            if waiting:
                # Looking at a long list must not take the time of those who do the work.
                time.sleep(max(_PAUSE, 4 * (time.monotonic() - started)))
        return list(seen.values())

    def ask(self, question: str, as_of: date | None = None) -> Completion:
        body: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": question}]}
        if as_of:
            body["as_of"] = as_of.isoformat()
        return Completion.model_validate(self._ask("POST", "/v1/chat/completions", json=body))

    def search(self, query: str, limit: int | None, as_of: date | None = None) -> SearchResult:
        body = {"query": query, "limit": limit, "as_of": as_of and as_of.isoformat()}
        return SearchResult.model_validate(self._ask("POST", "/v1/search", json=body))

    def facts(self, *, attribute: str, period: str, doc: str, subject: str, limit: int) -> FactList:
        params = {
            "attribute": attribute, "period": period, "doc": doc, "subject": subject, "limit": limit,
        }  # fmt: skip
        return FactList.model_validate(self._ask("GET", "/v1/facts", params=params))

    def related(self, file_id: str, limit: int) -> RelatedDocuments:
        params = {"file_id": file_id, "limit": limit}
        return RelatedDocuments.model_validate(self._ask("GET", "/v1/graph/related", params=params))

    def neighbours(self, name: str, limit: int) -> GraphNeighbours:
        params = {"name": name, "limit": limit}
        return GraphNeighbours.model_validate(self._ask("GET", "/v1/graph/neighbours", params=params))

    def path(self, name: str, other: str) -> GraphPath:
        params = {"name": name, "other": other}
        return GraphPath.model_validate(self._ask("GET", "/v1/graph/path", params=params))

    def communities(self, limit: int) -> GraphCommunities:
        params = {"limit": limit}
        return GraphCommunities.model_validate(self._ask("GET", "/v1/graph/communities", params=params))

    def export_graph(self, format: str) -> str:  # noqa: A002
        return self._send("GET", "/v1/graph/export", params={"format": format}).text

    def file(self, file_id: str) -> File:
        return File.model_validate(self._ask("GET", f"/v1/files/{file_id}"))

    def files(self) -> list[File]:
        def page(after: str | None) -> FileList:
            return FileList.model_validate(
                self._ask("GET", "/v1/files", params={"after": after} if after else {})
            )

        return all_files(page)

    def delete(self, file_id: str) -> Deleted:
        return Deleted.model_validate(self._ask("DELETE", f"/v1/files/{file_id}"))

    def cancel(self, file_id: str) -> File:
        return File.model_validate(self._ask("POST", f"/v1/files/{file_id}/cancel"))

    def retry(self, file_id: str) -> File:
        return File.model_validate(self._ask("POST", f"/v1/files/{file_id}/retry"))

    def ingestion(self) -> Ingestion:
        return Ingestion.model_validate(self._ask("GET", "/v1/ingestion"))

    def pause(self) -> Ingestion:
        return Ingestion.model_validate(self._ask("POST", "/v1/ingestion/pause"))

    def resume(self) -> Ingestion:
        return Ingestion.model_validate(self._ask("POST", "/v1/ingestion/resume"))

    def verify(self) -> Recount:
        return Recount.model_validate(self._ask("POST", "/v1/files/verify"))

    def page_image(self, source: Source, page: int) -> bytes | None:
        # The link may name another host: how people reach the server is not how this process does.
        path = urlsplit(source.url).path
        try:
            return self._send("GET", f"{path}.png", params={"page": page}).content
        except NotFound:
            return None

    def _ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._send(method, path, **request).json()
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for _ in range(_TRIES - 1):
            try:
                return self._once(method, path, **request)
            except Overloaded as error:
                time.sleep(error.retry_after)
        return self._once(method, path, **request)

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise BackendError(
                f"the server at {self._http.base_url} does not answer ({error}); look at its log, or stop it"
            ) from error
        if response.is_success:
            return response
        raise _error(response)


def _error(response: httpx.Response) -> SightlineError:
    """What the server said, as the error that it raised there."""
    try:
        told = response.json()["error"]
        message, code, param = str(told["message"]), told["code"], told["param"]
    except (ValueError, KeyError, TypeError):
        return BackendError(f"the server answered {response.status_code} without saying why")
    if response.status_code == Overloaded.status:
        return Overloaded(message, retry_after=float(response.headers.get("retry-after", 1)))
    if response.status_code == 401:
        message = f"{message}; the command line takes it from SIGHTLINE_API_KEY"
    kind = next((kind for kind in _kinds(SightlineError) if kind.code == code), BackendError)
    return kind(message, param=param)


def _kinds(kind: type[SightlineError]) -> list[type[SightlineError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]
