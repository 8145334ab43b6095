"""Pages of the evidence as pictures for a model that sees: the ones that text alone tells least about."""

from collections.abc import Mapping, Sequence

from api import operations
from api.assemble import Sightline
from core.errors import InputError, NotFound
from core.types import Access, Evidence

_SHOWN = frozenset({"table", "figure"})  # layout says more than words


def pictures_of(sightline: Sightline, evidence: Sequence[Evidence], most: int) -> Mapping[str, bytes]:
    """A picture for each of at most `most` pages, by the key of the first evidence on it; tables and
    figures first. What cannot be drawn is left out.
    """
    found: dict[str, bytes] = {}
    seen: set[tuple[str, int]] = set()
    for item in sorted(evidence, key=lambda item: item.chunk.kind not in _SHOWN):
        chunk = item.chunk
        page = next((place.page for place in chunk.places if place.page is not None), None)
        if page is None or (chunk.doc_id, page) in seen or len(found) >= most:
            continue
        seen.add((chunk.doc_id, page))
        try:
            data = operations.page_image(
                sightline, chunk.doc_id, page, (), Access(chunk.tenant, chunk.access)
            )
        except (NotFound, InputError):
            continue  # the text is there all the same
        if data:
            found[item.key] = data
    return found
