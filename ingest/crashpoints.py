"""The places where ingestion may be cut off: all of them by name, so that each can be tried.

The write path says `reached("after_upsert")` at each. In service that does nothing; a test hands in
something else, and SIGHTLINE_CRASHPOINT names one at which the process ends as if it were killed.
`python -m bench crash` goes through all of them.
"""

import os
from collections.abc import Callable, Mapping

from core.errors import SettingsError

Reached = Callable[[str], None]

POINTS: Mapping[str, str] = {
    # accept
    "after_keep_file": "the bytes are kept, the catalogue does not know them",
    "after_accept": "the row is written, nothing is queued",
    "after_enqueue": "the work is queued, nobody was told",
    "after_take": "it is its turn and marked as in work, no job knows it",
    # read
    "after_read": "the child has read, nothing of it is kept",
    "after_keep": "an artefact or images are kept, nothing refers to them",
    "after_refer": "they are referred to, the catalogue does not know the pages",
    "after_describe": "the pages are noted, the stage is not recorded as done",
    # index
    "after_upsert": "some points are written, not flushed",
    "after_flush": "all points are durable, the stage is not recorded as done",
    # publish
    "after_graph": "graph rows are written in a transaction that is open",
    "after_flip": "the version is live in a transaction that is open",
    "after_publish": "the version is live, the stage is not recorded as done",
    # sweep and delete
    "after_release": "the artefact is gone, older versions are there",
    "after_retire": "a document is hidden, all that was made from it is there",
    "after_delete_points": "its points are gone, its graph rows are there",
    "after_delete_graph": "its graph rows are gone, its blobs are there",
    "after_delete_media": "its blobs are gone in a transaction that is open",
    "before_forget": "all is gone but its row in the catalogue",
}


def nothing(_point: str) -> None:
    """What service does at each point."""


def dies_at(point: str) -> Reached:
    """Ends the process at this point, without a word to anybody; "" never. Raises SettingsError."""
    if not point:
        return nothing
    if point not in POINTS:
        raise SettingsError(f"unknown crash point {point!r}; known: {', '.join(POINTS)}")

    def reached(here: str) -> None:
        if here == point:
            os._exit(137)

    return reached
