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
        ordered = list(hits)
        for hit in hits[:_LOOKED_AT]:
            for ours in self.conflicts.stated([hit.chunk], asked, access):
                for theirs in self.conflicts.otherwise(ours, asked, access, documents):
                    if len(found[hit.chunk.id]) < _MOST:
                        found[hit.chunk.id].append(Restated(ours, theirs))
                    if theirs.is_later_than(ours):
                        ordered = _before(ordered, theirs, hit)
        newcomers = [hit for hit in ordered if hit.chunk.id not in {one.chunk.id for one in hits}]
        for hit in newcomers:
            for ours in self.conflicts.stated([hit.chunk], asked, access):
                others = self.conflicts.otherwise(ours, asked, access, documents)
                found[hit.chunk.id] += [Restated(ours, theirs) for theirs in others][:_MOST]
        return ordered[: len(hits)], {key: value for key, value in found.items() if value}


def _before(hits: list[Hit], stated: Stated, other: Hit) -> list[Hit]:
    """The hits with the passage of `stated` before `other`, with its score where it was not found itself."""
    at = next(place for place, hit in enumerate(hits) if hit.chunk.id == other.chunk.id)
    known = next((place for place, hit in enumerate(hits) if hit.chunk.id == stated.chunk.id), None)
    if known is not None and known < at:
        return hits
    mover = hits[known] if known is not None else replace(other, chunk=stated.chunk, legs={}, path=())
    rest = [hit for hit in hits if hit.chunk.id != stated.chunk.id]
    return [*rest[:at], replace(mover, score=other.score), *rest[at:]]
