"""Loading of any sentence-transformers model, on a small one of the true architecture."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import SettingsError
from rag.index.embed import open_embedder
from rag.index.sentence import SentenceEmbedder
from tests.fakes import a_chunk
from tests.tiny_models import make_sentence_model

ID = "00000000-0000-0000-0000-000000000001"
BOTH = frozenset({"en", "zh"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sentence_model(tmp_path_factory.mktemp("models"))


def test_a_folder_is_opened_and_named_by_its_weights(folder: Path, tmp_path: Path) -> None:
    embedder = open_embedder(str(folder), languages=BOTH, threads=1)
    assert isinstance(embedder, SentenceEmbedder)
    assert (embedder.size, embedder.max_tokens, embedder.languages) == (16, 12, BOTH)
    again = open_embedder(str(folder), languages=BOTH, threads=1)
    other = open_embedder(str(make_sentence_model(tmp_path, seed=1)), languages=BOTH, threads=1)
    assert embedder.name == again.name
    assert embedder.name.startswith("model@")
    assert embedder.name.endswith("/f32")
    assert other.name != embedder.name


def test_documents_and_questions_get_the_prompts_of_the_model(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    embedder = open_embedder(str(folder), languages=BOTH)
    model = SentenceTransformer(str(folder), device="cpu")
    (document,) = embedder.chunks([a_chunk(ID, "revenue rose")])
    expected = model.encode("the margin revenue rose", normalize_embeddings=True, prompt="")
    np.testing.assert_allclose(document, expected, atol=1e-5)
    expected = model.encode("revenue the margin rose", normalize_embeddings=True, prompt="")
    np.testing.assert_allclose(embedder.query("the margin rose"), expected, atol=1e-5)


def test_the_prompt_is_counted_and_what_is_cut_is_counted(folder: Path) -> None:
    embedder = open_embedder(str(folder), languages=BOTH)
    assert embedder.count_tokens(["revenue rose", "毛利率", ""]) == [6, 7, 4]
    embedder.chunks([a_chunk(ID, "revenue rose"), a_chunk(ID, "margin " * 10)])
    assert (embedder.tokens_seen, embedder.tokens_dropped) == (6 + 12, 2)


@pytest.mark.parametrize("name", ["minlm", "MiniLM", "minilm:int4", ""])
def test_a_misspelt_name_is_refused_at_once_and_the_right_ones_are_said(name: str) -> None:
    with pytest.raises(SettingsError, match="right are 'minilm', a folder"):
        open_embedder(name, languages=BOTH)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(SettingsError, match="cannot be loaded"):
            open_embedder(str(folder), languages=BOTH)
