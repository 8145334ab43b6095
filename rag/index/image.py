"""Images and questions in one space, by an open_clip model with local weights.

Knows pixels and the media store, no text of the documents. A question longer than the model's
context (77 tokens for CLIP) is cut by its tokenizer: questions, not passages, go through here.
Without such a model images are found by their OCR text, caption and neighbours.
"""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from core.errors import InputError, SettingsError, UnreadableFile
from core.types import DEFAULT_TENANT, Chunk, Vector
from rag.index.media import MediaStore
from rag.torch_compat import make_torchvision_importable

BATCH = 16  # images in one forward pass


def open_image_embedder(spec: str, media: MediaStore, *, threads: int = 0) -> "ImageEmbedder":
    """`spec`: "model:weights file", as in "ViT-B-32:/models/vit-b-32.safetensors".

    Raises SettingsError when the model is unknown to open_clip or the file does not fit it.
    """
    model, _, file = spec.partition(":")
    if not model or not file:
        raise SettingsError(
            f"image embedder {spec!r} is not 'model:weights file', as in 'ViT-B-32:/models/vit-b-32.safetensors'"
        )
    weights = Path(file)
    if not weights.is_file():
        raise SettingsError(f"image embedder {spec!r}: no file {file!r}")
    return ImageEmbedder(model, weights, media, threads=threads)


class ImageEmbedder:
    """`Embedder` of the images of chunks, and of questions about them. Thread-safe."""

    def __init__(self, model: str, weights: Path, media: MediaStore, *, threads: int = 0) -> None:
        self._model, self._preprocess, self._tokenize = _load(model, weights, threads)
        self._media = media
        with weights.open("rb") as file:
            fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:8]
        self._name = f"{model}@{fingerprint}/f32"
        self._computing = Lock()
        self._size = len(self._encode_text("size"))

    @property
    def name(self) -> str:
        return self._name

    @property
    def size(self) -> int:
        return self._size

    @property
    def languages(self) -> frozenset[str]:
        return frozenset({"en"})

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        """Of the chunks' images. Raises InputError for a chunk that has none."""
        vectors = [np.empty((0, self._size), dtype=np.float32)]
        for start in range(0, len(chunks), BATCH):
            images = [self._image_of(chunk) for chunk in chunks[start : start + BATCH]]
            vectors.append(self._encode_images(images))
        return np.concatenate(vectors)

    def query(self, text: str) -> Vector:
        return self._encode_text(text)

    def image(self, key: str, *, tenant: str = DEFAULT_TENANT) -> Vector:
        """float32 (size,) of the image `key` in the media store: to search by an image."""
        vector: Vector = self._encode_images([self._open(tenant, key)])[0]
        return vector

    def _image_of(self, chunk: Chunk) -> Image.Image:
        if chunk.image is None:
            raise InputError(f"chunk {chunk.id!r} has no image to embed")
        return self._open(chunk.tenant, chunk.image)

    def _open(self, tenant: str, key: str) -> Image.Image:
        try:
            return Image.open(BytesIO(self._media.get(tenant, key))).convert("RGB")
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise UnreadableFile(f"media {key!r} is not an image that can be decoded: {error}") from error

    def _encode_images(self, images: Sequence[Image.Image]) -> Vector:
        import torch

        pixels = torch.stack([self._preprocess(image) for image in images])
        with self._computing, torch.inference_mode():
            return _array(self._model.encode_image(pixels, normalize=True))

    def _encode_text(self, text: str) -> Vector:
        import torch

        with self._computing, torch.inference_mode():
            vector: Vector = _array(self._model.encode_text(self._tokenize([text]), normalize=True))[0]
        return vector


def _array(tensor: Any) -> Vector:
    return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)


def _load(model: str, weights: Path, threads: int) -> tuple[Any, Any, Any]:
    """The model in evaluation mode, its preprocessing of a PIL image, its tokenizer."""
    try:
        make_torchvision_importable()
        import open_clip
        import torch
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"image embedder {model!r} needs the extra 'models': pip install 'sightline[models]'"
        ) from error
    if model not in open_clip.list_models():
        raise SettingsError(
            f"open_clip knows no model {model!r}; known are {', '.join(open_clip.list_models()[:8])} ..."
        )
    if threads:
        torch.set_num_threads(threads)
    try:
        network, _, preprocess = open_clip.create_model_and_transforms(model, pretrained=str(weights))
    except (RuntimeError, OSError, ValueError, KeyError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"the weights {weights} do not fit the model {model!r}: {reason}") from error
    return network.eval(), preprocess, open_clip.get_tokenizer(model)
