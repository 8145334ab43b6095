"""Documents inside documents: the members of an archive, the attachments of an e-mail.

Each part is read by the reader that its content asks for, under limits that all parts of one file
share, however deep they are nested. Its places say which part they are in: "part 2: name.pdf, line 3".
A part that cannot be read is a page with the reason; the others are read nevertheless.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from core.errors import SightlineError, TooLarge
from core.ports import ImageSink
from core.types import Block, Content, Page, Span
from ingest.limits import Limits, exhausted

_MEGABYTE = 1 << 20
_LONGEST_NAME = 120


class Parts:
    """What the parts of one file may still use, and the pages that they gave so far."""

    def __init__(self, sink: ImageSink, limits: Limits) -> None:
        self._sink = sink
        self._limits = limits
        self._depth = 0
        self._bytes = limits.archive_mb * _MEGABYTE
        self._entries = limits.archive_entries

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def room(self) -> int:
        """How many bytes may still be unpacked."""
        return self._bytes

    @property
    def sink(self) -> ImageSink:
        return self._sink

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One more level of nesting. Raises TooLarge where that is one too many."""
        if self._depth > self._limits.archive_depth:
            raise TooLarge(f"nested more than {self._limits.archive_depth} levels deep")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def count(self, data: bytes) -> None:
        """Notes that `data` was unpacked. Raises TooLarge past the limits that all parts share."""
        self._bytes -= len(data)
        self._entries -= 1
        if self._bytes < 0:
            raise TooLarge(
                f"with what is nested in it, it unpacks to more than {self._limits.archive_mb:,} MB"
            )
        if self._entries < 0:
            raise TooLarge(
                f"with what is nested in it, it has more than {self._limits.archive_entries:,} members"
            )

    def read(self, data: bytes, name: str) -> Content:
        """Raises what its reader raises, UnsupportedFormat among them."""
        from ingest.readers import REGISTRY, detect
        from ingest.readers.nested import NESTED

        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="part-") as folder:
            path = Path(folder) / "part"
            path.write_bytes(data)
            media_type = detect(path, name)
            if media_type in NESTED:
                return NESTED[media_type](path, self)
            return REGISTRY[media_type].reader(self._limits)(path, self._sink)

    def pages(self, data: bytes, name: str, number: int, first: int) -> tuple[Page, ...]:
        """The pages of part `number`, counted on from `first`; one with the reason if it cannot be read."""
        called = shown_name(name)
        anchor = f"part {number}: {called}"
        problem = exhausted(self._limits)
        if not problem:
            try:
                return tuple(_moved(self.read(data, name), anchor, called, first))
            except SightlineError as error:
                problem = error.message
        return (failed(anchor, problem, first),)


def failed(anchor: str, problem: str, number: int) -> Page:
    return Page(number, (), label=anchor, problem=f"{anchor}: {problem}")


def shown_name(name: str) -> str:
    """A name from inside of a file as harmless text: no controls, no way upwards, not endless."""
    printable = "".join(char for char in name.replace("\\", "/") if char.isprintable())
    steps = [step for step in PurePosixPath(printable).parts if step not in {"/", ".."}]
    return "/".join(steps)[-_LONGEST_NAME:] or "without a name"


def _moved(content: Content, anchor: str, name: str, first: int) -> Iterator[Page]:
    """The pages of a part with its numbers, places and headings under those of the whole."""
    title = content.title if content.title and content.title != name else ""
    heading = Block("heading", f"{name}: {title}" if title else name, level=1, anchor=anchor)
    several = len(content.pages) > 1
    for at, page in enumerate(content.pages):
        where = f"{anchor}, page {page.number}" if several and page.width > 0 else anchor
        blocks = tuple(_block(block, where, first - content.pages[0].number) for block in page.blocks)
        yield replace(
            page,
            number=first + at,
            blocks=(heading, *blocks) if at == 0 and not page.problem else blocks,
            label=where,
            problem=page.problem and f"{where}: {page.problem}",
        )


def _block(block: Block, where: str, shift: int) -> Block:
    return replace(
        block,
        anchor=_inside(where, block.anchor),
        level=block.level + 1 if block.kind == "heading" else block.level,
        spans=tuple(Span(start, end, page + shift, box) for start, end, page, box in block.spans),
        readings=tuple(replace(one, anchor=_inside(where, one.anchor)) for one in block.readings),
    )


def _inside(where: str, anchor: str) -> str:
    return f"{where}, {anchor}" if anchor else where
