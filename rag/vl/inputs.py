"""PROMPT -> MODEL INPUTS: the chat template rendered, tokens counted, images made into patches.

What a processor does in one call is done here piece by piece, so that an image seen before costs
nothing again. Prompts with video go through the processor whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from core.errors import InputError
from rag.vl.caches import Lru
from rag.vl.media import Picture, Video
from rag.vl.messages import Prompt

VIDEO_CLOCK = 100  # frames are told to the processor as ticks of 1/100 s, so that its times are the true ones
PATCHES_KEPT = 64 << 20  # bytes of patches kept for images that come again
PREFIXES_KEPT = 64  # shared parts whose tokens are kept
LONG = 256  # tokens: from here on a prompt's start is kept for the next question without being asked to


@dataclass(frozen=True, slots=True)
class Patches:
    """The image processor's tensors for one image, and the text that stands for it in a prompt."""

    tensors: Mapping[str, Any]
    placeholder: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """The part of a prompt that other questions share: its identity and its length in tokens.

    `asked`: the caller marked it; else it is used where the prompt runs alone anyway.
    """

    key: tuple[Any, ...]
    length: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """One prompt. `kinds`: 0 text, 1 image, 2 video, by token. `whole`: inputs of a prompt with video."""

    ids: tuple[int, ...]
    kinds: tuple[int, ...]
    keys: tuple[str, ...] = ()
    patches: tuple[Patches, ...] = ()
    whole: Mapping[str, Any] = field(default_factory=dict)
    prefix: Prefix | None = None
    thinking: bool = False  # the template has opened a thought already


class Preparer:
    """Thread-safe: a fast tokenizer is not, so one prompt is prepared at a time."""

    def __init__(self, processor: Any, context: int) -> None:
        self.processor = processor
        self._context = context
        self._lock = Lock()
        self._patches: Lru[str, Patches] = Lru(PATCHES_KEPT)
        self._marked: Lru[tuple[str, tuple[str, ...]], tuple[int, ...]] = Lru(PREFIXES_KEPT)
        added = processor.tokenizer.added_tokens_encoder
        self._control = sorted(added, key=len, reverse=True)

    def prepare(self, prompt: Prompt, max_tokens: int) -> Inputs:
        """Raises InputError where prompt and answer do not fit the context."""
        with self._lock:
            text = self._render(prompt.turns, ask=True)
            inputs = self._whole(prompt, text) if prompt.videos else self._assembled(prompt, text)
        if len(inputs.ids) + max_tokens > self._context:
            raise InputError(
                f"a prompt of {len(inputs.ids)} tokens and an answer of up to {max_tokens} exceed the context of "
                f"{self._context} tokens; send fewer or smaller images, less text, or ask for a shorter answer"
            )
        return inputs

    def _render(self, turns: Sequence[Mapping[str, Any]], *, ask: bool) -> str:
        """Users' text may not speak in control tokens."""
        safe = [{**turn, "content": [self._harmless(part) for part in turn["content"]]} for turn in turns]
        rendered: str = self.processor.apply_chat_template(safe, tokenize=False, add_generation_prompt=ask)
        return rendered

    def _harmless(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if part["type"] != "text":
            return part
        text = part["text"]
        for token in self._control:
            if token in text:
                text = text.replace(token, token[0] + "\u200b" + token[1:])
        return {"type": "text", "text": text}

    def _assembled(self, prompt: Prompt, text: str) -> Inputs:
        patches = tuple(self._patches_of(picture) for picture in prompt.pictures)
        ids = self._tokens(text, patches)
        (kinds,) = self.processor.create_mm_token_type_ids([list(ids)])
        keys = tuple(picture.key for picture in prompt.pictures)
        worth = prompt.shared and (prompt.marked or len(ids) >= LONG)
        prefix = self._prefix(prompt, ids, kinds, patches, keys) if worth else None
        return Inputs(ids, tuple(kinds), keys, patches, prefix=prefix, thinking=_opens_thought(text))

    def _tokens(self, text: str, patches: Sequence[Patches]) -> tuple[int, ...]:
        placeholders = [each.placeholder for each in patches]
        (expanded,), _ = self.processor.get_text_with_replacements([text], images_replacements=placeholders)
        return tuple(self.processor.tokenizer(expanded)["input_ids"])

    def _patches_of(self, picture: Picture) -> Patches:
        found = self._patches.get(picture.key)
        if found is None:
            tensors = dict(self.processor.image_processor(images=[picture.image], return_tensors="pt"))
            found = Patches(tensors, self.processor.replace_image_token(tensors, 0))
            self._patches.put(picture.key, found, sum(tensor.nbytes for tensor in tensors.values()))
        return found

    def _prefix(
        self, prompt: Prompt, ids: tuple[int, ...], kinds: Sequence[int], patches: tuple[Patches, ...],
        keys: tuple[str, ...],
    ) -> Prefix | None:  # fmt: skip
        """The tokens that the prompt and its marked part have in common; whatever they are, they may be shared.

        At least one token stays for the question, and no image, since its patches are dropped.
        """
        marked = self._render(prompt.shared, ask=False)
        images = sum(part["type"] == "image" for turn in prompt.shared for part in turn["content"])
        alone = self._marked.get((marked, keys[:images]))
        if alone is None:
            alone = self._tokens(marked, patches[:images])
            self._marked.put((marked, keys[:images]), alone, 1)
        length = 0
        for mine, other in zip(ids[:-1], alone):
            if mine != other:
                break
            length += 1
        if length == 0 or any(kinds[length:]):
            return None
        return Prefix((ids[:length], keys), length, prompt.marked)

    def _whole(self, prompt: Prompt, text: str) -> Inputs:
        inputs = self.processor(
            text=[text],
            images=[picture.image for picture in prompt.pictures] or None,
            videos=[list(video.frames) for video in prompt.videos],
            videos_kwargs={
                "do_sample_frames": False,
                "video_metadata": [_metadata(video) for video in prompt.videos],
                "cap_pixels_per_frame": True,
            },
            return_tensors="pt",
        )
        ids = tuple(inputs.pop("input_ids")[0].tolist())
        kinds = tuple(inputs.pop("mm_token_type_ids")[0].tolist())
        inputs.pop("attention_mask")
        return Inputs(ids, kinds, whole=dict(inputs), thinking=_opens_thought(text))


def _metadata(video: Video) -> dict[str, Any]:
    ticks = [round(second * VIDEO_CLOCK) for second in video.seconds]
    return {"fps": VIDEO_CLOCK, "total_num_frames": ticks[-1] + 1, "frames_indices": ticks}


def _opens_thought(text: str) -> bool:
    return text.rstrip().endswith("<think>")
