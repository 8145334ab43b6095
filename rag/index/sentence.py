"""Any sentence-transformers model as text embedder, by name or folder, computed by torch.

Knows how such a model is found, named and counted. The model's own prompts for documents and
questions are used. Nothing is fetched here by ourselves: a name is looked up where the library
looks (its cache, then the hub, unless HF_HUB_OFFLINE is set).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from core.errors import SettingsError
from core.types import Chunk, Vector
from rag.torch_compat import make_torchvision_importable

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the order of `encode_document`
_UNLIMITED = 10**6  # models without a limit of their own say so with a huge number


class SentenceEmbedder:
    """`Embedder` on a sentence-transformers model."""

    def __init__(self, name: str, *, languages: frozenset[str], threads: int = 0) -> None:
        self._model = _load(name, threads)
        self._languages = languages
        self._name = f"{Path(name).name}@{_fingerprint(self._model)}/{_precision(self._model)}"
        # torch modules are safe to read from several threads, the tokenizer's truncation is not.
        self._encoding = Lock()
        self.tokens_seen = 0
        self.tokens_dropped = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def size(self) -> int:
        return int(self._model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        return min(int(self._model.max_seq_length or _UNLIMITED), _UNLIMITED)

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text as a document: the model's prompt and special tokens are counted."""
        if not texts:
            return []
        prompt = self._document_prompt()
        with self._encoding:
            encoded = self._model.tokenizer(
                [prompt + text for text in texts], truncation=False, padding=False, verbose=False
            )
        return [len(ids) for ids in encoded["input_ids"]]

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        texts = [chunk.embedded_text for chunk in chunks]
        if not texts:
            return np.empty((0, self.size), dtype=np.float32)
        counts = self.count_tokens(texts)
        with self._encoding:
            self.tokens_seen += sum(min(count, self.max_tokens) for count in counts)
            self.tokens_dropped += sum(max(count - self.max_tokens, 0) for count in counts)
            vectors = self._model.encode_document(texts, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def query(self, text: str) -> Vector:
        with self._encoding:
            vector = self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)

    def _document_prompt(self) -> str:
        prompts = self._model.prompts
        for kind in _DOCUMENT_PROMPTS:
            if prompts.get(kind):
                return str(prompts[kind])
        return str(prompts.get(self._model.default_prompt_name) or "")


def _load(name: str, threads: int) -> Any:
    """Raises SettingsError, saying what is right, when `name` is no model that can be loaded."""
    right = (
        "right are 'minilm', a folder that holds a sentence-transformers model, "
        "or the 'owner/name' of one that is in the local cache or can be fetched"
    )
    # Without this a misspelt 'minilm' would be asked of the hub, for a minute where there is no network.
    if not name or ("/" not in name and not Path(name).is_dir()):
        raise SettingsError(f"unknown embedder {name!r}; {right}", param="embedder")
    try:
        make_torchvision_importable()
        import torch
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"embedder {name!r} needs the extra 'models': pip install 'sightline[models]'"
        ) from error
    if threads:
        torch.set_num_threads(threads)
    try:
        return SentenceTransformer(name)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(
            f"embedder {name!r} cannot be loaded ({reason}); {right}", param="embedder"
        ) from error


def _fingerprint(model: Any) -> str:
    """Eight hex digits of the weights: 64 evenly spaced values of every tensor, by name.

    Two trainings of one network differ everywhere, so a sample tells them apart at a thousandth
    of the cost of the whole.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        sample = flat[:: max(1, len(flat) // 64)][:64].float().cpu().numpy()
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(sample.tobytes())
    return digest.hexdigest()[:8]


def _precision(model: Any) -> str:
    """The number format of the weights, "f32" or "bf16"."""
    kind = str(next(model.parameters()).dtype).removeprefix("torch.")
    return {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}.get(kind, kind)
