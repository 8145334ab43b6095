"""What can be asked of Sightline, in the words of the wire: the routes and the command line share it.

Each function takes the open parts and what the caller may see, and gives a value of `api.schemas`.
Knows no request and no terminal. Everything here blocks; the routes call it in a thread.
"""

import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import date
from pathlib import Path, PurePath
from uuid import uuid4

from api import schemas, views
from api.assemble import Sightline
from core.errors import InputError, NotFound
from core.period import parse_period
from core.types import Access, Answer, Chunk, Place
from ingest.render import is_drawable
from rag.index.facts import Wanted
from rag.index.files import FileState
from rag.plan import plan

_WIDTH = 1200  # pixels of a page image
_ALL = 500  # files in one reading of a list


# ---------------------------------------------------------------- questions


def check_question(question: str, longest: int, *, param: str) -> None:
    """Raises InputError for a question that is empty or too long."""
    if not question.strip():
        raise InputError(f"{param} is empty; ask something", param=param)
    if len(question) > longest:
        raise InputError(f"{param} has {len(question)} characters, at most {longest} are taken", param=param)


def search(
    sightline: Sightline, query: str, limit: int | None, access: Access, as_of: date | None = None
) -> schemas.SearchResult:
    check_question(query, sightline.settings.max_question_chars, param="query")
    limit = limit or sightline.settings.search_limit
    began = time.perf_counter()
    asked = plan(query)
    hits = sightline.retriever.search(asked, access=access, limit=limit, as_of=as_of)
    known = sightline.retriever.known(access, as_of)
    hits, restated = sightline.restatements.of(hits, asked, access, known)
    sightline.meter.searched(time.perf_counter() - began)
    own = {hit.chunk.id: hit.chunk for hit in hits}
    others = [one.theirs.chunk for found in restated.values() for one in found]
    on_the_way = {step.chunk_id for hit in hits for step in hit.path if step.chunk_id} - own.keys()
    passages = passages_of(sightline, on_the_way, access, [*own.values(), *others])
    data = [passages.hit(hit, query, restated.get(hit.chunk.id, ())) for hit in hits]
    return schemas.SearchResult(query=query, data=data)


def passages_of(
    sightline: Sightline, chunk_ids: Collection[str], access: Access, known: Iterable[Chunk] = ()
) -> views.Passages:
    """These passages as far as the caller may see them, and those that are at hand already."""
    found = sightline.store.get(sorted(chunk_ids), access=access) if chunk_ids else []
    seen = [chunk for chunk in found if access.allows(chunk)]
    return views.Passages([*known, *seen], catalog=sightline.catalog, links=sightline.links, access=access)


def facts(
    sightline: Sightline, attribute: str, period: str, doc: str, subject: str, limit: int, access: Access
) -> schemas.FactList:
    """Raises InputError for a period that cannot be read."""
    read = parse_period(period) if period.strip() else None
    if period.strip() and read is None:
        raise InputError(f"{period!r} is no period; write 2023, Q3 2023 or 2023-12-31", param="period")
    wanted = Wanted(attribute, subject, read.label if read else "", doc)
    found = sightline.facts.find(wanted, access=access, limit=limit)
    names = views.Names(sightline.catalog, access, {fact.place.doc_id for fact in found})
    return schemas.FactList(data=[views.fact(fact, names) for fact in found])


def ask(sightline: Sightline, question: str, access: Access, as_of: date | None = None) -> schemas.Completion:
    check_question(question, sightline.settings.max_question_chars, param="question")
    return completed(sightline, sightline.assistant.answer(question, access=access, as_of=as_of), access)


def completed(sightline: Sightline, answer: Answer, access: Access) -> schemas.Completion:
    sightline.meter.answered(answer.cost, answer.status)
    shown = views.shown(answer, catalog=sightline.catalog, links=sightline.links, access=access)
    message = schemas.AssistantMessage(content=shown.content, annotations=shown.annotations)
    return schemas.Completion(
        id=new_completion_id(),
        created=int(time.time()),
        choices=[schemas.Choice(message=message)],
        usage=views.usage(answer),
        sources=shown.sources,
        sightline=views.verdict(answer, shown.claims),
    )


def new_completion_id() -> str:
    return f"chatcmpl-{uuid4().hex}"


# ---------------------------------------------------------------- files


def accept(
    sightline: Sightline, source: str, content: Path | bytes, access: Access, also: Sequence[str] = ()
) -> schemas.File:
    """When it returns, bytes and row survive power loss, and the work is queued.

    It is known under the names in `also` too, and takes the place of what had them.
    Raises Overloaded, and nothing is kept, when more waits than is taken.
    """
    sightline.turns.check_room(access.tenant, sightline.room)  # before anything is written
    names = [clean_name(name) for name in also]
    accepted = sightline.pipeline.accept(access.tenant, clean_name(source), content, access.labels, names)
    sightline.jobs.enqueue(accepted)
    sightline.reached("after_enqueue")
    return views.file(accepted)


def wait(
    sightline: Sightline, ids: Collection[str], report: Callable[[schemas.File], None], access: Access
) -> list[schemas.File]:
    """Until each is ready, failed or gone; `report` hears of every change."""
    finished = sightline.jobs.wait(access.tenant, ids, lambda status: report(views.file(status)))
    return [views.file(status) for status in finished.values()]


def list_files(
    sightline: Sightline,
    access: Access,
    *,
    stage: FileState | None = None,
    source: str | None = None,
    after: str | None = None,
    limit: int = _ALL,
) -> schemas.FileList:
    """Newest first. Raises NotFound when `after` is no file."""
    found = sightline.catalog.list_files(
        access.tenant, status=stage, source=source, after=after, limit=limit + 1
    )
    data = [views.file(status) for status in found[:limit]]
    return schemas.FileList(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(found) > limit,
    )


def get_file(sightline: Sightline, file_id: str, access: Access) -> schemas.File:
    status = sightline.catalog.get(access.tenant, file_id)
    return views.file(status, sightline.attempts.of(file_id))


def cancel(sightline: Sightline, file_id: str, access: Access) -> schemas.File:
    """Nothing of this attempt is ever seen; its content is kept for another. Raises WrongStage."""
    return views.file(sightline.catalog.cancel(access.tenant, file_id))


def retry(sightline: Sightline, file_id: str, access: Access) -> schemas.File:
    """Queues what failed or was cancelled again. Raises WrongStage."""
    queued = sightline.catalog.queue_again(access.tenant, file_id, ("failed", "cancelled"))
    sightline.jobs.enqueue(queued)
    return views.file(queued)


def content(sightline: Sightline, file_id: str, access: Access) -> tuple[Path, str]:
    """Where the bytes lie as they came, and their name."""
    status = sightline.catalog.get(access.tenant, file_id)
    if not sightline.media.exists(status.tenant, status.content_hash):
        raise NotFound(f"file {file_id!r} has no content to give back", param="file_id")
    return sightline.media.path(status.tenant, status.content_hash), PurePath(status.source).name


def delete(sightline: Sightline, file_id: str, access: Access) -> schemas.Deleted:
    """Hidden from every question when it returns."""
    removed = sightline.pipeline.delete(access.tenant, file_id)
    jobs = sightline.jobs.forget(file_id)
    return schemas.Deleted(id=file_id, removed=schemas.Receipt(**asdict(removed), jobs=jobs))


def ingestion(sightline: Sightline, access: Access) -> schemas.Ingestion:
    since = sightline.turns.paused_since(access.tenant)
    return schemas.Ingestion(
        paused=since is not None,
        paused_since=int(since.timestamp()) if since else None,
        waiting=sightline.turns.waiting(access.tenant),
    )


def pause(sightline: Sightline, access: Access) -> schemas.Ingestion:
    sightline.turns.pause(access.tenant)
    return ingestion(sightline, access)


def resume(sightline: Sightline, access: Access) -> schemas.Ingestion:
    """The worker, where one runs, goes on within a second."""
    sightline.turns.resume(access.tenant)
    return ingestion(sightline, access)


def compact(sightline: Sightline, hold: Callable[[], AbstractContextManager[None]]) -> schemas.Compaction:
    """After it no byte of what was deleted is left. `hold`: no job runs as long as it lasts."""
    before = _size(sightline.settings.state)
    with hold():
        sightline.pipeline.compact()
    return schemas.Compaction(bytes_before=before, bytes_after=_size(sightline.settings.state))


def _size(state: Path) -> int:
    paths = [*state.glob("sightline.db*"), *(state / "vectors").rglob("*")]
    return sum(path.stat().st_size for path in paths if path.is_file())


def verify(sightline: Sightline, tenants: Collection[str] | None) -> schemas.Recount:
    """Counts the state of these tenants, or the whole one, against the ledger, and repairs it."""
    found = sightline.reconciler.run(tenants)
    sightline.jobs.enqueue(*found.queued)
    return views.recount(found)


def clean_name(name: str) -> str:
    """NFC without control characters. Raises InputError where nothing is left."""
    kept = "".join(char for char in name if unicodedata.category(char)[0] != "C")
    cleaned = unicodedata.normalize("NFC", kept).strip()
    if not cleaned:
        raise InputError(f"{name!r} is no name for a file", param="source")
    return cleaned


# ---------------------------------------------------------------- pages


def page_image(
    sightline: Sightline, doc_id: str, page: int, places: Sequence[Place], access: Access
) -> bytes | None:
    """A PNG of the page with the boxes of `places` drawn; None where there is nothing to draw on.

    It is drawn from the file, or else from the picture that its reader kept of the page.
    """
    status = sightline.catalog.get(access.tenant, doc_id)
    here = [place for place in places if place.page == page]
    kept = (
        None if is_drawable(status.media_type) else next((place.image for place in here if place.image), "")
    )
    if kept == "":
        return None
    return sightline.draw_page(
        sightline.media.path(status.tenant, kept or status.content_hash),
        name=status.source,
        page=page,
        boxes=[place.box for place in here if place.box is not None],
        width=_WIDTH,
        picture=kept is not None,
    )


def quoted(sightline: Sightline, token: str, access: Access) -> Sequence[Place]:
    """The places of the quote that a link's token names; none where it names nothing (any more)."""
    reference = sightline.links.read(token)
    chunks = sightline.store.get([reference.chunk_id], access=access) if reference else []
    return chunks[0].places_of(reference.start, reference.end) if reference and chunks else ()
