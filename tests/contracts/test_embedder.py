"""What every `Embedder` promises, asked of each implementation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from core.ports import Embedder
from core.types import Chunk
from rag.index.embed import TextEmbedder, open_embedder
from rag.index.image import open_image_embedder
from rag.index.media import MediaStore
from tests.fakes import WordEmbedder, a_chunk
from tests.tiny_models import make_clip_model, make_sentence_model

EN = frozenset({"en"})
ID = "00000000-0000-0000-0000-000000000001"
TEXTS = ["revenue rose", "the margin of revenue fell", "毛利率", "margin", ""]


@dataclass(frozen=True)
class Subject:
    """An embedder, and five chunks that it can embed, no two alike."""

    embedder: Embedder
    chunks: list[Chunk]


def _passages(embedder: Embedder) -> Subject:
    return Subject(embedder, [a_chunk(ID, text) for text in TEXTS])


def _words(_folder: Path) -> Subject:
    return _passages(WordEmbedder(languages=EN))


def _minilm(_folder: Path) -> Subject:
    return _passages(open_embedder("minilm", languages=EN, threads=2))


def _sentence(folder: Path) -> Subject:
    return _passages(open_embedder(str(make_sentence_model(folder)), languages=EN))


def _image(folder: Path) -> Subject:
    media = MediaStore(folder / "media")
    chunks = []
    for number in range(5):
        file = BytesIO()
        Image.effect_noise((32, 32), 20 * (number + 1)).save(file, "PNG")
        chunks.append(replace(a_chunk(ID, ""), image=media.put("default", file.getvalue())))
    return Subject(open_image_embedder(make_clip_model(folder), media), chunks)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "words (fake)": _words,
    "minilm": _minilm,
    "sentence-transformers": _sentence,
    "open_clip": _image,
}


@pytest.fixture(scope="module", params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return SUBJECTS[request.param](tmp_path_factory.mktemp("models"))


def test_a_vector_of_unit_length_for_each_chunk(subject: Subject) -> None:
    vectors = subject.embedder.chunks(subject.chunks)
    assert vectors.shape == (5, subject.embedder.size)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)


def test_vectors_come_in_the_order_of_the_chunks(subject: Subject) -> None:
    forward = subject.embedder.chunks(subject.chunks)
    backward = subject.embedder.chunks(subject.chunks[::-1])[::-1]
    np.testing.assert_allclose((forward * backward).sum(axis=1), 1.0, atol=5e-4)
    assert ((forward @ backward.T).argmax(axis=1) == np.arange(5)).all()


def test_doing_it_again_gives_the_same_vectors(subject: Subject) -> None:
    np.testing.assert_array_equal(
        subject.embedder.chunks(subject.chunks), subject.embedder.chunks(subject.chunks)
    )


def test_no_chunk_gives_no_vector(subject: Subject) -> None:
    assert subject.embedder.chunks([]).shape == (0, subject.embedder.size)


def test_a_question_is_one_vector_of_unit_length(subject: Subject) -> None:
    vector = subject.embedder.query("Why did the margin fall?")
    assert vector.shape == (subject.embedder.size,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)


def test_the_name_is_not_empty_and_the_languages_are_known(subject: Subject) -> None:
    assert subject.embedder.name.strip()
    assert subject.embedder.languages == EN


@pytest.fixture(scope="module", params=["words (fake)", "minilm", "sentence-transformers"])
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextEmbedder:
    embedder = SUBJECTS[request.param](tmp_path_factory.mktemp("models")).embedder
    return cast("TextEmbedder", embedder)


def test_tokens_are_counted_and_none_is_lost_unseen(text: TextEmbedder) -> None:
    chunks = [a_chunk(ID, "margin"), a_chunk(ID, "margin " * (text.max_tokens + 5))]
    counts = text.count_tokens([chunk.embedded_text for chunk in chunks])
    assert counts[0] < counts[1]
    assert counts[1] > text.max_tokens
    seen, dropped = text.tokens_seen, text.tokens_dropped
    text.chunks(chunks)
    assert text.tokens_seen - seen == counts[0] + text.max_tokens
    assert text.tokens_dropped - dropped == counts[1] - text.max_tokens


def test_the_heading_is_embedded_with_the_text(text: TextEmbedder) -> None:
    plain = a_chunk(ID, "revenue fell")
    headed = replace(plain, title="margin", section=("the margin",))
    one, other = text.chunks([plain, headed])
    assert one @ other < 0.999


def test_the_bars_of_a_table_are_not_embedded(text: TextEmbedder) -> None:
    cells = replace(a_chunk(ID, "revenue | 5 | 6"), kind="table")
    one, other = text.chunks([cells, a_chunk(ID, "revenue 5 6")])
    assert one @ other > 0.9999
