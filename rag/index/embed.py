"""Text embedders by name: the one place that chooses.

"minilm" (or "minilm:int8", "minilm:bf16", "minilm:f32") is the default, computed by OpenVINO; anything else is
a sentence-transformers model by name or folder, computed by torch (extra `models`).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from core.types import Chunk, Vector

_DEFAULTS: Mapping[str, Literal["int8", "bf16", "f32"] | None] = {
    "minilm": None,
    "minilm:int8": "int8",
    "minilm:bf16": "bf16",
    "minilm:f32": "f32",
}


class TextEmbedder(Protocol):
    """`core.ports.Embedder` for text, with the tokens of its passages in view: those that reached
    the encoder, and those of passages longer than `max_tokens` that did not.
    """

    tokens_seen: int
    tokens_dropped: int

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def languages(self) -> frozenset[str]: ...
    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...
    def chunks(self, chunks: Sequence[Chunk]) -> Vector: ...
    def query(self, text: str) -> Vector: ...


def open_embedder(name: str, *, languages: frozenset[str], threads: int = 0) -> TextEmbedder:
    """Raises SettingsError when there is no such model.

    "minilm" takes the number format that suits the processor; "minilm:f32" and "minilm:bf16" open an
    index that was made in these formats also where another suits.
    """
    if name in _DEFAULTS:
        from rag.index.minilm import MiniLM

        return MiniLM(languages=languages, threads=threads, precision=_DEFAULTS[name])
    from rag.index.sentence import SentenceEmbedder

    return SentenceEmbedder(name, languages=languages, threads=threads)
