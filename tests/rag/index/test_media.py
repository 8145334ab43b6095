import os
from hashlib import sha256
from pathlib import Path

import pytest

from core.errors import NotFound
from rag.index.media import MediaStore


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def test_what_is_put_comes_back_under_the_hash_of_its_content(media: MediaStore) -> None:
    key = media.put("ours", b"a page")
    assert key == sha256(b"a page").hexdigest()
    assert media.get("ours", key) == b"a page"
    assert media.path("ours", key).read_bytes() == b"a page"
    assert media.exists("ours", key)


def test_the_same_content_is_kept_once(media: MediaStore) -> None:
    first, second = media.put("ours", b"a page"), media.put("ours", b"a page")
    assert first == second
    assert list(media.keys("ours")) == [first]


def test_a_key_of_one_tenant_opens_nothing_of_another(media: MediaStore) -> None:
    key = media.put("ours", b"a page")
    assert not media.exists("theirs", key)
    with pytest.raises(NotFound):
        media.get("theirs", key)
    assert list(media.keys("theirs")) == []


@pytest.mark.parametrize(
    "tenant", ["..", "../ours", "a/b", "", "ours\x00", "租户", "x" * 400, "OURS", "ours"]
)
def test_any_tenant_name_stays_inside_the_folder(tmp_path: Path, tenant: str) -> None:
    media = MediaStore(tmp_path / "media")
    path = media.path(tenant, media.put(tenant, b"content")).resolve()
    assert path.is_relative_to(tmp_path.resolve() / "media")
    assert media.path("Ours", path.name) != path


@pytest.mark.parametrize("key", ["", "../secret", "ab", "A" * 64, "g" * 64, "a" * 63 + "\n", "a" * 65])
def test_what_is_not_a_key_is_not_found(media: MediaStore, key: str) -> None:
    assert not media.exists("ours", key)
    with pytest.raises(NotFound):
        media.get("ours", key)


def test_a_deleted_file_is_gone_and_deleting_again_is_nothing(media: MediaStore) -> None:
    key, other = media.put("ours", b"one"), media.put("ours", b"two")
    media.delete("ours", key)
    media.delete("ours", key)
    assert list(media.keys("ours")) == [other]


def test_content_that_was_spoilt_is_told_and_put_right(media: MediaStore) -> None:
    key = media.put("ours", b"a page")
    media.path("ours", key).write_bytes(b"a gape")
    assert media.exists("ours", key)
    assert not media.is_whole("ours", key)
    assert media.put("ours", b"a page") == key
    assert media.is_whole("ours", key)


def test_a_file_that_no_key_leads_to_is_a_stranger(media: MediaStore) -> None:
    key = media.put("ours", b"a page")
    placed = media.path("ours", key)
    wrong = placed.parent.with_name("zz") / key
    wrong.parent.mkdir()
    wrong.write_bytes(b"a page")
    assert list(media.keys("ours")) == [key]
    assert media.strangers(["ours"]) == [wrong]
    assert media.strangers([]) == sorted([placed, wrong])


def test_keys_come_in_order(media: MediaStore) -> None:
    keys = [media.put("ours", bytes([number])) for number in range(20)]
    assert list(media.keys("ours")) == sorted(keys)


def test_a_write_that_a_killed_process_left_is_swept_and_a_running_one_is_not(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    old, running = tmp_path / "incoming" / "old", tmp_path / "incoming" / "running"
    for path in (old, running):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    media = MediaStore(tmp_path)
    assert not old.exists()
    assert running.exists()
    assert list(media.keys("ours")) == []
