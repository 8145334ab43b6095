"""Models behind OpenAI-compatible servers (vLLM, SGLang, llama.cpp, transformers serve): the home of
langchain-openai.

Several replicas: the same evidence goes to the same replica while it is idle enough (its prefix cache
knows it), else to the one with least work. A replica that fails three times is left alone for a while
(circuit breaker); a request that fails before its first token is tried once more, on another replica
where there is one, else after the time that a busy server asks for. A stream that breaks after its first token is an error: half an answer is none.

A server that returns the experts that it chose (vLLM and SGLang with --enable-return-routed-experts) is asked
without a stream where they are to be counted: vLLM leaves them out of streams.
"""

import asyncio
import base64
import hashlib
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from core.errors import BackendError, BackendTimeout, SettingsError
from rag.vl.experts import Counts, ExpertSums, Routing

FAILURES = 3  # in a row, that open the circuit of a replica
REST = 30.0  # seconds that it stays open
TRIES = 2
LONGEST_WAIT = 5.0  # seconds, for a busy server that is the only one
BUSIER = 2  # requests more than the idlest: from there on affinity gives way

OpenModel = Callable[[str], Any]  # base URL -> LangChain chat model
_ROUTED = "routing"  # in the metadata of an answer


@dataclass(slots=True)
class _Replica:
    url: str
    open_model: OpenModel
    models: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = field(default_factory=WeakKeyDictionary)
    running: int = 0
    failures: int = 0
    rests_until: float = 0.0
    prefixes: dict[str, None] = field(default_factory=dict)

    @property
    def model(self) -> Any:
        """One for each event loop, which a connection does not outlive."""
        loop = asyncio.get_running_loop()
        if loop not in self.models:
            self.models[loop] = self.open_model(self.url)
        return self.models[loop]


class ServedModel:
    """Streams from one of `urls`. `clock` in seconds. `expert_sums`: where routed experts are counted, if at all."""

    def __init__(
        self,
        urls: Sequence[str],
        open_model: OpenModel,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        expert_sums: ExpertSums | None = None,
    ) -> None:
        if not urls:
            raise SettingsError("no address of a model server is given")
        self.open_model = open_model
        self._replicas = [_Replica(url, open_model) for url in urls]
        self._clock = clock
        self._wait = wait
        self.expert_sums = expert_sums

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
                    routing = chunk.response_metadata.pop(_ROUTED, None)
                    if routing and self.expert_sums:
                        self.expert_sums.add(routing, "")
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
                if all(one in failed for one in self._replicas):
                    await self._wait(_asked_to_wait(error))
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


def _asked_to_wait(error: Exception) -> float:
    """Seconds after which a busy server wants to be asked again; at most `LONGEST_WAIT`."""
    response: Any = getattr(error, "response", None)
    told = str(response.headers.get("retry-after", "")) if response is not None else ""
    return min(float(told), LONGEST_WAIT) if told.replace(".", "", 1).isdecimal() else 0.0


def _told(url: str, error: Exception) -> BackendError:
    import httpx
    import openai

    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return BackendTimeout(f"the model server at {url} did not answer in time")
    return BackendError(f"the model server at {url} failed: {error}")


def open_served(
    urls: Sequence[str],
    *,
    model: str,
    api_key: str,
    timeout: float,
    max_tokens: int,
    experts: int = 0,
) -> ServedModel:
    """`timeout` in seconds, for the whole request and between two pieces. `experts`: of a layer, where those that
    the server returns are counted; 0: they are not. Raises SettingsError without langchain-openai.
    """
    try:
        from langchain_openai import ChatOpenAI
        from openai import DefaultAsyncHttpxClient
    except ImportError as error:
        raise SettingsError(
            "a served model needs the extra 'models' (langchain-openai): pip install 'sightline[models]'"
        ) from error
    from pydantic import SecretStr

    class Routed(ChatOpenAI):
        """Keeps the experts of a whole answer, which the OpenAI SDK lets pass as fields that it does not know."""

        def _create_chat_result(self, response: Any, generation_info: Any = None) -> Any:
            result = super()._create_chat_result(response, generation_info)
            routing = routing_of(response if isinstance(response, dict) else response.model_dump(), experts)
            if routing:
                result.generations[0].message.response_metadata[_ROUTED] = routing
            return result

    def open_model(url: str) -> Any:
        return (Routed if experts else ChatOpenAI)(
            model=model,
            base_url=url,
            api_key=SecretStr(api_key or "none"),
            timeout=timeout,
            stream_chunk_timeout=timeout,
            max_retries=0,
            max_completion_tokens=max_tokens,
            temperature=0,
            stream_usage=True,
            disable_streaming=bool(experts),
            http_async_client=DefaultAsyncHttpxClient(),  # else shared by all event loops, dead ones too
            default_headers={"Connection": "close"},  # an answer takes long, a handshake does not
        )

    return ServedModel(urls, open_model, expert_sums=ExpertSums() if experts else None)


# ---------------------------------------------------------------- experts that the server chose


def routing_of(response: Mapping[str, Any], experts: int) -> Routing | None:
    """Counts of a whole answer with `prompt_routed_experts` and `routed_experts`; None where it has neither.

    Both are (tokens, layers, k) expert numbers, as lists or as base64 of a saved numpy array. What of the prompt
    are images is not told: all of it counts as prompt.
    """
    choices: Sequence[Mapping[str, Any]] = response.get("choices") or ({},)
    (choice,) = choices
    made = _chosen(choice.get("routed_experts"))
    prompt = _chosen(response.get("prompt_routed_experts") or choice.get("prompt_routed_experts"))
    known = made if made is not None else prompt
    if known is None:
        return None
    none: Counts = np.zeros((known.shape[1], experts), np.int64)
    return Routing(
        {
            "image": none,
            "prompt": none if prompt is None else _counted(prompt, experts),
            "answer": none if made is None else _counted(made, experts),
        }
    )


def _chosen(told: Any) -> Counts | None:
    """(tokens, layers, k). Raises ValueError for what is no such array."""
    if told is None:
        return None
    array = (
        np.load(io.BytesIO(base64.b64decode(told)), allow_pickle=False)
        if isinstance(told, str)
        else np.array(told)
    )
    if array.ndim != 3:
        raise ValueError(
            f"routed experts have {array.ndim} dimensions; tokens, layers and choices are expected"
        )
    return array.astype(np.int64)


def _counted(chosen: Counts, experts: int) -> Counts:
    return np.stack(
        [np.bincount(layer.reshape(-1), minlength=experts) for layer in chosen.transpose(1, 0, 2)]
    )
