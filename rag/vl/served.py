"""Models behind OpenAI-compatible servers (vLLM, SGLang, llama.cpp, transformers serve): the home of
langchain-openai.

Several replicas: the same evidence goes to the same replica while it is idle enough (its prefix cache
knows it), else to the one with least work. A replica that fails three times is left alone for a while
(circuit breaker); a request that fails before its first token is tried once more, on another replica
where there is one. A stream that breaks after its first token is an error: half an answer is none.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import BackendError, BackendTimeout, SettingsError

FAILURES = 3  # in a row, that open the circuit of a replica
REST = 30.0  # seconds that it stays open
TRIES = 2
BUSIER = 2  # requests more than the idlest: from there on affinity gives way

OpenModel = Callable[[str], Any]  # base URL -> LangChain chat model


@dataclass(slots=True)
class _Replica:
    url: str
    model: Any
    running: int = 0
    failures: int = 0
    rests_until: float = 0.0
    prefixes: dict[str, None] = field(default_factory=dict)


class ServedModel:
    """Streams from one of `urls`. `clock` in seconds."""

    def __init__(
        self, urls: Sequence[str], open_model: OpenModel, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not urls:
            raise SettingsError("no address of a model server is given")
        self._replicas = [_Replica(url, open_model(url)) for url in urls]
        self._clock = clock

    async def astream(self, input: Any, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002 LangChain's name
        """Raises BackendTimeout or BackendError where no replica answers."""
        prefix = prefix_of(input)
        failed: list[_Replica] = []
        for attempt in range(TRIES):
            replica = self._choose(prefix, failed)
            begun = finished = False
            replica.running += 1
            try:
                async for chunk in replica.model.astream(input, **kwargs):
                    begun = True
                    finished = finished or bool(chunk.response_metadata.get("finish_reason"))
                    yield chunk
                if not finished:
                    raise ConnectionError("the stream broke off")
            except _failures() as error:
                replica.failures += 1
                if replica.failures >= FAILURES:
                    replica.rests_until = self._clock() + REST
                failed.append(replica)
                if begun or attempt == TRIES - 1 or not _is_passing(error):
                    raise _told(replica.url, error) from error
            else:
                replica.failures = 0
                replica.prefixes[prefix] = None
                while len(replica.prefixes) > 1000:
                    replica.prefixes.pop(next(iter(replica.prefixes)))
                return
            finally:
                replica.running -= 1

    def _choose(self, prefix: str, failed: Sequence[_Replica]) -> _Replica:
        now = self._clock()
        able = [one for one in self._replicas if one.rests_until <= now and one not in failed]
        able = able or [one for one in failed if one.rests_until <= now] or list(failed)
        if not able:
            soon = min(one.rests_until for one in self._replicas) - now
            raise BackendError(f"every model server failed lately; the next try is in {soon:.0f} s")
        idlest = min(able, key=lambda one: one.running)
        knows = next((one for one in able if prefix in one.prefixes), idlest)
        return knows if knows.running < idlest.running + BUSIER else idlest


def prefix_of(messages: Any) -> str:
    """Names the part of a prompt that another question about the same evidence shares: all but its last text."""
    head = list(messages)
    parts = head[-1]["content"] if head and isinstance(head[-1], dict) else ""
    shared = [*head[:-1], parts[:-1] if isinstance(parts, list) else ""]
    return hashlib.sha256(json.dumps(shared, sort_keys=True, default=str).encode()).hexdigest()


def _failures() -> tuple[type[Exception], ...]:
    import httpx
    import openai

    return (openai.OpenAIError, httpx.HTTPError, TimeoutError, ConnectionError, ValueError)


def _is_passing(error: Exception) -> bool:
    """Would the same request succeed elsewhere, or later? Not if the server says that it is wrong."""
    status = getattr(error, "status_code", None)
    return status is None or status >= 500 or status in {408, 409, 429}


def _told(url: str, error: Exception) -> BackendError:
    import httpx
    import openai

    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return BackendTimeout(f"the model server at {url} did not answer in time")
    return BackendError(f"the model server at {url} failed: {error}")


def open_served(
    urls: Sequence[str], *, model: str, api_key: str, timeout: float, max_tokens: int
) -> ServedModel:
    """`timeout` in seconds, for the whole request and between two pieces. Raises SettingsError without langchain-openai."""
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise SettingsError(
            "a served model needs the extra 'models' (langchain-openai): pip install 'sightline[models]'"
        ) from error
    from pydantic import SecretStr

    def open_model(url: str) -> Any:
        return ChatOpenAI(
            model=model,
            base_url=url,
            api_key=SecretStr(api_key or "none"),
            timeout=timeout,
            stream_chunk_timeout=timeout,
            max_retries=0,
            max_completion_tokens=max_tokens,
            temperature=0,
            stream_usage=True,
        )

    return ServedModel(urls, open_model)
