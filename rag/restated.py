"""HITS -> HITS with the newest statement of a figure first, and what other documents state otherwise named.

For questions that name a period. What counts as restated is `rag/conflicts.py`'s to say.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.types import Access, Hit
from rag.conflicts import Conflicts, Stated
from rag.plan import Plan

_LOOKED_AT = 10  # hits, from the best
_MOST = 5  # restatements of one passage


class Restated(NamedTuple):
    """A figure of a hit, and what another document states for the same thing."""

    ours: Stated
    theirs: Stated


@dataclass(frozen=True, slots=True)
class Restatements:
    conflicts: Conflicts

    def of(
        self, hits: Sequence[Hit], asked: Plan, access: Access, documents: Collection[str] | None
    ) -> tuple[list[Hit], dict[str, list[Restated]]]:
        """As many hits, a later statement before the earlier one that it replaces; what is restated, by passage.

        A later one that was not found is taken in. `documents`: those that count; None: all.
        """
        found: dict[str, list[Restated]] = defaultdict(list)
        if not asked.periods:
            return list(hits), found
        restated = self._among(hits[:_LOOKED_AT], asked, access, documents)
        ordered = list(hits)
        for one in restated:
            if one.theirs.is_later_than(one.ours):
                ordered = _before(ordered, one.theirs, one.ours.chunk.id)
        ordered = ordered[: len(hits)]
        known = {hit.chunk.id for hit in hits}
        restated += self._among(
            [hit for hit in ordered if hit.chunk.id not in known], asked, access, documents
        )
        for one in restated:
            found[one.ours.chunk.id].append(one)
        return ordered, {chunk_id: several[:_MOST] for chunk_id, several in found.items()}

    def _among(
        self, hits: Sequence[Hit], asked: Plan, access: Access, documents: Collection[str] | None
    ) -> list[Restated]:
        return [
            Restated(ours, theirs)
            for ours in self.conflicts.stated([hit.chunk for hit in hits], asked, access)
            for theirs in self.conflicts.otherwise(ours, asked, access, documents)
        ]


def _before(hits: list[Hit], stated: Stated, chunk_id: str) -> list[Hit]:
    """The hits with the passage of `stated` before this passage, with its score."""
    at = next(place for place, hit in enumerate(hits) if hit.chunk.id == chunk_id)
    known = next((place for place, hit in enumerate(hits) if hit.chunk.id == stated.chunk.id), None)
    if known is not None and known < at:
        return hits
    mover = hits[known] if known is not None else replace(hits[at], chunk=stated.chunk, legs={}, path=())
    rest = [hit for hit in hits if hit.chunk.id != stated.chunk.id]
    return [*rest[:at], replace(mover, score=hits[at].score), *rest[at:]]
