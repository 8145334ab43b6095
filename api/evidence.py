"""/e/{evidence}: the line of sight for people. A quote, and the page that it stands on with its box.

Opens without a key, because the link itself is one (`api/links.py`). Whatever does not hold any
more, a forged link, a deleted document, a newer version, is the same 404. What has no pages is
shown as its passage with the quote marked. The page runs no script and loads nothing but its image.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from api import operations
from api.assemble import Sightline
from api.deps import Parts
from core.errors import NotFound
from core.text import clock, language_of
from core.types import Access, Chunk, Language, Place
from ingest.render import is_drawable
from rag.index.files import FileStatus

router = APIRouter(prefix="/e", tags=["evidence"])

_MAX_AGE = 300  # seconds for which a browser may keep a page image
_DRAWERS = 2  # each page is drawn in a child process of its own

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
header p { margin: .25rem 0 1.5rem; opacity: .75; overflow-wrap: anywhere; }
blockquote { margin: 0 0 1.5rem; padding: .5rem 1rem; border-left: .25rem solid #d97706; white-space: pre-wrap; }
figure { margin: 0 0 1.5rem; }
img { width: 100%; height: auto; border: 1px solid #8888; background: #fff; }
.passage { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8888; padding: 1rem; }
mark { background: #fde68a; color: #000; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = f"default-src 'none'; img-src 'self'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "page": "page {}",
        "moment": "at {}",
        "quote": "Quote",
        "passage": "Passage",
        "image": "Page {} with the quote framed",
    },
    "zh": {
        "page": "第 {} 页",
        "moment": "{} 处",
        "quote": "引文",
        "passage": "段落",
        "image": "第 {} 页，引文已框出",
    },
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One quote of a live document."""

    file: FileStatus
    chunk: Chunk
    start: int
    end: int

    @property
    def quote(self) -> str:
        return self.chunk.text[self.start : self.end]

    @property
    def places(self) -> Sequence[Place]:
        return self.chunk.places_of(self.start, self.end)

    @property
    def pages(self) -> list[int]:
        return sorted({place.page for place in self.places if place.page is not None})

    @property
    def drawable(self) -> bool:
        kept = any(place.image for place in self.places)
        return bool(self.pages) and (kept or is_drawable(self.file.media_type))

    @property
    def moments(self) -> list[float]:
        return sorted({place.second for place in self.places if place.second is not None})


def look_up(sightline: Sightline, token: str) -> Shown:
    """Raises NotFound, in the same words, for whatever the link does not open (any more)."""
    gone = NotFound("this link opens nothing: it is wrong, or the document is not there any more")
    reference = sightline.links.read(token)
    if reference is None:
        raise gone
    chunks = sightline.store.get([reference.chunk_id], access=reference.access)
    if not chunks:
        raise gone
    chunk = chunks[0]
    if sightline.catalog.live(chunk.tenant, [chunk.doc_id]).get(chunk.doc_id) != chunk.version:
        raise gone
    file = sightline.catalog.get(chunk.tenant, chunk.doc_id)
    return Shown(file, chunk, reference.start, reference.end)


@router.get("/{token}.png", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def page_image(
    token: str, request: Request, sightline: Parts, page: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The page of the quote as PNG, with the quote framed; `page` chooses where it runs over several."""
    shown = await to_thread.run_sync(look_up, sightline, token)
    number = page or next(iter(shown.pages), 0)
    if not shown.drawable or number not in shown.pages:
        raise NotFound("the quote of this link stands on no such page", param="page")
    drawers: CapacityLimiter = request.app.state.drawers
    access = Access(shown.file.tenant)
    image = await to_thread.run_sync(
        operations.page_image, sightline, shown.file.id, number, shown.places, access, limiter=drawers
    )
    if image is None:
        raise NotFound("there is no picture of the page of this quote", param="page")
    return Response(image, media_type="image/png", headers={"cache-control": f"private, max-age={_MAX_AGE}"})


@router.get("/{token}", response_class=Response, responses={200: {"content": {"text/html": {}}}})
async def evidence(token: str, sightline: Parts) -> HTMLResponse:
    """The quote, where it stands, and its page with the box drawn."""
    shown = await to_thread.run_sync(look_up, sightline, token)
    return HTMLResponse(_page(shown, token), headers={"content-security-policy": _CSP})


def drawers() -> CapacityLimiter:
    return CapacityLimiter(_DRAWERS)


def _page(shown: Shown, token: str) -> str:
    language = language_of(shown.chunk.text)
    words = _WORDS[language]
    filename = PurePath(shown.file.source).name
    title = shown.chunk.title or filename
    where = [filename, *(words["moment"].format(clock(second)) for second in shown.moments)]
    where += [words["page"].format(page) for page in ([] if shown.moments else shown.pages)]
    where += dict.fromkeys(place.anchor for place in shown.places if place.anchor)
    where += [" › ".join(shown.chunk.section)] if shown.chunk.section else []
    body = _images(shown, token, words) if shown.drawable else _passage(shown, words)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1><p>{escape(' · '.join(where))}</p></header>"
        f'<main><blockquote aria-label="{words["quote"]}">{escape(shown.quote)}</blockquote>{body}</main></body></html>'
    )


def _images(shown: Shown, token: str, words: Mapping[str, str]) -> str:
    return "".join(
        f'<figure><img src="/e/{escape(token)}.png?page={page}" alt="{words["image"].format(page)}"></figure>'
        for page in shown.pages
    )


def _passage(shown: Shown, words: Mapping[str, str]) -> str:
    text = shown.chunk.text
    before, after = escape(text[: shown.start]), escape(text[shown.end :])
    return (
        f'<section class="passage" aria-label="{words["passage"]}">'
        f"{before}<mark>{escape(shown.quote)}</mark>{after}</section>"
    )
