"""The commands about documents: in, how far they are, stopped, tried again, out, and the files of the state.

Each takes the parsed options and gives the exit code. One document that cannot be done does not stop the
others. Knows a service and the terminal, not who does the work. Imports nothing heavy.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from api.bundles import Bundle, Item, grouped, packed, path_of
from api.session import DONE, FAILED, open_service, print_json, settings_of

if TYPE_CHECKING:
    from api.schemas import File, Ingestion
    from api.service import Service
    from api.terminal import Shown

T = TypeVar("T")


def ingest(options: argparse.Namespace) -> int:
    from api import terminal

    if options.watch or options.delete_missing:
        return _watch(options)
    items = grouped(terminal.expand(options.paths))
    with open_service(options, create=True) as service, terminal.progress(len(items)) as shown:
        accepted = [(item, accepted_file(service, item, shown)) for item in items]
        finished = _finished(service, [file for _, file in accepted], shown)
    files = [(item, finished.get(file.id, file)) for item, file in accepted]
    failed = sum(1 for _, file in files if file.finished and file.stage != "ready")
    ready = sum(1 for _, file in files if file.stage == "ready")
    if options.json:
        rows = [{"path": str(path_of(item)), **file.model_dump(mode="json")} for item, file in files]
        print_json({"files": rows, "ready": ready, "failed": failed})
    else:
        terminal.show_files([file for _, file in files], names=[str(item) for item, _ in files])
    return FAILED if failed else DONE


def _watch(options: argparse.Namespace) -> int:
    """Until SIGINT or SIGTERM."""
    from api import terminal
    from api.watch import Stopped, Watch, changes
    from core.errors import SettingsError

    if not options.watch:
        raise SettingsError("--delete-missing needs --watch")
    for path in options.paths:
        if not path.is_dir():
            raise SettingsError(f"{str(path)!r} is no folder; --watch watches folders")
    stop = Event()

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with open_service(options, create=True) as service, terminal.progress(None) as shown:
        watch = Watch(
            service,
            options.paths,
            take=lambda item: accepted_file(service, item, shown, pause),
            shown=shown,
            delete_missing=options.delete_missing,
        )
        shown.tell(f"watching {', '.join(map(str, options.paths))}")
        watch.run(changes(options.paths, stop))
    if options.json:
        print_json({"taken": watch.taken, "deleted": watch.deleted})
    return DONE


def _finished(service: "Service", files: "Sequence[File]", shown: "Shown") -> "dict[str, File]":
    """How they ended, by id; nothing is waited for while ingestion is paused."""
    if service.ingestion().paused and any(file.stage == "queued" for file in files):
        shown.tell("ingestion is paused: what was sent waits for `sightline resume`")
        return {}
    waiting = {file.id for file in files if file.id}
    return {file.id: file for file in service.follow(waiting, shown.changed)}


def accepted_file(
    service: "Service", item: Item, shown: "Shown", pause: Callable[[float], None] = time.sleep
) -> "File":
    """One file that cannot be taken does not stop the others, and a full queue is waited for."""
    from api.service import refused
    from core.errors import InputError

    path = path_of(item)
    if path.exists() and not path.is_file():
        file = refused(path, "is a device or a pipe, not a file")
    else:
        try:
            return _as_soon_as_there_is_room(service, item, shown, pause)
        except InputError as error:
            file = refused(path, error.message)
        except OSError as error:
            file = refused(path, f"cannot be read: {error.strerror or error}")
    shown.finished(file)
    return file


def _as_soon_as_there_is_room(
    service: "Service", item: Item, shown: "Shown", pause: Callable[[float], None]
) -> "File":
    from core.errors import Overloaded

    is_told = False
    with TemporaryDirectory(prefix="sightline-") as folder:
        content = packed(item, Path(folder)) if isinstance(item, Bundle) else item
        names = item.files if isinstance(item, Bundle) else ()
        while True:
            try:
                return service.accept(content, names)
            except Overloaded as full:
                if not is_told:
                    shown.tell(f"{full.message}; waiting for room")
                    is_told = True
                pause(full.retry_after)


def status(options: argparse.Namespace) -> int:
    from api import terminal
    from api.service import named

    if options.verify:
        return _verify(options)
    with open_service(options, own=False) as service:
        files = service.files()
        if options.documents:
            meant = [file for name in options.documents for file in named(files, name)]
            files = [service.file(file.id) for file in meant]
        paused = service.ingestion().paused
    if options.json:
        print_json({"files": [file.model_dump(mode="json") for file in files], "paused": paused})
    else:
        terminal.show_files(files, paused=paused)
    return DONE


def _verify(options: argparse.Namespace) -> int:
    from api import terminal

    with open_service(options) as service:
        found = service.verify()
        again = {file.id for file in found.queued}
        with terminal.progress(len(again)) as shown:
            repaired = {file.id for file in service.follow(again, shown.changed) if file.stage == "ready"}
    lost = sorted({one.file_id for one in found.findings if one.done == "failed"} | (again - repaired))
    if options.json:
        print_json({**found.model_dump(mode="json"), "repaired": sorted(repaired), "lost": lost})
    else:
        terminal.show_recount(found, lost)
    return FAILED if lost else DONE


def delete(options: argparse.Namespace) -> int:
    def one(service: "Service", file: "File") -> dict[str, Any]:
        removed = service.delete(file.id).removed.model_dump()
        counts = ", ".join(f"{number} {name}" for name, number in removed.items())
        print(f"deleted {file.source} ({file.id}): {counts}", file=sys.stderr)
        return {"id": file.id, "source": file.source, "removed": removed}

    with open_service(options) as service:
        deleted, failed = _each(service, options.documents, one)
    if options.json:
        print_json({"deleted": deleted, "failed": failed})
    return FAILED if failed else DONE


def cancel(options: argparse.Namespace) -> int:
    def one(service: "Service", file: "File") -> "File":
        cancelled = service.cancel(file.id)
        print(f"cancelled {file.source} ({file.id})", file=sys.stderr)
        return cancelled

    with open_service(options) as service:
        done, failed = _each(service, options.documents, one)
    if options.json:
        print_json({"cancelled": [file.model_dump(mode="json") for file in done], "failed": failed})
    return FAILED if failed else DONE


def retry(options: argparse.Namespace) -> int:
    from api import terminal

    with open_service(options) as service:
        queued, failed = _each(service, options.documents, lambda service, file: service.retry(file.id))
        with terminal.progress(len(queued)) as shown:
            finished = _finished(service, queued, shown)
    files = [finished.get(file.id, file) for file in queued]
    if options.json:
        print_json({"files": [file.model_dump(mode="json") for file in files], "failed": failed})
    else:
        terminal.show_files(files)
    return FAILED if failed or any(file.finished and file.stage != "ready" for file in files) else DONE


def _each(
    service: "Service", names: Sequence[str], act: "Callable[[Service, File], T]"
) -> "tuple[list[T], list[dict[str, str]]]":
    """What was done to the document of each name; one that cannot be done does not stop the others."""
    from api.service import the_one
    from core.errors import SightlineError

    done, failed = [], []
    files = service.files()
    for name in names:
        try:
            done.append(act(service, the_one(files, name)))
        except SightlineError as error:
            failed.append({"name": name, "reason": error.message})
            print(f"sightline: {error.message}", file=sys.stderr)
    return done, failed


def pause(options: argparse.Namespace) -> int:
    with open_service(options, create=True) as service:
        state = service.pause()
    return _show_ingestion(options, state, "ingestion is paused; {} documents wait")


def resume(options: argparse.Namespace) -> int:
    with open_service(options) as service:
        state = service.resume()
    return _show_ingestion(options, state, "ingestion goes on; {} documents wait")


def compact(options: argparse.Namespace) -> int:
    with open_service(options) as service:
        done = service.compact()
    if options.json:
        print_json(done.model_dump(mode="json"))
    else:
        sizes = f"{done.bytes_before / 1e6:.1f} MB before, {done.bytes_after / 1e6:.1f} MB after"
        print(f"nothing of what was deleted is left in the state; {sizes}", file=sys.stderr)
    return DONE


def _show_ingestion(options: argparse.Namespace, state: "Ingestion", words: str) -> int:
    if options.json:
        print_json(state.model_dump(mode="json"))
    else:
        print(words.format(state.waiting), file=sys.stderr)
    return DONE


def rekey(options: argparse.Namespace) -> int:
    from api.assemble import open_sightline
    from core.types import DEFAULT_TENANT

    with open_sightline(settings_of(options), create=False) as sightline:
        done = sightline.pipeline.rekey(DEFAULT_TENANT)
    if options.json:
        print_json({"documents": done})
    else:
        print(f"keys of {done} documents are new", file=sys.stderr)
    return DONE
