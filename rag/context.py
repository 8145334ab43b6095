"""HITS -> EVIDENCE: what the answerer may read, in order, within a budget of tokens.

Drops near-duplicates, brings the neighbour of a passage that was cut, and gives each document its
turn when several are compared. Knows nothing of how hits were found or how answers are made.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from core.ids import chunk_id
from core.ports import VectorStore
from core.text import CJK, tokens
from core.types import Access, Chunk, Evidence, Hit
from rag.plan import Plan

_ALIKE = 0.9  # share of common terms from which two passages say the same
_MOST = 24  # passages


def build_context(
    hits: Sequence[Hit], asked: Plan, *, store: VectorStore, access: Access, budget: int
) -> list[Evidence]:
    """Evidence "S1", "S2" ... of at most about `budget` tokens, the most relevant first.

    At least one passage is given when there is a hit, however long it is.
    """
    found = _without_repeats(_with_neighbours(_in_turn(hits, asked), store, access))
    kept: list[Hit] = []
    spent = 0
    for hit in found:
        spent += count_tokens(hit.chunk.indexed_text)
        if (kept and spent > budget) or len(kept) == _MOST:
            break
        kept.append(hit)
    return [
        Evidence(f"S{number}", hit.chunk, hit.score, frozenset(hit.legs), hit.path)
        for number, hit in enumerate(kept, start=1)
    ]


def count_tokens(text: str) -> int:
    """About what a model's tokenizer would count: a Chinese character is one, a word four thirds."""
    chinese = len(re.findall(f"[{CJK}]", text))
    return chinese + len(re.findall(rf"[^\W{CJK}]+|[^\w\s]", text)) * 4 // 3


def _in_turn(hits: Sequence[Hit], asked: Plan) -> list[Hit]:
    """For a comparison the best passages of each document alternate; else the order given."""
    if asked.kind != "comparison":
        return list(hits)
    documents: dict[str, list[Hit]] = {}
    for hit in hits:
        documents.setdefault(hit.chunk.doc_id, []).append(hit)
    return [hit for turn in zip_longest(*documents.values()) for hit in turn if hit is not None]


# ---------------------------------------------------------------- neighbours


def _with_neighbours(hits: Sequence[Hit], store: VectorStore, access: Access) -> Iterator[Hit]:
    """After each passage that begins or ends inside a sentence or a table, the one it goes on in."""
    wanted = {hit.chunk.id: _cut_sides(hit.chunk) for hit in hits[:_MOST]}
    ids = dict.fromkeys(identity for sides in wanted.values() for identity in sides)
    neighbours = {chunk.id: chunk for chunk in store.get(list(ids), access=access)} if ids else {}
    for hit in hits:
        yield hit
        for identity in wanted.get(hit.chunk.id, ()):
            neighbour = neighbours.get(identity)
            if neighbour and access.allows(neighbour) and neighbour.section == hit.chunk.section:
                yield Hit(neighbour, hit.score * 0.9, hit.legs)


_ENDS = re.compile(r"[.!?;。！？；]['\"”’)\]）」』]*\s*$")


def _cut_sides(chunk: Chunk) -> list[str]:
    """Ids of the neighbours that a passage of running text leans on."""
    if chunk.kind != "text":
        return []
    ids: list[str] = []
    if chunk.ordinal and re.match(r"[a-z,;)，；）、]", chunk.text):
        ids.append(chunk_id(chunk.tenant, chunk.doc_id, chunk.version, chunk.ordinal - 1))
    if not _ENDS.search(chunk.text):
        ids.append(chunk_id(chunk.tenant, chunk.doc_id, chunk.version, chunk.ordinal + 1))
    return ids


# ---------------------------------------------------------------- repeats


def _without_repeats(hits: Iterator[Hit]) -> Iterator[Hit]:
    """Passages that say the same as a better one are left out.

    Not those that differ in a number: this year's and last year's report share nearly all words.
    """
    seen: dict[str, frozenset[str]] = {}
    for hit in hits:
        terms = frozenset(tokens(hit.chunk.text))
        if hit.chunk.id in seen or any(_alike(terms, other) for other in seen.values()):
            continue
        seen[hit.chunk.id] = terms
        yield hit


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if len(one & other) < _ALIKE * max(len(one), len(other)):
        return False
    return not any(char.isdigit() for term in one ^ other for char in term)
