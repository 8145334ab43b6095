"""FOLDER -> ANSWERING MODEL in this process: loaded when it is first asked, closed with the service.

One model, one generating thread (`rag/vl/batching.py`); who comes meanwhile waits in its queue. Looks at
the folder at once, so that a wrong one stops the start and not the first question. Imports LangChain and
torch inside functions.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

from core.errors import BackendError, InputError, SettingsError
from rag.vl.engine import Options
from rag.vl.experts import ExpertSums
from rag.vl.folder import check_folder


class LocalModel:
    """LangChain's `astream` over a model folder. `name`: of the folder."""

    def __init__(self, folder: Path, options: Options, *, max_tokens: int) -> None:
        self.name = check_folder(folder).name
        self.folder = folder
        self._options = options
        self._max_tokens = max_tokens
        self._opening = Lock()
        self._opened = ExitStack()
        self._chat: Any = None
        self._closed = False

    async def astream(self, input: Any, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002 LangChain's name
        """Raises as `ChatSparseVL`, BackendError once closed."""
        chat = await asyncio.to_thread(self._open)
        async for chunk in chat.astream(input, **kwargs):
            yield chunk

    @property
    def engine(self) -> Any:
        """The engine once it is loaded, else None."""
        return self._chat.batcher.engine if self._chat else None

    @property
    def expert_sums(self) -> ExpertSums | None:
        """What its experts worked on so far; None where they are not watched, or it was not asked yet."""
        engine = self.engine
        return engine.watch.sums if engine and engine.watch else None

    def close(self) -> None:
        with self._opening:
            self._closed = True
            self._chat = None
            self._opened.close()

    def _open(self) -> Any:
        from rag.vl.local import open_chat

        with self._opening:
            if self._closed:
                raise BackendError("the local model is closed")
            if self._chat is None:
                opened = open_chat(self.folder, self._options, max_tokens=self._max_tokens)
                self._chat = self._opened.enter_context(opened)
            return self._chat


def open_local(model: str, options: Options, *, max_tokens: int) -> LocalModel:
    """`model`: a folder, or the id of a model that Hugging Face's cache holds; nothing is downloaded.

    Raises SettingsError for what is neither, or cannot be answered with.
    """
    folder = Path(model)
    try:
        return LocalModel(folder if folder.is_dir() else _cached(model), options, max_tokens=max_tokens)
    except InputError as error:
        raise SettingsError(f"SIGHTLINE_MODEL={model!r}: {error.message}") from error


def _cached(model: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise SettingsError(
            "a local model needs the extra 'models' (transformers): pip install 'sightline[models]'"
        ) from error
    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise SettingsError(
            f"SIGHTLINE_MODEL={model!r} is neither a model folder nor in the local cache; give a folder, or "
            "SIGHTLINE_MODEL_URLS with the servers that serve it"
        ) from error
