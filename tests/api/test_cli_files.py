"""The commands about documents as a whole: the recount and what it repairs. They speak to a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.assemble import Sightline
from core.settings import Settings
from tests.api.small import add, listening, small
from tests.api.test_cli import Run, run

__all__ = ["run"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path / "state"))
    with listening(sightline):
        yield sightline
    sightline.close()


def test_a_recount_says_what_was_wrong_and_repairs_it(run: Run, served: Sightline) -> None:
    at = ("--state", served.settings.state)
    file_id = add(served, "a.txt", "Margins fell.")
    assert "everything adds up" in run("status", "--verify", *at).out
    served.store.delete("a", file_id)
    shown = run("status", "--verify", *at)
    assert shown.code == 0
    assert all(word in shown.out for word in ("a.txt", "vectors", "read again"))
    assert served.store.count("a") == 1


def test_a_recount_that_cannot_repair_everything_ends_with_1(run: Run, served: Sightline) -> None:
    at = ("--state", served.settings.state)
    file_id = add(served, "a.txt", "Margins fell.")
    served.media.delete("a", served.catalog.get("a", file_id).content_hash)
    told = run("status", "--verify", *at, "--json")
    assert (told.code, told.json["lost"], told.json["repaired"]) == (1, [file_id], [])
    assert "send it again" in run("status", "--verify", *at).out
    add(served, "a.txt", "Margins fell.")
    assert run("status", "--verify", *at).code == 0
