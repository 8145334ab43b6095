"""A chat model's answer, held back until it is checked: labels become citations with boxes.

The model writes sentences with labels [S1]; each labelled sentence is tied to the words of that evidence
which say most of it. A label that was not given is removed. Numbers that the evidence does not support are
sent back once with the reason. Knows no server: a model is anything with LangChain's `astream`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from core.text import sentences
from core.types import Answer, Claim, Cost, Evidence, Message
from rag.cite import LABEL, Cited, Quote, Statement, cite
from rag.match import terms_of
from rag.plan import plan
from rag.prompt import ABSTAINS, correction, messages_for
from rag.units import units_of

_PIECES = re.compile(r".+?(?:\]\s*|$)", re.DOTALL)
_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\(\s*[^)\s]*[^)]*\)")

Unsupported = Callable[[str, Sequence[Evidence]], Sequence[Claim]]
Pictures = Callable[[Sequence[Evidence]], Mapping[str, bytes]]


class Speaks(Protocol):
    """LangChain's `BaseChatModel`, as far as it is used here."""

    def astream(self, input: Any, **kwargs: Any) -> AsyncIterator[Any]: ...  # noqa: A002 LangChain's name


@dataclass(frozen=True, slots=True)
class ModelName:
    """`active_parameters`: those that one token passes through; `flops_per_token`: of the language model;
    `watts`: drawn while it answers. Each 0 where it is not known.
    """

    name: str
    active_parameters: int = 0
    flops_per_token: int = 0
    watts: float = 0.0


def no_pictures(_evidence: Sequence[Evidence]) -> Mapping[str, bytes]:
    return {}


class SpokenAnswerer:
    """`unsupported` gives the claims of a text that the evidence does not bear out."""

    def __init__(
        self,
        model: Speaks,
        named: ModelName,
        *,
        secret: bytes,
        unsupported: Unsupported,
        pictures: Pictures = no_pictures,
    ) -> None:
        self._model = model
        self._named = named
        self._secret = secret
        self._unsupported = unsupported
        self._pictures = pictures

    async def stream(
        self, question: str, evidence: Sequence[Evidence], history: Sequence[Message]
    ) -> AsyncIterator[str | Answer]:
        """Pieces of the checked text, last the whole answer. Raises BackendError as the model does."""
        asked = plan(question, history)
        pictures = await asyncio.to_thread(self._pictures, evidence)
        messages = messages_for(
            asked.question, evidence, history, language=asked.language, pictures=pictures, secret=self._secret
        )
        began = time.monotonic()
        said = await self._said(messages)
        wrong = self._unsupported(said.text, evidence)
        if wrong:
            again = [*messages, {"role": "assistant", "content": said.text}]
            again.append(correction([said.text[claim.start : claim.end] for claim in wrong]))
            said = said.plus(await self._said(again))
        answer = self._answer(_labelled(said, tuple(pictures)), evidence, len(pictures))
        joules = self._named.watts * (time.monotonic() - began)
        answer = replace(answer, cost=replace(answer.cost, joules=joules))
        for piece in _PIECES.findall(answer.text):
            yield piece
        yield answer

    async def _said(self, messages: Sequence[Mapping[str, Any]]) -> "_Said":
        pieces: list[str] = []
        tokens_in = tokens_out = 0
        async for chunk in self._model.astream(list(messages)):
            pieces.append(_text_of(chunk.content))
            usage = getattr(chunk, "usage_metadata", None)
            if usage:
                tokens_in, tokens_out = int(usage["input_tokens"]), int(usage["output_tokens"])
        return _Said(_cleaned("".join(pieces)), tokens_in, tokens_out)

    def _answer(self, said: "_Said", evidence: Sequence[Evidence], images: int) -> Answer:
        cost = Cost(
            path="model with page images" if images else "model",
            model=self._named.name,
            active_parameters=self._named.active_parameters,
            tokens_in=said.tokens_in,
            tokens_out=said.tokens_out,
            images=images,
            flops=self._named.flops_per_token * (said.tokens_in + said.tokens_out),
        )
        if not said.text or said.text.startswith(ABSTAINS):
            reason = (
                said.text.removeprefix(ABSTAINS).strip(" .:-\n")
                or "the model found no answer in the evidence"
            )
            return Answer(
                f"Not in the documents: {reason}.",
                "not_found",
                evidence=tuple(evidence),
                cost=cost,
                reason=reason,
                gaps=("evidence_too_weak",),
                confidence=0.0,
            )
        cited = cited_of(said.text, evidence)
        return Answer(
            cited.text, "answered" if cited.citations else "partial", cited.citations, cited.claims, tuple(evidence), cost,
            "" if cited.citations else "the model named no evidence for its answer",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    tokens_in: int
    tokens_out: int

    def plus(self, later: "_Said") -> "_Said":
        """The later text, the tokens of both."""
        return replace(
            later, tokens_in=self.tokens_in + later.tokens_in, tokens_out=self.tokens_out + later.tokens_out
        )


def _labelled(said: _Said, pictures: Sequence[str]) -> _Said:
    """Where a single page was shown, an answer without any label is about that page."""
    if not said.text or said.text.startswith(ABSTAINS) or len(pictures) != 1 or LABEL.search(said.text):
        return said
    return replace(said, text=f"{said.text} [{pictures[0]}]")


def _text_of(content: Any) -> str:
    """A chunk's text; reasoning parts and others are left out."""
    if isinstance(content, str):
        return content
    return "".join(
        part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text"
    )


def _cleaned(text: str) -> str:
    """Without thinking, and without links that are not ours: the words of a link stay."""
    return _LINK.sub(r"\1", _THINKING.sub("", text)).strip()


# ---------------------------------------------------------------- labels to citations


def cited_of(text: str, evidence: Sequence[Evidence]) -> Cited:
    """The text with a citation for each labelled sentence; labels that were not given are removed."""
    by_key = {item.key: item for item in evidence}
    statements = []
    for start, end in _labelled_sentences(text):
        sentence = text[start:end]
        keys = [key for key in dict.fromkeys(LABEL.findall(sentence)) if key in by_key]
        words = " ".join(LABEL.sub("", sentence).split())
        words = re.sub(r"\s+([.,;:!?])", r"\1", words)
        if words.strip(" .,;:"):
            quotes = tuple(_quote(words, by_key[key]) for key in keys)
            statements.append(Statement(words, quotes, "supported"))
    return cite(statements, evidence)


def _labelled_sentences(text: str) -> list[tuple[int, int]]:
    """Sentences with the labels that follow them; labels at the start of a sentence belong to the one before."""
    found: list[tuple[int, int]] = []
    for start, end in sentences(text):
        leading = re.match(r"\s*(?:\[S\d+\]\s*)+", text[start:end])
        if leading and found:
            found[-1] = (found[-1][0], start + leading.end())
        begins = start + (leading.end() if leading and found else 0)
        if text[begins:end].strip():
            found.append((begins, end))
    return found


def _quote(sentence: str, evidence: Evidence) -> Quote:
    """The sentence or row of the evidence that shares most words with what was said."""
    wanted = terms_of(sentence)
    units = units_of(evidence)
    if not units:
        return Quote(evidence.key, 0, len(evidence.chunk.text))
    best = max(units, key=lambda unit: (len(wanted & unit.terms), -unit.start))
    return Quote(evidence.key, best.start, best.end)
