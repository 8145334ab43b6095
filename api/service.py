"""What the command line asks for, and the one who does it in this process.

`Here` works on the parts that this process has opened; `api/client.py` asks the server that owns
the state. Both give the same values, so that a command looks the same either way.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path, PurePath
from typing import Protocol
from urllib.parse import urlsplit

from api import explore, operations
from api.assemble import Sightline
from api.schemas import (
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
from core.errors import InputError, NotFound
from core.types import Access

Report = Callable[[File], None]


class Service(Protocol):
    def accept(self, path: Path, names: Sequence[Path] = ()) -> File:
        """Takes a file in under its absolute path, or under these paths instead; its work is queued."""
        ...

    def follow(self, ids: Collection[str], report: Report) -> list[File]:
        """Waits until all are finished; `report` hears of every change."""
        ...

    def ask(self, question: str, as_of: date | None = None) -> Completion: ...
    def search(self, query: str, limit: int | None, as_of: date | None = None) -> SearchResult: ...
    def facts(self, *, attribute: str, period: str, doc: str, subject: str, limit: int) -> FactList: ...
    def related(self, file_id: str, limit: int) -> RelatedDocuments: ...
    def neighbours(self, name: str, limit: int) -> GraphNeighbours: ...
    def path(self, name: str, other: str) -> GraphPath: ...
    def communities(self, limit: int) -> GraphCommunities: ...
    def export_graph(self, format: str) -> str: ...  # noqa: A002
    def files(self) -> list[File]:
        """All, newest first."""
        ...

    def file(self, file_id: str) -> File:
        """With the log of its attempts."""
        ...

    def delete(self, file_id: str) -> Deleted: ...
    def cancel(self, file_id: str) -> File: ...
    def retry(self, file_id: str) -> File: ...
    def ingestion(self) -> Ingestion: ...
    def pause(self) -> Ingestion: ...
    def resume(self) -> Ingestion: ...
    def compact(self) -> Compaction: ...
    def spec(self) -> Spec: ...
    def verify(self) -> Recount:
        """Counts everything again and repairs it; here of the whole state, there of the key's tenant."""
        ...

    def page_image(self, source: Source, page: int) -> bytes | None:
        """The page of a source with its quote framed, as PNG; None where there is no page to draw."""
        ...


class Here:
    def __init__(self, sightline: Sightline, access: Access) -> None:
        self._sightline = sightline
        self._access = access

    def accept(self, path: Path, names: Sequence[Path] = ()) -> File:
        source, *also = map(source_of, names or [path])
        return operations.accept(self._sightline, source, path, self._access, also)

    def follow(self, ids: Collection[str], report: Report) -> list[File]:
        return operations.wait(self._sightline, ids, report, self._access)

    def ask(self, question: str, as_of: date | None = None) -> Completion:
        return operations.ask(self._sightline, question, self._access, as_of)

    def search(self, query: str, limit: int | None, as_of: date | None = None) -> SearchResult:
        return operations.search(self._sightline, query, limit, self._access, as_of)

    def facts(self, *, attribute: str, period: str, doc: str, subject: str, limit: int) -> FactList:
        return operations.facts(self._sightline, attribute, period, doc, subject, limit, self._access)

    def related(self, file_id: str, limit: int) -> RelatedDocuments:
        return explore.related(self._sightline, file_id, limit, self._access)

    def neighbours(self, name: str, limit: int) -> GraphNeighbours:
        return explore.neighbours(self._sightline, name, limit, self._access)

    def path(self, name: str, other: str) -> GraphPath:
        return explore.path(self._sightline, name, other, self._access)

    def communities(self, limit: int) -> GraphCommunities:
        return explore.communities(self._sightline, limit, self._access)

    def export_graph(self, format: str) -> str:  # noqa: A002
        return explore.export(self._sightline, format, self._access)

    def files(self) -> list[File]:
        return all_files(lambda after: operations.list_files(self._sightline, self._access, after=after))

    def delete(self, file_id: str) -> Deleted:
        return operations.delete(self._sightline, file_id, self._access)

    def file(self, file_id: str) -> File:
        return operations.get_file(self._sightline, file_id, self._access)

    def cancel(self, file_id: str) -> File:
        return operations.cancel(self._sightline, file_id, self._access)

    def retry(self, file_id: str) -> File:
        return operations.retry(self._sightline, file_id, self._access)

    def ingestion(self) -> Ingestion:
        return operations.ingestion(self._sightline, self._access)

    def pause(self) -> Ingestion:
        return operations.pause(self._sightline, self._access)

    def resume(self) -> Ingestion:
        return operations.resume(self._sightline, self._access)

    def compact(self) -> Compaction:
        # No jobs run in this process unless something opened them, and a command that compacts does not.
        return operations.compact(self._sightline, nullcontext)

    def spec(self) -> Spec:
        from api.spec import spec_of  # the only one here that loads FastAPI

        return spec_of(self._sightline)

    def verify(self) -> Recount:
        return operations.verify(self._sightline, None)

    def page_image(self, source: Source, page: int) -> bytes | None:
        token = PurePath(urlsplit(source.url).path).name
        places = operations.quoted(self._sightline, token, self._access)
        return operations.page_image(self._sightline, source.document.id, page, places, self._access)


# ---------------------------------------------------------------- what both need


def source_of(path: Path) -> str:
    """The name under which a path is kept: the same wherever the command is run, and always text."""
    return str(path.resolve()).encode("utf-8", "replace").decode()


def all_files(page: Callable[[str | None], FileList]) -> list[File]:
    files: list[File] = []
    while True:
        found = page(files[-1].id if files else None)
        files += found.data
        if not found.has_more:
            return files


def named(files: Sequence[File], name: str) -> list[File]:
    """The files with this id, else this name or path, else this file name. Raises NotFound."""
    ways: list[Callable[[File], bool]] = [
        lambda file: file.id == name,
        lambda file: file.source in (name, source_of(Path(name))),
        lambda file: file.filename == name,
    ]
    for is_meant in ways:
        if found := [file for file in files if is_meant(file)]:
            return found
    raise NotFound(f"no document is called {name!r}; `sightline status` lists them")


def the_one(files: Sequence[File], name: str) -> File:
    """As `named`, where only one can be meant. Raises InputError when it could be several."""
    found = named(files, name)
    if len(found) > 1:
        choice = ", ".join(f"{file.id} ({file.source})" for file in found)
        raise InputError(f"{len(found)} documents are called {name!r}; name one by its id: {choice}")
    return found[0]


def refused(path: Path, reason: str) -> File:
    """A file that was not even taken in, in the form of those that were."""
    return File(
        id="",
        bytes=0,
        created_at=int(time.time()),
        filename=PurePath(source_of(path)).name,
        status="error",
        status_details=reason,
        stage="failed",
        source=source_of(path),
        title="",
        media_type="",
        pages_total=0,
        pages_done=0,
        pages_failed=0,
        chunks=0,
        searchable=False,
    )
