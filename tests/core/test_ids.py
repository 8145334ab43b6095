from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.ids import chunk_id, content_hash, document_id


def test_the_same_content_of_the_same_tenant_has_the_same_id() -> None:
    key = content_hash(b"annual report")
    assert document_id("acme", key) == document_id("acme", key)
    assert document_id("acme", key).startswith("doc-")


def test_two_tenants_never_share_an_id() -> None:
    key = content_hash(b"annual report")
    assert document_id("acme", key) != document_id("globex", key)
    # nor by moving the border between tenant and content
    assert document_id("a", "bc") != document_id("ab", "c")


@given(st.integers(1, 99), st.integers(0, 10_000))
def test_the_id_of_a_passage_is_a_uuid_that_can_be_computed(version: int, ordinal: int) -> None:
    computed = chunk_id("acme", "doc-1", version, ordinal)
    assert str(UUID(computed)) == computed
    assert computed == chunk_id("acme", "doc-1", version, ordinal)
    assert computed != chunk_id("acme", "doc-1", version, ordinal + 1)
    assert computed != chunk_id("acme", "doc-1", version + 1, ordinal)


def test_ids_do_not_change_between_versions_of_the_program() -> None:
    # An index that was made yesterday must be found today.
    assert document_id("default", content_hash(b"")) == "doc-1a8108a096d98b63c9a76782"
    assert chunk_id("default", "doc-1", 1, 0) == "d6747e75-e51f-5eac-a3b6-dbf2e7a6e87f"
