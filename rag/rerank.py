"""Rerankers: a cross-encoder of sentence-transformers in this process, or a server's /rerank.

Knows how such a model is found and asked; nothing of retrieval. None by default: a model that is
good at it weighs more than the rest of the embedded default together.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from core.errors import BackendError, BackendTimeout, SettingsError
from core.ports import Reranker
from core.types import Chunk
from rag.torch_compat import make_torchvision_importable

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 30.0  # seconds


def open_reranker(name: str, *, model: str = "", api_key: str = "", threads: int = 0) -> Reranker:
    """`name`: the URL of a /rerank route, where `model` says which; else a cross-encoder's folder or
    name. Raises SettingsError, saying what is right.
    """
    if name.startswith(("http://", "https://")):
        return ServedReranker(name, model=model, api_key=api_key)
    return CrossEncoderReranker(name, threads=threads)


class CrossEncoderReranker:
    """`Reranker` on a sentence-transformers CrossEncoder with one output."""

    def __init__(self, name: str, *, threads: int = 0) -> None:
        self._model = _load(name, threads)
        # torch modules are safe to read from several threads, the tokenizer's truncation is not.
        self._ranking = Lock()

    def rank(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        if not chunks:
            return []
        pairs = [(question, chunk.indexed_text) for chunk in chunks]
        with self._ranking:
            return [float(score) for score in self._model.predict(pairs, show_progress_bar=False)]


class ServedReranker:
    """`Reranker` on a server that speaks the /rerank form of Jina and Cohere, as vLLM does."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str = "",
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        import httpx

        self._url = url
        self._model = model
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        # A proxy from the environment would carry private documents away.
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT, trust_env=False, transport=transport)

    def rank(self, question: str, chunks: Sequence[Chunk]) -> list[float]:
        """Raises BackendError where the server fails or leaves a passage out."""
        if not chunks:
            return []
        asked = {"query": question, "documents": [chunk.indexed_text for chunk in chunks]}
        return _scores(self._ask({**asked, "model": self._model} if self._model else asked), len(chunks))

    def _ask(self, body: dict[str, Any]) -> Any:
        import httpx

        try:
            response = self._http.post(self._url, json=body)
            response.raise_for_status()
            return response.json()
        except httpx.TimeoutException as error:
            raise BackendTimeout(f"the reranker at {self._url} gave no answer in {_TIMEOUT:.0f} s") from error
        except httpx.HTTPStatusError as error:
            told = f"{error.response.status_code} {error.response.text[:200]}"
            raise BackendError(f"the reranker at {self._url} answered {told}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise BackendError(f"the reranker at {self._url} cannot be used ({error})") from error


def _scores(told: Any, count: int) -> list[float]:
    """The scores in the order of the passages, whatever the order of the results."""
    try:
        by_index = {int(item["index"]): float(item["relevance_score"]) for item in told["results"]}
    except (KeyError, TypeError, ValueError) as error:
        raise BackendError(f"the reranker's answer is not understood: {error!r}") from error
    if sorted(by_index) != list(range(count)):
        raise BackendError(f"the reranker scored passages {sorted(by_index)}, asked were {count}")
    return [by_index[number] for number in range(count)]


def _load(name: str, threads: int) -> Any:
    """Raises SettingsError, saying what is right, when `name` is no model that can be loaded."""
    right = (
        "right are the URL of a /rerank route, a folder that holds a cross-encoder, "
        "or the 'owner/name' of one that is in the local cache or can be fetched"
    )
    if "/" not in name and not Path(name).is_dir():
        raise SettingsError(f"unknown reranker {name!r}; {right}", param="reranker")
    try:
        make_torchvision_importable()
        import torch
        from sentence_transformers import CrossEncoder
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"reranker {name!r} needs the extra 'models': pip install 'sightline[models]'"
        ) from error
    if threads:
        torch.set_num_threads(threads)
    try:
        model = CrossEncoder(name)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(
            f"reranker {name!r} cannot be loaded ({reason}); {right}", param="reranker"
        ) from error
    if model.num_labels != 1:
        raise SettingsError(
            f"reranker {name!r} has {model.num_labels} outputs; right is a cross-encoder with one",
            param="reranker",
        )
    return model
