"""A watched folder: what comes or changes in it is read in, once it stands still.

Knows paths, how they look (size, time of change), a service, and a clock; where the changes come from is
handed in. A file is taken in when it looked the same for `SETTLED` seconds, so that nothing is read while
it is written; one that is gone for as long is deleted, where that is wanted. Taking in what is known
already changes nothing, so every start begins with all files that are there.

Hidden files are left out, and names that others give to what is not finished. A folder that is empty or
gone deletes nothing at the start: a disk that is not mounted must not empty the index.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple, Protocol

from api.bundles import Item, dicom_beside, with_siblings
from api.schemas import File
from api.service import Service
from core.errors import NotFound

SETTLED = 1.0  # seconds
TICK = 1.0  # seconds without a change between two looks
ASKED = 50  # documents in work that are asked after in one look
UNFINISHED = (".part", ".crdownload", ".download", ".tmp", "~")
SLICES = frozenset(["", ".dcm", ".dicom", ".ima"])  # how files of a series may end
LOCKS = ("~$", ".~lock")  # of office programs, beside the file that is open


class Stopped(Exception):
    """The one who watches was told to stop while it waited for room."""


class Shown(Protocol):
    def changed(self, file: File) -> None: ...
    def tell(self, line: str) -> None: ...


class _Look(NamedTuple):
    """How a path looked, and since when; `size` is None for one that is gone."""

    size: int | None
    changed: int
    since: float


class Watch:
    """`take` takes a file in; `taken` and `deleted` count."""

    def __init__(
        self,
        service: Service,
        folders: Sequence[Path],
        *,
        take: Callable[[Item], File],
        shown: Shown,
        delete_missing: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._folders = [folder.resolve() for folder in folders]
        self._take = take
        self._shown = shown
        self._delete_missing = delete_missing
        self._clock = clock
        self._looks: dict[Path, _Look | None] = {}  # what may have changed
        self._in_work: dict[str, File] = {}
        self._parted: list[Path] = []  # gone from a series; whose document goes when the rest is read
        self.taken = self.deleted = 0

    def run(self, ticks: Iterable[Iterable[Path]]) -> None:
        """Until `ticks` ends; each names what changed since the one before, and most name nothing."""
        has_begun = False
        try:
            for changed in ticks:
                # Not before the first tick: what comes between a look at all and the first change that is
                # told of would be seen by neither.
                if not has_begun:
                    self._begin()
                    has_begun = True
                for path in changed:
                    self._notice(path)
                self._look()
                self._ask()
        except Stopped:
            return

    def _begin(self) -> None:
        for folder in self._folders:
            self._notice(folder)
        if self._delete_missing:
            for source in self._sources():
                path = Path(source)
                if self._is_watched(path) and not path.exists() and self._holds_something(path):
                    self._looks[path] = None

    def _holds_something(self, path: Path) -> bool:
        root = next(folder for folder in self._folders if path.is_relative_to(folder))
        return root.is_dir() and any(root.iterdir())

    def _notice(self, path: Path) -> None:
        """A file, or a folder with all below it, whether it is there or gone."""
        if path.is_dir():
            for below in path.rglob("*"):
                if below.is_file() and self._is_watched(below):
                    self._looks[below] = None
        elif self._is_watched(path):
            self._looks[path] = None

    def _is_watched(self, path: Path) -> bool:
        root = next((folder for folder in self._folders if path.is_relative_to(folder)), None)
        if root is None or path.name.startswith(LOCKS) or path.name.endswith(UNFINISHED):
            return False
        return not any(part.startswith(".") for part in path.relative_to(root).parts)

    def _look(self) -> None:
        now = self._clock()
        gone, settled = [], []
        for path, before in list(self._looks.items()):
            look = _look(path, now)
            if before is None or before[:2] != look[:2]:
                self._looks[path] = look
            elif now - before.since >= SETTLED:
                del self._looks[path]
                if look.size is None:
                    gone.append(path)
                else:
                    settled.append(path)
        for item in with_siblings(settled, self._is_ready) if settled else ():
            self._take_in(item)
        if gone and self._delete_missing:
            self._delete(gone)
            self._part(gone)

    def _is_ready(self, path: Path) -> bool:
        return self._is_watched(path) and path not in self._looks

    def _part(self, gone: Sequence[Path]) -> None:
        """What is left of a series without these files is read as the series that it is now."""
        for path in gone:
            if path.suffix.lower() in SLICES and (rest := [*dicom_beside(path)]):
                self._parted.append(path)
                self._looks.update((one, None) for one in rest if self._is_watched(one))

    def _take_in(self, item: Item) -> None:
        file = self._take(item)
        self.taken += 1
        if not file.finished:  # or it was known already
            self._shown.changed(file)
            self._in_work[file.id] = file

    def _delete(self, gone: Sequence[Path]) -> None:
        """The documents of these paths, and of all below them: a folder that is gone is told as one."""
        for source, file_id in self._sources().items():
            if any(Path(source).is_relative_to(path) for path in gone) and not Path(source).exists():
                with suppress(NotFound):
                    self._service.delete(file_id)
                self._in_work.pop(file_id, None)
                self.deleted += 1
                self._shown.tell(f"deleted {source}")

    def _sources(self) -> dict[str, str]:
        return {file.source: file.id for file in self._service.files()}

    def _ask(self) -> None:
        """How far is what was taken in; those that were asked after first come last the next time."""
        if self._parted and not self._in_work and not self._looks:
            self._delete(self._parted)
            self._parted = []
        for file_id in list(self._in_work)[:ASKED]:
            before = self._in_work.pop(file_id)
            try:
                file = self._service.file(file_id)
            except NotFound:  # deleted, or a newer content has taken its name
                continue
            if file != before:
                self._shown.changed(file)
            if not file.finished:
                self._in_work[file_id] = file


def _look(path: Path, now: float) -> _Look:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return _Look(None, 0, now)
    return _Look(stat.st_size, stat.st_mtime_ns, now)


def changes(folders: Sequence[Path], stop: Event) -> Iterable[list[Path]]:
    """What the system tells of changes below these folders, and an empty list every second without one."""
    import watchfiles

    for found in watchfiles.watch(
        *folders,
        stop_event=stop,
        watch_filter=None,
        rust_timeout=round(TICK * 1000),
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        yield [Path(name) for _, name in found]
