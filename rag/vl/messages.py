"""LANGCHAIN MESSAGES -> PROMPT: roles and parts for the model's own chat template, images beside them.

Parts understood: text; image (`{"type": "image", "image": PIL | bytes | data URI, "crop": [x0, y0, x1, y1]}`,
OpenAI's `image_url`, LangChain's `image` with `base64`); video (`{"type": "video", "frames": [...],
"seconds": [...]}`). A part with `"cache_control"` ends the prefix that later questions share; without
one, all but the last part is what they may share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from rag.vl.media import Picture, Video, open_picture, open_video

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

ROLES = {"system": "system", "ai": "assistant"}  # LangChain's names; all others are the user


@dataclass(frozen=True, slots=True)
class Limits:
    """`pixels`: budget of one image; `frames`: of all videos of a request, a minute and more at two a second."""

    images: int
    pixels: int
    frames: int = 128


@dataclass(frozen=True, slots=True)
class Prompt:
    """`turns` as chat templates take them; `shared`: the turns that another question has in common with
    this one; `marked`: the caller says so.
    """

    turns: tuple[Mapping[str, Any], ...]
    pictures: tuple[Picture, ...] = ()
    videos: tuple[Video, ...] = ()
    shared: tuple[Mapping[str, Any], ...] = ()
    marked: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(picture.note for picture in self.pictures if picture.note)


def read_messages(messages: "Sequence[BaseMessage]", limits: Limits) -> Prompt:
    """Raises InputError for a part of another kind or too many images; UnreadableFile, TooLarge for an image."""
    _check_counts(messages, limits)
    pictures: list[Picture] = []
    videos: list[Video] = []
    turns: list[Mapping[str, Any]] = []
    shared: tuple[Mapping[str, Any], ...] = ()
    for message in messages:
        parts: list[Mapping[str, Any]] = []
        for part in _parts(message):
            parts.append(_read_part(part, limits, pictures, videos))
            if "cache_control" in part:
                shared = (*turns, {"role": _role(message), "content": list(parts)})
        turns.append({"role": _role(message), "content": parts})
    return Prompt(
        tuple(turns), tuple(pictures), tuple(videos), shared or _all_but_the_last(turns), bool(shared)
    )


def _all_but_the_last(turns: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    *before, last = turns
    parts = last["content"][:-1]
    return (*before, {**last, "content": parts}) if parts else tuple(before)


def _check_counts(messages: "Sequence[BaseMessage]", limits: Limits) -> None:
    count = sum(
        part.get("type") in ("image", "image_url") for message in messages for part in _parts(message)
    )
    if count > limits.images:
        raise InputError(f"{count} images in one request; at most {limits.images} are allowed")
    frames = sum(
        len(part.get("frames", ()))
        for message in messages
        for part in _parts(message)
        if part.get("type") == "video"
    )
    if frames > limits.frames:
        raise InputError(
            f"{frames} video frames in one request; at most {limits.frames} are taken: give fewer a second"
        )


def _role(message: "BaseMessage") -> str:
    return ROLES.get(message.type, "user")


def _parts(message: "BaseMessage") -> list[Mapping[str, Any]]:
    content = message.content
    given = [content] if isinstance(content, str) else content
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in given]


def _read_part(
    part: Mapping[str, Any], limits: Limits, pictures: list[Picture], videos: list[Video]
) -> Mapping[str, Any]:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": str(part["text"])}
        case "image" | "image_url":
            pictures.append(open_picture(_image_source(part), limits.pixels, part.get("crop")))
            return {"type": "image"}
        case "video":
            videos.append(open_video(part.get("frames", ()), part.get("seconds", ()), limits.pixels))
            return {"type": "video"}
        case other:
            raise InputError(f"a message part of type {other!r}; known: text, image, image_url, video")


def _image_source(part: Mapping[str, Any]) -> Any:
    if part["type"] == "image_url":
        url = part["image_url"]
        return url["url"] if isinstance(url, Mapping) else url
    if "base64" in part:
        return f"data:{part.get('mime_type', 'image/png')};base64,{part['base64']}"
    for name in ("image", "url"):
        if name in part:
            return part[name]
    raise InputError(f"an image part without image: {sorted(part)}; give 'image', 'url' or 'base64'")
