"""The command line through a running server: the same questions, asked over HTTP.

Knows the server's address and key; nothing of how the server does it.
"""

import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import date
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import httpx

from api import sse
from api.schemas import (
    MODEL,
    Compaction,
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
    Spec,
)
from api.service import Report, all_files, source_of
from core.errors import BackendError, NotFound, Overloaded, SightlineError

_TRIES = 5  # while the server says that it is busy
# An upload or an answer may take long; that nobody answers at all shows at once.
_TIMEOUT = httpx.Timeout(600, connect=5)
_SILENCE = httpx.Timeout(60, connect=5)  # a stream says every 15 seconds that it lives
_ONE_BY_ONE = 10  # files that are asked for singly; more are looked up in the whole list


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

    def accept(self, path: Path, names: Sequence[Path] = ()) -> File:
        source, *also = map(source_of, names or [path])
        with path.open("rb") as content:
            upload = {"file": (PurePath(source).name, content)}
            form = {"source": source, "also": also}
            return File.model_validate(self._ask("POST", "/v1/files", data=form, files=upload))

    def follow(self, ids: Collection[str], report: Report) -> list[File]:
        """Hears of every change; one that is deleted meanwhile is left out."""
        seen: dict[str, File] = {}
        waiting = set(ids)
        if not waiting:
            return []
        with closing(self._events()) as events:
            for told in events:
                # A comment comes first, and whenever nothing was told for a while: time to look.
                files = self._those(waiting) if told is None else [File.model_validate(told)]
                for file in files:
                    if file.id in waiting and file != seen.get(file.id):
                        seen[file.id] = file
                        report(file)
                    if file.finished:
                        waiting.discard(file.id)
                if told is None:
                    waiting &= {file.id for file in files}
                if not waiting:
                    return list(seen.values())
        raise BackendError(f"the server at {self._http.base_url} has stopped; what was sent goes on with it")

    def _events(self) -> Generator[dict[str, Any] | None]:
        """What changes, from now on; None for a comment."""
        try:
            with self._http.stream("GET", "/v1/files/events", timeout=_SILENCE) as response:
                if not response.is_success:
                    response.read()
                    raise _error(response)
                yield from sse.read(response.iter_lines())
        except httpx.TransportError as error:
            raise self._gone(error) from error

    def _those(self, ids: Collection[str]) -> list[File]:
        """Those of the files that exist."""
        if len(ids) > _ONE_BY_ONE:
            return [file for file in self.files() if file.id in ids]
        found = []
        for file_id in ids:
            with suppress(NotFound):
                found.append(self.file(file_id))
        return found

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
                self._ask("GET", "/v1/files", params={"limit": 1000, **({"after": after} if after else {})})
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

    def compact(self) -> Compaction:
        return Compaction.model_validate(self._ask("POST", "/v1/ingestion/compact"))

    def spec(self) -> Spec:
        return Spec.model_validate(self._ask("GET", "/spec"))

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
            raise self._gone(error) from error
        if response.is_success:
            return response
        raise _error(response)

    def _gone(self, error: httpx.TransportError) -> BackendError:
        return BackendError(
            f"the server at {self._http.base_url} does not answer ({error}); look at its log, or stop it"
        )


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
