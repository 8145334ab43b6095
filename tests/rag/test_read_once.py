"""A text goes to the encoder once, whoever asks for it."""

from collections.abc import Sequence

import numpy as np

from core.types import Chunk, Vector
from rag import read_once
from rag.read_once import ReadOnce
from tests.fakes import WordEmbedder
from tests.rag.conftest import make_passage


class Counting:
    """An embedder that remembers what it was asked to read."""

    def __init__(self) -> None:
        self.words = WordEmbedder()
        self.read: list[str] = []
        self.name, self.size, self.languages = self.words.name, self.words.size, self.words.languages

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        self.read += [chunk.text for chunk in chunks]
        return self.words.chunks(chunks)

    def query(self, text: str) -> Vector:
        self.read.append(f"? {text}")
        return self.words.query(text)


def test_only_what_was_not_read_yet_goes_to_the_encoder() -> None:
    encoder = Counting()
    reading = ReadOnce(encoder)
    one, two, three = (make_passage(f"{word} rises") for word in ("iron", "tin", "zinc"))
    reading.chunks([one, two])
    found = reading.chunks([two, three, one])
    assert encoder.read == ["iron rises", "tin rises", "zinc rises"]
    assert all(map(np.array_equal, found, WordEmbedder().chunks([two, three, one])))


def test_a_question_is_no_passage() -> None:
    encoder = Counting()
    reading = ReadOnce(encoder)
    reading.chunks([make_passage("tin")])
    assert np.array_equal(reading.query("tin"), reading.query("tin"))
    assert encoder.read == ["tin", "? tin"]


def test_what_was_read_longest_ago_is_forgotten() -> None:
    encoder = Counting()
    reading = ReadOnce(encoder)
    for number in range(read_once._MOST + 1):
        reading.query(str(number))
    reading.query("1")
    reading.query("0")
    assert encoder.read[-1] == "? 0"
    assert encoder.read.count("? 1") == 1
