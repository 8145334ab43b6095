"""A library that is written while its processes die: what was promised to its users, and whether it holds.

The client does as an honest client does: what was acknowledged it relies on, what was not it does again.
Knows the service by its HTTP routes alone; what lies in the state is counted by `counted`, in a process
that opens it when all others have ended.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
from sqlalchemy import func, select

from api.assemble import Sightline
from kg import tables

PATIENCE = 120.0  # seconds after which what was promised counts as lost
_LOOK = 0.2  # seconds between two looks at what is being worked on
_PAGES = 2


class Gone(Exception):
    """The server died before it answered."""


class Wrong(NamedTuple):
    """What did not hold, in documents."""

    lost: int = 0
    doubled: int = 0
    half_visible: int = 0

    def __add__(self, other: "Wrong") -> "Wrong":  # type: ignore[override]
        return Wrong(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass
class Library:
    """`texts`: what was acknowledged, by name; each has a word that no other has."""

    url: str
    texts: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # the word of a text
    gone: set[str] = field(default_factory=set)  # words that may not be found any more
    ids: dict[str, str] = field(default_factory=dict)
    numbers: int = 0
    # One for all: making one costs more than a request. Loopback, so no certificates.
    http: httpx.Client = field(
        default_factory=lambda: httpx.Client(trust_env=False, verify=False, timeout=PATIENCE)
    )

    # ------------------------------------------------------------ what a client does

    def fresh(self, name: str) -> str:
        """A text that nobody has seen, for this name."""
        self.numbers += 1
        word = f"quokka{self.numbers}"
        text = _text(name, word)
        self.words[text] = word
        return text

    def put(self, name: str, text: str) -> None:
        """Also again under the same name, with another text. Raises Gone; then nothing was promised."""
        told = self._ask("POST", "/v1/files", data={"source": name}, files={"file": (name, text.encode())})
        self.texts[name], self.ids[name] = text, told["id"]

    def delete(self, name: str) -> None:
        """All that goes by this name: an older text is live until the newest one is, and a deletion names
        one document. Raises Gone; then some may be gone or not, and they are asked for again.
        """
        for doc_id in [file["id"] for file in self._files() if file["source"] == name]:
            with suppress(KeyError):  # done before the server died
                self._ask("DELETE", f"/v1/files/{doc_id}")
        self.gone.update(word for text, word in self.words.items() if text.startswith(_title(name)))

    def expect_nothing_of(self, name: str) -> None:
        del self.ids[name], self.texts[name]

    def settle(self) -> list[str]:
        """Waits until all that was promised is ready, for `PATIENCE` at most. Returns what is not. Raises Gone."""
        deadline = time.monotonic() + PATIENCE
        while True:
            stages = {file["id"]: file["stage"] for file in self._files()}
            left = [name for name, doc_id in self.ids.items() if stages.get(doc_id) != "ready"]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(_LOOK)

    def seen(self) -> Wrong:
        """Compares what is found with what is said to be searchable, both in one moment."""
        half = 0
        files = {file["source"]: file for file in self._files()}
        for name, text in self.texts.items():
            file = files.get(name)
            found = self._found(self.words[text])
            if file is None or file["id"] != self.ids[name]:
                continue  # an older text of this name is live until this one is
            if file["searchable"]:
                half += len(found) != _PAGES
            elif found:  # unless it went live between the two looks
                half += not self._file(name)["searchable"]
        half += sum(1 for word in self.gone if self._found(word))
        return Wrong(half_visible=half)

    def _file(self, name: str) -> dict[str, Any]:
        file: dict[str, Any] = self._ask("GET", f"/v1/files/{self.ids[name]}")
        return file

    def _files(self) -> list[dict[str, Any]]:
        files: list[dict[str, Any]] = self._ask("GET", "/v1/files", params={"limit": 1000})["data"]
        return files

    def _found(self, word: str) -> list[str]:
        hits = self._ask("POST", "/v1/search", json={"query": word, "limit": 20})["data"]
        return [hit["id"] for hit in hits if word in hit["text"].split()]

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = self.http.request(method, self.url + path, **request)
        except httpx.TransportError as error:
            raise Gone from error
        if response.status_code == 404:
            raise KeyError(path)
        response.raise_for_status()
        return response.json()

    # ------------------------------------------------------------ what lies in the state

    def judged(self, counts: dict[str, Any]) -> Wrong:
        """`counts` as `counted` gives them, when every process has ended."""
        lost = sum(1 for doc_id in self.ids.values() if counts["live"].get(doc_id) is None)
        expected = len(self.ids)
        surplus = [
            counts["points"] - sum(chunks for chunks in counts["live"].values()),
            counts["graph"] - expected,
            counts["documents"] - expected,
            counts["passages"] - counts["points"],
        ]
        doubled = sum(1 for number in surplus if number != 0) + counts["unreconciled"]
        half = sum(
            1 for number in (counts["blobs"] - expected, counts["retired"], counts["scratch"]) if number
        )
        return Wrong(lost, doubled, half)


def counted(sightline: Sightline) -> dict[str, Any]:
    """Every kind of trace that documents leave, counted where it lies."""
    # What processes had begun when they ended goes on first, as it does at every start; nothing may be
    # left over when it is done. Until then older versions, which nobody sees, may lie there.
    sightline.open("jobs")
    sightline.jobs.drain(timeout=PATIENCE)
    catalog, tenant = sightline.catalog, "default"
    recount = sightline.reconciler.run()
    files = catalog.list_files(tenant, limit=10_000)
    with sightline.engine.connect() as connection:
        graph = connection.scalar(select(func.count()).select_from(tables.documents))
        passages = connection.scalar(select(func.count()).select_from(tables.passages))
    scratch = sightline.settings.state / "scratch"
    return {
        "live": {file.id: file.chunks for file in files if file.live_version is not None},
        "documents": len(files),
        "points": sightline.store.count(tenant),
        "graph": graph,
        "passages": passages,
        "blobs": sum(1 for _ in sightline.media.keys(tenant)),
        "unreconciled": len(recount.findings),
        "retired": len(catalog.retired()),
        "scratch": len(list(scratch.iterdir())) if scratch.exists() else 0,
    }


def _title(name: str) -> str:
    return f"# Of {name}"


def _text(name: str, word: str) -> str:
    """Two sections, so two passages, each with the word."""
    chapters = (
        f"{_title(name)}, part {number}\n\nThe {word} of {name} is described in part {number} by Ada Lovelace.\n"
        for number in range(1, _PAGES + 1)
    )
    return "\n".join(chapters)
