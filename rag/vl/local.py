"""A LangChain chat model around a sparse vision-language model in this process.

    with open_chat(Path("Qwen3-VL-30B-A3B-Instruct")) as chat:
        chat.invoke([HumanMessage([{"type": "image", "image": picture}, {"type": "text", "text": "..."}])])

Greedy unless told otherwise. Concurrent calls are batched behind one queue (`rag/vl/batching.py`);
errors in a request are raised before the model does anything. Imports LangChain: import it late.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from core.errors import InputError
from rag.vl.batching import Batcher, Batching
from rag.vl.engine import Options, open_engine
from rag.vl.messages import Limits, read_messages
from rag.vl.output import Delta, Event, Failed, Finished, Row, Sampling
from rag.vl.schema import check_schema

SAMPLED = ("max_tokens", "temperature", "top_p", "seed")


class ChatSparseVL(BaseChatModel):
    """`max_pixels` 0: the processor's own budget for one image. A call may override what is in `SAMPLED`,
    pass `stop`, `response_format` (as OpenAI's json_schema) and `question_kind` (a label for telemetry).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    batcher: Batcher = Field(exclude=True)
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    max_images: int = 16
    max_pixels: int = 0

    @property
    def _llm_type(self) -> str:
        return "sightline-sparse-vl"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.batcher.engine.folder.name, "temperature": self.temperature, "seed": self.seed}

    # ------------------------------------------------------------ LangChain's four ways to ask

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None, **options: Any,
    ) -> ChatResult:  # fmt: skip
        return _result(list(self._events(messages, stop, options)), self._identifying_params["model"])

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None, **options: Any,
    ) -> Iterator[ChatGenerationChunk]:  # fmt: skip
        for event in self._events(messages, stop, options):
            chunk = _chunk(event, self._identifying_params["model"])
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None, **options: Any,
    ) -> ChatResult:  # fmt: skip
        events = [event async for event in self._async_events(messages, stop, options)]
        return _result(events, self._identifying_params["model"])

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None, **options: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:  # fmt: skip
        async for event in self._async_events(messages, stop, options):
            chunk = _chunk(event, self._identifying_params["model"])
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    # ------------------------------------------------------------ events

    def _events(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> Iterator[Delta | Finished]:
        """A caller that stops reading cancels the generation."""
        queue: SimpleQueue[Event] = SimpleQueue()
        row = self._submit(messages, stop, options, queue.put)
        try:
            while True:
                event = _raised(queue.get())
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            row.cancelled = True

    async def _async_events(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> AsyncIterator[Delta | Finished]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def deliver(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, event)

        row = await asyncio.to_thread(self._submit, messages, stop, options, deliver)
        try:
            while True:
                event = _raised(await queue.get())
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            row.cancelled = True

    def _submit(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any], deliver: Any
    ) -> Row:
        given = dict(options)
        question_kind = str(given.pop("question_kind", ""))
        sampling = self._sampling(stop, given)
        pixels = self.max_pixels or self.batcher.engine.pixel_budget
        prompt = read_messages(messages, Limits(self.max_images, pixels))
        return self.batcher.submit(prompt, sampling, deliver, question_kind)

    def _sampling(self, stop: list[str] | None, options: dict[str, Any]) -> Sampling:
        """Raises InputError for an option that is not known or a schema that cannot be enforced."""
        schema = _schema(options.pop("response_format", None))
        unknown = sorted(set(options) - set(SAMPLED))
        if unknown:
            raise InputError(
                f"unknown option {unknown[0]!r}; known: {', '.join(SAMPLED)}, response_format, question_kind"
            )
        chosen = {name: options.get(name, getattr(self, name)) for name in SAMPLED}
        if chosen["max_tokens"] < 1 or chosen["temperature"] < 0 or not 0 < chosen["top_p"] <= 1:
            raise InputError(
                f"max_tokens must be 1 or more, temperature 0 or more, top_p in (0, 1], not {chosen}"
            )
        return Sampling(**chosen, stop=tuple(stop or ()), schema=schema)


@contextmanager
def open_chat(
    folder: Path, options: Options | None = None, batching: Batching | None = None, **fields: Any
) -> Iterator[ChatSparseVL]:
    """Loads a model folder. Raises InputError before any weight is read where the folder will not do."""
    with Batcher(open_engine(folder, options or Options()), batching) as batcher:
        yield ChatSparseVL(batcher=batcher, **fields)


def _schema(response_format: Any) -> Any:
    if response_format is None or response_format.get("type") == "text":
        return None
    if response_format.get("type") != "json_schema":
        raise InputError(f"response_format of type {response_format.get('type')!r}; known: text, json_schema")
    schema = response_format["json_schema"]["schema"]
    check_schema(schema)
    return schema


def _raised(event: Event) -> Delta | Finished:
    if isinstance(event, Failed):
        raise event.error
    return event


def _result(events: Sequence[Delta | Finished], model: str) -> ChatResult:
    deltas = [event for event in events if isinstance(event, Delta)]
    (finished,) = [event for event in events if isinstance(event, Finished)]
    message = AIMessage(
        "".join(delta.text for delta in deltas if not delta.thought),
        additional_kwargs=_thoughts("".join(delta.text for delta in deltas if delta.thought)),
        response_metadata=_metadata(finished, model),
        usage_metadata=_usage(finished),
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunk(event: Delta | Finished, model: str) -> ChatGenerationChunk:
    if isinstance(event, Finished):
        message = AIMessageChunk(
            content="", response_metadata=_metadata(event, model), usage_metadata=_usage(event)
        )
    elif event.thought:
        message = AIMessageChunk(content="", additional_kwargs=_thoughts(event.text))
    else:
        message = AIMessageChunk(content=event.text)
    return ChatGenerationChunk(message=message)


def _thoughts(text: str) -> dict[str, Any]:
    return {"reasoning_content": text} if text else {}


def _metadata(finished: Finished, model: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "model_name": model,
        "finish_reason": finished.finish,
        "token_ids": list(finished.token_ids),
    }
    if finished.notes:
        told["notes"] = list(finished.notes)
    if finished.routing is not None:
        told["experts"] = {name: counts.tolist() for name, counts in finished.routing.counts.items()}
    return told


def _usage(finished: Finished) -> UsageMetadata:
    made = len(finished.token_ids)
    return UsageMetadata(
        input_tokens=finished.prompt_tokens, output_tokens=made, total_tokens=finished.prompt_tokens + made,
        input_token_details={"cache_read": finished.reused},
    )  # fmt: skip
