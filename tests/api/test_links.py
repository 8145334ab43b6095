"""A link to evidence opens what was signed, and nothing else."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from api.links import Links, Reference, open_secret
from core.ids import chunk_id
from core.types import Access, Chunk

SECRET = b"s" * 32


def chunk(tenant: str = "default", access: frozenset[str] = frozenset({"public"})) -> Chunk:
    return Chunk(
        id=chunk_id(tenant, "doc-1", 1, 0),
        doc_id="doc-1",
        version=1,
        ordinal=0,
        tenant=tenant,
        access=access,
        kind="text",
        title="",
        section=(),
        text="words",
        places=(),
    )


@given(
    tenant=st.text(min_size=1, max_size=60),
    label=st.text(min_size=1, max_size=60),
    start=st.integers(0, 2**32 - 1),
    end=st.integers(0, 2**32 - 1),
)
def test_a_token_gives_back_what_was_signed(tenant: str, label: str, start: int, end: int) -> None:
    links = Links(SECRET, "http://host")
    shown = chunk(tenant, frozenset({label, "other"}))
    token = links.token(shown, start, end, Access(tenant, frozenset({label})))
    assert links.read(token) == Reference(Access(tenant, frozenset({label})), shown.id, start, end)
    assert token.replace("-", "").replace("_", "").isalnum()


@given(data=st.data())
def test_a_token_with_any_changed_character_opens_nothing(data: st.DataObject) -> None:
    links = Links(SECRET, "")
    token = links.token(chunk(), 1, 3, Access())
    position = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    changed = token[:position] + letter + token[position + 1 :]
    assert changed == token or links.read(changed) is None


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    assert Links(SECRET, "").read(text) is None


def test_another_secret_opens_nothing() -> None:
    token = Links(SECRET, "").token(chunk(), 0, 5, Access())
    assert Links(b"t" * 32, "").read(token) is None


def test_there_is_no_link_without_a_server() -> None:
    assert Links(SECRET, "").url(chunk(), 0, 5, Access()) == ""
    assert Links(SECRET, "https://host/").url(chunk(), 0, 5, Access()).startswith("https://host/e/")


def test_a_link_carries_only_a_label_that_the_one_who_was_shown_it_had() -> None:
    links = Links(SECRET, "")
    token = links.token(chunk(access=frozenset({"a", "b", "c"})), 0, 5, Access(labels=frozenset({"b", "z"})))
    read = links.read(token)
    assert read is not None
    assert read.access.labels == {"b"}


def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    secret = open_secret(tmp_path)
    assert len(secret) == 32
    assert open_secret(tmp_path) == secret
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
