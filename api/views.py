"""Our types as they go over the wire. Knows no request: the routes and the command line share it.

In the content of an answer each citation is a Markdown link, [[1]](https://.../e/...), because that
is what every chat front end shows; the same links stand as `url_citation` annotations and, whole,
in `sources`. Words that come from documents must not become links or images of their own: what
would be one is defused, character for character (the quote in `sources` stays exact).
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath
from typing import Literal, NamedTuple

from api import schemas
from api.links import Links
from core.text import clock, sentences
from core.types import Access, Answer, Chunk, Citation, Fact, Hit, Place, Step
from ingest.reconcile import Recount
from kg.view import Quote
from rag.cite import linked
from rag.index.attempts import Attempt
from rag.index.catalog import Catalog
from rag.index.files import FileStatus
from rag.restated import Restated
from rag.stated import place_in

_LINK_IN_WORDS = re.compile(r"(?<=\])\(")
_TAG_IN_WORDS = re.compile(r"<(?=[a-zA-Z/!?])")

_OPENAI_STATUS: Mapping[str, schemas.OpenAIStatus] = {
    "ready": "processed",
    "failed": "error",
    "cancelled": "error",
}


def file(status: FileStatus, attempts: Sequence[Attempt] = ()) -> schemas.File:
    return schemas.File(
        id=status.id,
        bytes=status.bytes,
        created_at=int(status.created_at.timestamp()),
        filename=PurePath(status.source).name,
        status=_OPENAI_STATUS.get(status.status, "uploaded"),
        status_details=status.reason or None,
        stage=status.status,
        source=status.source,
        title=status.title,
        media_type=status.media_type,
        pages_total=status.pages_total,
        pages_done=status.pages_done,
        pages_failed=status.pages_failed,
        chunks=status.chunks,
        searchable=status.live_version is not None,
        attempts=[
            schemas.Attempt(
                version=one.version,
                stage=one.stage,
                ended_at=int(one.ended_at.timestamp()),
                reason=one.reason,
            )
            for one in attempts
        ],
    )


def recount(found: Recount) -> schemas.Recount:
    findings = [
        schemas.Finding(
            file_id=one.doc_id,
            source=one.source,
            what=one.what,
            expected=one.expected,
            found=one.found,
            done=one.done,
        )
        for one in found.findings
    ]
    return schemas.Recount(
        documents=found.documents,
        pages=found.pages,
        blocks=found.blocks,
        vectors=found.vectors,
        passages=found.passages,
        sentences=found.sentences,
        mentions=found.mentions,
        subjects=found.subjects,
        entities=found.entities,
        facts=found.facts,
        keys=found.keys,
        media=found.media,
        findings=findings,
        queued=[file(status) for status in found.queued],
    )


class Names:
    """The names of documents, as one tenant calls them."""

    def __init__(self, catalog: Catalog, access: Access, doc_ids: Collection[str]) -> None:
        self._files = catalog.statuses(access.tenant, doc_ids)

    def of(self, chunk: Chunk) -> schemas.DocumentName:
        return self.named(chunk.doc_id, chunk.title)

    def named(self, doc_id: str, title: str = "") -> schemas.DocumentName:
        """`title`: as a passage of it says, where one is at hand."""
        status = self._files.get(doc_id)
        filename = PurePath(status.source).name if status else ""
        title = title or (status.title if status else "") or filename
        return schemas.DocumentName(id=doc_id, title=title, filename=filename)


class Passages:
    """The passages that a result speaks of, and how they are shown to one caller."""

    def __init__(self, chunks: Iterable[Chunk], *, catalog: Catalog, links: Links, access: Access) -> None:
        self._chunks = {chunk.id: chunk for chunk in chunks}
        self._links = links
        self._access = access
        self.names = Names(catalog, access, {chunk.doc_id for chunk in self._chunks.values()})

    def hit(self, hit: Hit, query: str, restated: Sequence[Restated] = ()) -> schemas.SearchHit:
        chunk = hit.chunk
        return schemas.SearchHit(
            id=chunk.id,
            document=self.names.of(chunk),
            section=list(chunk.section),
            kind=chunk.kind,
            text=chunk.text,
            score=hit.score,
            legs={str(leg): score for leg, score in hit.legs.items()},
            places=places(chunk.places),
            url=self._links.url(chunk, 0, len(chunk.text), self._access),
            path=self._path(hit.path, query),
            restated=[self._restated(one) for one in restated],
        )

    def _restated(self, one: Restated) -> schemas.RestatedFigure:
        ours, theirs = one
        fact, chunk = theirs.fact, theirs.chunk
        start = place_in(fact, chunk)
        preferred: Literal["this", "other", "neither"] = "neither"
        if theirs.is_later_than(ours):
            preferred = "other"
        elif ours.is_later_than(theirs):
            preferred = "this"
        return schemas.RestatedFigure(
            attribute=ours.fact.attribute,
            period=ours.fact.period,
            value=ours.fact.text,
            document=self.names.of(chunk),
            other_value=fact.text,
            url=self._links.url(chunk, start, start + len(fact.text), self._access),
            preferred=preferred,
        )

    def _path(self, path: Sequence[Step], query: str) -> list[schemas.PathStep]:
        """Empty where a passage on the way is not at hand: half a path proves nothing."""
        if any(step.chunk_id and step.chunk_id not in self._chunks for step in path):
            return []
        return [self._step(step, query) for step in path]

    def _step(self, step: Step, query: str) -> schemas.PathStep:
        chunk = self._chunks.get(step.chunk_id)
        text = chunk.text if chunk else query
        begin, stop = next(
            (place for place in sentences(text) if place[0] <= step.start < place[1]), (0, len(text))
        )
        return schemas.PathStep(
            passage=chunk.id if chunk else None,
            document=self.names.of(chunk) if chunk else None,
            sentence=text[begin:stop],
            start=step.start - begin,
            end=step.end - begin,
            entity=step.entity,
            places=places(chunk.places_of(begin, stop)) if chunk else [],
            url=self._links.url(chunk, begin, stop, self._access) if chunk else "",
        )

    def quotes(self, found: Iterable[Quote]) -> list[schemas.GraphQuote]:
        """Those whose passage is at hand."""
        return [
            schemas.GraphQuote(
                passage=chunk.id,
                document=self.names.of(chunk),
                sentence=chunk.text[start:stop],
                places=places(chunk.places_of(start, stop)),
                url=self._links.url(chunk, start, stop, self._access),
            )
            for chunk_id, start, stop in found
            if (chunk := self._chunks.get(chunk_id))
        ]


def fact(found: Fact, names: Names) -> schemas.FactItem:
    place = found.place
    return schemas.FactItem(
        document=names.named(place.doc_id),
        subject=found.subject,
        attribute=found.attribute,
        period=found.period,
        value=found.value,
        scale=found.scale,
        unit=found.unit,
        currency=found.currency,
        text=found.text,
        method=found.method,
        confidence=found.confidence,
        passage=found.chunk_id,
        place=places([place])[0],
    )


def places(found: Iterable[Place]) -> list[schemas.PagePlace]:
    return [
        schemas.PagePlace(page=place.page, box=place.box, second=place.second, anchor=place.anchor)
        for place in found
    ]


# ---------------------------------------------------------------- answers


class Shown(NamedTuple):
    """An answer for people: its links, each as annotation, what each stands for, and how sure each span is."""

    content: str
    annotations: list[schemas.CitationAnnotation]
    sources: list[schemas.Source]
    claims: list[schemas.Claim]


def shown(answer: Answer, *, catalog: Catalog, links: Links, access: Access) -> Shown:
    chunks = {item.chunk.id: item.chunk for item in answer.evidence}
    scores = {item.chunk.id: item.score for item in answer.evidence}
    names = Names(catalog, access, {chunk.doc_id for chunk in chunks.values()})
    sources: dict[tuple[str, int, int], schemas.Source] = {}
    for citation in answer.citations:
        chunk = chunks[citation.chunk_id]
        sources.setdefault(
            _quote(citation),
            schemas.Source(
                id=str(len(sources) + 1),
                document=names.of(chunk),
                page=next((place.page for place in citation.places if place.page is not None), None),
                places=places(citation.places),
                quote=citation.quote,
                score=scores[citation.chunk_id],
                url=links.url(chunk, citation.quote_start, citation.quote_end, access),
                spans=[],
            ),
        )
    written = linked(
        replace(answer, text=_defused(answer.text)), lambda citation: _link(sources[_quote(citation)])
    )
    annotations: dict[int, schemas.CitationAnnotation] = {}
    for citation in written.citations:
        source = sources[_quote(citation)]
        source.spans.append((citation.start, citation.end))
        # A link holds a signature, so no document's words can be taken for it.
        start = written.text.find(_link(source), citation.end)
        if source.url and start >= 0:
            annotations[start] = _annotation(source, start)
    return Shown(
        written.text,
        [annotations[start] for start in sorted(annotations)],
        list(sources.values()),
        [schemas.Claim(**asdict(claim)) for claim in written.claims],
    )


def verdict(answer: Answer, claims: list[schemas.Claim]) -> schemas.Verdict:
    cost = schemas.CostReport(**{**asdict(answer.cost), "seconds": dict(answer.cost.seconds)})
    return schemas.Verdict(
        status=answer.status,
        reason=answer.reason,
        gaps=list(answer.gaps),
        confidence=answer.confidence,
        cost=cost,
        claims=claims,
    )


def usage(answer: Answer) -> schemas.Usage:
    taken, given = answer.cost.tokens_in, answer.cost.tokens_out
    return schemas.Usage(prompt_tokens=taken, completion_tokens=given, total_tokens=taken + given)


def _quote(citation: Citation) -> tuple[str, int, int]:
    return citation.chunk_id, citation.quote_start, citation.quote_end


def _link(source: schemas.Source) -> str:
    return f"[[{source.id}]]({source.url})" if source.url else f"[{source.id}]"


def _annotation(source: schemas.Source, start: int) -> schemas.CitationAnnotation:
    title = source.document.title or source.document.filename
    second = next((place.second for place in source.places if place.second is not None), None)
    if second is not None:
        title += f", at {clock(second)}"
    elif source.page is not None:
        title += f", p. {source.page}"
    return schemas.CitationAnnotation(
        url_citation=schemas.UrlCitation(
            start_index=start, end_index=start + len(_link(source)), title=title, url=source.url
        )
    )


def _defused(words: str) -> str:
    """The same length, so that every position keeps its meaning."""
    return _TAG_IN_WORDS.sub("‹", _LINK_IN_WORDS.sub("（", words))
