"""How results look in a terminal: tables, progress, an answer with its quotes.

Knows no service but asks it for page images. Words of documents are shown as they are, without the
control characters with which a document could take over a terminal.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from api.openspec import Idea
from api.schemas import (
    Claim,
    Completion,
    CostReport,
    FactList,
    File,
    GraphCommunities,
    GraphCommunity,
    GraphNeighbour,
    GraphNeighbours,
    GraphPath,
    PagePlace,
    PathStep,
    Recount,
    RelatedDocuments,
    RestatedFigure,
    SearchHit,
    Source,
)
from api.service import Service
from core.text import clock
from rag.vl.experts import SEGMENTS, Routing, uses
from rag.vl.profile import Profile

_WIDE = 200  # columns where there is no terminal: a file has no edge
_QUOTE = 300  # characters of a quote or a passage that are shown
_CONTROL = {code: None for code in [*range(32), 127, *range(128, 160)] if code != ord("\n")} | {9: " "}
_COLOURS = {"ready": "green", "failed": "red", "cancelled": "magenta"}


def expand(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, folders as all files below them, hidden ones left out; each once, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(one for one in path.rglob("*") if one.is_file())
            hidden = [any(part.startswith(".") for part in one.relative_to(path).parts) for one in below]
            found.update((one, None) for one, is_hidden in zip(below, hidden) if not is_hidden)
        else:
            found[path] = None
    return list(found)


def clean(text: str) -> str:
    return text.translate(_CONTROL)


# ---------------------------------------------------------------- progress


class Shown:
    """Bars for the batch and for each file that is being worked on; lines where there is no terminal."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress = progress
        self._all = progress.add_task("files", total=total)
        self._tasks: dict[str, TaskID] = {}

    def changed(self, file: File) -> None:
        name = clean(file.filename)
        if file.finished:
            if (task := self._tasks.pop(file.id, None)) is not None:
                self._progress.remove_task(task)
            self.finished(file)
        elif file.stage != "queued":
            if file.id not in self._tasks:
                self._tasks[file.id] = self._progress.add_task(name)
            self._progress.update(
                self._tasks[file.id],
                description=f"{file.stage} {name}",
                completed=file.pages_done,
                total=file.pages_total or None,
            )

    def tell(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def finished(self, file: File) -> None:
        self._progress.advance(self._all)
        if file.stage in ("failed", "cancelled") or not self._progress.console.is_terminal:
            line = f"{file.stage} {clean(file.filename)}"
            line += f": {clean(file.status_details)}" if file.status_details else f", {file.pages_done} pages"
            self.tell(line)


@contextmanager
def progress(total: int | None) -> Iterator[Shown]:
    """On standard error; `total` None: nobody knows how many there will be."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield Shown(bars, total)


# ---------------------------------------------------------------- tables


def show_files(files: Sequence[File], names: Sequence[str] | None = None, *, paused: bool = False) -> None:
    table = Table("document", "status", "pages", "chunks", "id", "reason", box=None, header_style="bold")
    for index, file in enumerate(files):
        pages = f"{file.pages_done}/{file.pages_total}" if file.pages_total else ""
        stage = Text(file.stage, style=_COLOURS.get(file.stage, "yellow"))
        name = names[index] if names else file.source
        row = (name, pages, str(file.chunks or ""), file.id, file.status_details or "")
        shown = [Text(clean(cell), overflow="fold") for cell in row]
        table.add_row(shown[0], stage, *shown[1:])
    console = _console()
    console.print(table)
    done = sum(1 for file in files if file.stage == "ready")
    failed = sum(1 for file in files if file.stage == "failed")
    for file in files:
        for one in file.attempts:
            ended = datetime.fromtimestamp(one.ended_at, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
            line = f"{file.filename}, version {one.version}, {one.stage}, {ended}: {one.reason}"
            console.print(Text(clean(line), style="dim"))
    console.print(f"{len(files)} documents, {done} ready, {failed} failed", highlight=False)
    if paused:
        console.print("ingestion is paused; `sightline resume` goes on", style="yellow", highlight=False)


def show_recount(found: Recount, lost: Sequence[str]) -> None:
    """`lost`: the ids of the documents that could not be repaired."""
    console = _console()
    names = (
        "documents", "pages", "blocks", "vectors", "passages", "sentences", "mentions", "subjects", "entities",
        "facts", "keys", "media",
    )  # fmt: skip
    console.print(", ".join(f"{getattr(found, name)} {name}" for name in names), highlight=False)
    table = Table("document", "what", "ledger", "found", "done", box=None, header_style="bold")
    for one in found.findings:
        done = {"removed": "removed", "corrected": "corrected", "queued": "read again"}.get(one.done, "")
        if one.file_id in lost:
            done = "could not be repaired; send it again"
        name = one.source or one.file_id
        table.add_row(Text(clean(name), overflow="fold"), one.what, str(one.expected), str(one.found), done)
    console.print(table if found.findings else "everything adds up", highlight=False)


def show_profile(profile: Profile) -> None:
    """The figures of a model, from its config alone."""
    held, console = profile.parameters, _console()
    table = Table(box=None, show_header=False)
    billions = f"{held.total / 1e9:.2f} B, of which {held.active / 1e9:.2f} B ({held.active / held.total:.1%}) for each token"
    dense = profile.dense_flops_per_token / profile.flops_per_token
    rows = [
        ("architecture", f"{profile.architecture}, {profile.layers} layers, {profile.max_context:,} tokens of context"),
        ("parameters", billions),
        ("experts", f"{profile.experts_per_token} of {profile.expert_count} active; {held.experts / held.total:.1%} of all parameters"),
        ("vision", f"{held.vision / 1e9:.3f} B"),
        ("FLOPs per token", f"{profile.flops_per_token / 1e9:.2f} G, {dense:.1f} times fewer than a dense model of its size"),
        ("weights", ", ".join(f"{name} {size / 1e9:.1f} GB" for name, size in profile.weights_bytes.items())),
        ("KV cache", f"{profile.kv_bytes_per_token:,} bytes per token"),
        ("image tokens", ", ".join(f"{size} {count:,}" for size, count in profile.image_tokens.items())),
        *(
            (f"batch of {row.batch}", f"{row.experts_hit:g} experts a layer, {row.bytes_per_token / 1e9:.2f} GB per token")
            for row in profile.batching
        ),
        *(
            (fit.gpu, ", ".join(f"{name}: {length:,} tokens" for name, length in fit.context.items() if length) or "does not fit")
            for fit in profile.fits
        ),
    ]  # fmt: skip
    for name, value in rows:
        table.add_row(Text(name, style="bold"), value)
    console.print(Text(profile.model, style="bold"))
    console.print(table)


def show_ideas(ideas: Sequence[Idea]) -> None:
    """Each figure with where it is from."""
    console = _console()
    for idea in ideas:
        console.print(Text(idea.name, style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 2))
        for figure in idea.figures:
            table.add_row(figure.what, figure.value, Text(figure.origin, style="dim"))
        console.print(table)


def show_experts(answer: str, routing: Routing) -> None:
    """The answer, and for each layer how evenly its experts were used."""
    _console().print(Text(clean(answer)))
    table = Table("tokens", "layer", "entropy", "skew", "idle", "busiest", box=None, header_style="bold")
    for segment in SEGMENTS:
        for use in uses(routing.counts[segment]):
            busiest = " ".join(map(str, use.busiest))
            table.add_row(
                segment, str(use.layer), f"{use.entropy:.2f}", f"{use.skew:.1f}", str(use.idle), busiest
            )
    _console().print(table)


def show_hits(hits: Sequence[SearchHit]) -> None:
    console = _console()
    if not hits:
        console.print("nothing found", highlight=False)
    for number, hit in enumerate(hits, 1):
        name = hit.document.filename or hit.document.title
        head = Text(f"{number}. {clean(name)}", style="bold")
        head.append(f"  {_where(hit.places)}  {hit.score:.3f}", style="dim")
        console.print(head)
        if hit.section:
            console.print(Text(clean(" > ".join(hit.section)), style="italic"))
        console.print(Text(_short(hit.text)))
        for step in hit.path:
            console.print(_step(step))
        for one in hit.restated:
            console.print(_restated(one))
        console.print()


def _restated(one: RestatedFigure) -> Text:
    """One line: what this passage and another document state, and which is the later."""
    later = {"this": "this is the later", "other": "that is the later", "neither": "neither is later"}
    name = clean(one.document.filename or one.document.title)
    words = f"  {clean(one.attribute)} {one.period}: {clean(one.value)}; {name} states {clean(one.other_value)} ({later[one.preferred]})"
    return Text(words, style="yellow")


def _step(step: PathStep) -> Text:
    """One line: where the graph left from, the sentence, and the name that leads on."""
    source = clean(step.document.filename or step.document.title) if step.document else "the question"
    line = Text(f"  by {source}: ", style="dim")
    line.append(_short(step.sentence), style="dim italic")
    return line.append(f" -> {clean(step.entity)}", style="cyan")


# ---------------------------------------------------------------- the graph


def show_facts(result: FactList) -> None:
    table = Table("attribute", "period", "value", "document", "place", box=None, header_style="bold")
    for fact in result.data:
        place = f"page {fact.place.page}" if fact.place.page else fact.place.anchor
        name = fact.document.filename or fact.document.title
        scale = f" x 10^{fact.scale}" if fact.scale else ""
        value = f"{fact.text}{scale if fact.method == 'table' else ''}"
        row = (fact.attribute, fact.period, value, name, place)
        table.add_row(*(Text(clean(cell)) for cell in row))
    _console().print(table if result.data else "no facts", highlight=False)


def show_related(result: RelatedDocuments) -> None:
    table = Table("document", "score", "both name", box=None, header_style="bold")
    for one in result.data:
        name = clean(one.document.filename or one.document.title)
        table.add_row(Text(name), f"{one.score:.2f}", Text(clean(", ".join(one.names))))
    _console().print(table if result.data else "nothing related", highlight=False)


def show_graph(found: GraphCommunities | GraphNeighbours | GraphPath) -> None:
    console = _console()
    if not found.data:
        console.print("nothing found", highlight=False)
    for item in found.data:
        if isinstance(item, GraphCommunity):
            names = [one.filename or one.title for one in item.documents]
            console.print(Text(f"{item.size} nodes: {clean(', '.join(item.names))}", style="bold"))
            console.print(Text(f"  {clean(', '.join(names))}"))
            continue
        to = item.name if isinstance(item, GraphNeighbour) else f"{item.name} -> {item.other}"
        console.print(Text(clean(to), style="bold"))
        for quote in item.quotes:
            source = clean(quote.document.filename or quote.document.title)
            console.print(Text(f"  {source} {_where(quote.places)}: {_short(quote.sentence)}"))


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without links: [1] in the text is source "1". `pages`: the saved images of a source."""

    text: str
    status: str
    reason: str
    sources: tuple[Source, ...]
    cost: CostReport
    claims: tuple[Claim, ...] = ()
    pages: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, completion: Completion) -> "Answer":
        message = completion.choices[0].message
        text, spans = message.content, {source.id: list(source.spans) for source in completion.sources}
        claims = list(completion.sightline.claims)
        # From the last link to the first, so that the positions before it still hold.
        for item in reversed(message.annotations):
            start, end = item.url_citation.start_index, item.url_citation.end_index
            number = text[start:end].removeprefix("[[").split("]", 1)[0]
            text = f"{text[:start]}[{number}]{text[end:]}"
            gone = end - start - len(number) - 2
            for places in spans.values():
                places[:] = [(a - gone, b - gone) if a >= end else (a, b) for a, b in places]
            claims = [
                claim.model_copy(update={"start": claim.start - gone, "end": claim.end - gone})
                if claim.start >= end
                else claim
                for claim in claims
            ]
        verdict = completion.sightline
        sources = tuple(
            source.model_copy(update={"spans": spans[source.id]}) for source in completion.sources
        )
        return cls(text, verdict.status, verdict.reason, sources, verdict.cost, tuple(claims))

    def as_json(self) -> dict[str, Any]:
        sources = [
            {**source.model_dump(mode="json"), "page_images": self.pages.get(source.id, [])}
            for source in self.sources
        ]
        return {
            "answer": self.text,
            "status": self.status,
            "reason": self.reason,
            "sources": sources,
            "claims": [claim.model_dump(mode="json") for claim in self.claims],
            "cost": self.cost.model_dump(mode="json"),
        }


def save_pages(answer: Answer, service: Service, folder: Path) -> Answer:
    """Saves the cited pages as source-1-page-3.png ..."""
    folder.mkdir(parents=True, exist_ok=True)
    saved: dict[str, list[str]] = {}
    for source in answer.sources:
        for page in sorted({place.page for place in source.places if place.page is not None}):
            image = service.page_image(source, page)
            if image is not None:
                path = folder / f"source-{source.id}-page-{page}.png"
                path.write_bytes(image)
                saved.setdefault(source.id, []).append(str(path))
    return replace(answer, pages=saved)


def show_answer(answer: Answer) -> None:
    console = _console()
    console.print(Text(clean(answer.text)))
    if answer.reason:
        console.print(Text(f"({answer.status}: {clean(answer.reason)})", style="yellow"))
    for claim in answer.claims:
        if claim.derivation and claim.derivation not in answer.text:
            console.print(Text(f"= {clean(claim.derivation)}", style="dim"))
        elif claim.status == "unsupported":
            console.print(
                Text(f"? {clean(answer.text[claim.start : claim.end])}: in no document", style="red")
            )
    if answer.sources:
        console.print()
    for source in answer.sources:
        name = source.document.filename or source.document.title
        line = Text(f"[{source.id}] ", style="bold")
        line.append(clean(name), style=f"link {source.url}" if source.url else "")
        line.append(f", {_where(source.places)}" if source.places else "", style="dim")
        line.append(f": “{_short(source.quote)}”")
        console.print(line)
        for path in answer.pages.get(source.id, []):
            console.print(Text(f"    {path}", style="dim"))


def _where(places: Sequence[PagePlace]) -> str:
    pages = list(dict.fromkeys(place.page for place in places if place.page is not None))
    anchors = list(dict.fromkeys(place.anchor for place in places if place.anchor))
    moments = sorted({place.second for place in places if place.second is not None})
    if moments:
        return clean(", ".join([*(f"at {clock(second)}" for second in moments), *anchors]))
    named = [f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]}-{pages[-1]}"] if pages else []
    return clean(", ".join([*named, *anchors]))


def _short(text: str) -> str:
    line = " ".join(clean(text.replace("\n", " ")).split())
    return line if len(line) <= _QUOTE else f"{line[: _QUOTE - 1]}…"


def _console() -> Console:
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else _WIDE, soft_wrap=not is_terminal, highlight=False)
