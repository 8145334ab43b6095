"""Loading and use of an open_clip model, on a small one of the true architecture."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError, NotFound, SettingsError, UnreadableFile
from core.types import Chunk
from rag.index.image import ImageEmbedder, open_image_embedder
from rag.index.media import MediaStore
from tests.fakes import a_chunk
from tests.tiny_models import make_clip_model

ID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> MediaStore:
    return MediaStore(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_clip_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def embedder(spec: str, media: MediaStore) -> ImageEmbedder:
    return open_image_embedder(spec, media, threads=1)


def a_picture(seed: int, mode: str = "RGB") -> bytes:
    """Noise of its own colour, PNG."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (40, 60, 3)) * draw.random(3)
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(file, "PNG")
    return file.getvalue()


def a_figure(key: str | None, *, tenant: str = "default") -> Chunk:
    return replace(a_chunk(ID, "caption", tenant=tenant), image=key)


def test_each_image_is_nearest_to_itself(embedder: ImageEmbedder, media: MediaStore) -> None:
    keys = [media.put("default", a_picture(seed)) for seed in range(20)]
    vectors = embedder.chunks([a_figure(key) for key in keys])
    assert vectors.shape == (20, embedder.size)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for number, key in enumerate(keys):
        assert (vectors @ embedder.image(key)).argmax() == number


def test_a_question_is_a_unit_vector_in_the_same_space(embedder: ImageEmbedder) -> None:
    one, other = embedder.query("a bar chart of revenue"), embedder.query("a chest x-ray")
    assert one.shape == other.shape == (embedder.size,)
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert one @ other < 0.9999
    assert embedder.query("long question " * 200).shape == (embedder.size,)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_any_kind_of_picture_is_read(embedder: ImageEmbedder, media: MediaStore, mode: str) -> None:
    assert embedder.image(media.put("default", a_picture(3, mode))).shape == (embedder.size,)


def test_no_chunk_is_no_vector(embedder: ImageEmbedder) -> None:
    assert embedder.chunks([]).shape == (0, embedder.size)


def test_a_chunk_without_an_image_is_refused(embedder: ImageEmbedder) -> None:
    with pytest.raises(InputError, match="no image"):
        embedder.chunks([a_figure(None)])


def test_an_image_of_another_tenant_is_not_found(embedder: ImageEmbedder, media: MediaStore) -> None:
    key = media.put("ours", a_picture(99))
    assert embedder.chunks([a_figure(key, tenant="ours")]).shape == (1, embedder.size)
    with pytest.raises(NotFound):
        embedder.chunks([a_figure(key, tenant="theirs")])


def test_a_file_that_is_no_image_is_unreadable(embedder: ImageEmbedder, media: MediaStore) -> None:
    for data in (b"no picture", a_picture(1)[:200]):
        with pytest.raises(UnreadableFile):
            embedder.image(media.put("default", data))


def test_the_name_says_model_and_weights(spec: str, media: MediaStore, tmp_path: Path) -> None:
    name = open_image_embedder(spec, media).name
    assert name.startswith("tiny-clip@")
    assert name == open_image_embedder(spec, media).name
    assert name != open_image_embedder(make_clip_model(tmp_path, seed=1), media).name


@pytest.mark.parametrize("spec", ["ViT-B-32", ":file", "ViT-B-32:", "ViT-B-32:/no/such/file"])
def test_a_spec_that_names_no_model_and_file_is_refused(spec: str, media: MediaStore) -> None:
    with pytest.raises(SettingsError, match=f"image embedder {spec!r}"):
        open_image_embedder(spec, media)


def test_an_unknown_model_and_weights_that_do_not_fit_are_refused(spec: str, media: MediaStore) -> None:
    weights = spec.partition(":")[2]
    with pytest.raises(SettingsError, match="open_clip knows no model 'ViT-B-33'"):
        open_image_embedder(f"ViT-B-33:{weights}", media)
    with pytest.raises(SettingsError, match="do not fit the model 'RN50'"):
        open_image_embedder(f"RN50:{weights}", media)
