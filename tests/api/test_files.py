"""Files in, their progress, their bytes back, and out again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.assemble import Sightline
from api.operations import clean_name
from core.errors import InputError
from core.settings import Settings
from rag.index.files import Job
from tests.api.small import FERRY, TEA, Busy, small


@pytest.fixture
def own(empty: Sightline, serve: Callable[[Sightline], TestClient]) -> TestClient:
    """A client of a server without documents."""
    return serve(empty)


def upload(client: TestClient, name: str, content: bytes | str, **form: str) -> Any:
    return client.post("/v1/files", files={"file": (name, content)}, data=form)


def found(client: TestClient, query: str) -> list[str]:
    hits = client.post("/v1/search", json={"query": query}).json()["data"]
    return [hit["document"]["filename"] for hit in hits]


def test_an_uploaded_file_is_read_found_and_given_back(own: TestClient) -> None:
    accepted = upload(own, "ferry.txt", FERRY, purpose="assistants").json()
    assert accepted["object"] == "file"
    assert accepted["status"] == "uploaded"
    assert accepted["purpose"] == "assistants"
    assert accepted["bytes"] == len(FERRY.encode())
    file = own.get(f"/v1/files/{accepted['id']}").json()
    assert file["status"] == "processed"
    assert file["stage"] == "ready"
    assert file["searchable"] is True
    assert file["chunks"] > 0
    assert file["pages_done"] == file["pages_total"] > 0
    assert found(own, "passengers") == ["ferry.txt"] * file["chunks"]
    content = own.get(f"/v1/files/{accepted['id']}/content")
    assert content.text == FERRY
    assert content.headers["content-disposition"].startswith("attachment")


def test_a_name_in_chinese_comes_back_as_it_was(own: TestClient) -> None:
    accepted = upload(own, "茶 说明.txt", TEA).json()
    assert accepted["filename"] == accepted["source"] == "茶 说明.txt"
    content = own.get(f"/v1/files/{accepted['id']}/content")
    assert "%E8%8C%B6%20%E8%AF%B4%E6%98%8E.txt" in content.headers["content-disposition"]


def test_the_same_content_again_is_the_same_file(own: TestClient) -> None:
    first = upload(own, "ferry.txt", FERRY).json()
    assert upload(own, "ferry.txt", FERRY).json()["id"] == first["id"]
    assert len(own.get("/v1/files").json()["data"]) == 1


def test_a_new_content_under_the_same_source_takes_the_place_of_the_old(own: TestClient) -> None:
    old = upload(own, "a.txt", "The ferry is called Otter.", source="fleet").json()
    new = upload(own, "b.txt", "The ferry is called Heron.", source="fleet").json()
    assert new["id"] != old["id"]
    assert own.get(f"/v1/files/{old['id']}").status_code == 404
    texts = [hit["text"] for hit in own.get("/v1/search", params={"query": "ferry called"}).json()["data"]]
    assert texts == ["The ferry is called Heron."]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"", "empty"),
        ("broken.pdf", b"%PDF-1.7\nnothing else", ""),
        ("program", b"\x7fELF\x02\x01\x01" + bytes(64), "program"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(own: TestClient, name: str, content: bytes, reason: str) -> None:
    accepted = upload(own, name, content)
    assert accepted.status_code == 200, accepted.text
    file = own.get(f"/v1/files/{accepted.json()['id']}").json()
    assert file["status"] == "error"
    assert file["stage"] == "failed"
    assert file["searchable"] is False
    assert reason in file["status_details"]
    assert len(file["status_details"]) > 10
    assert found(own, "nothing else") == []


def test_a_file_above_the_limit_is_refused(own: TestClient) -> None:
    response = upload(own, "big.txt", b"x" * 1_000_001)
    assert response.status_code == 413
    error = response.json()["error"]
    assert error["param"] == "file"
    assert "1,000,000" in error["message"]
    assert own.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"data": {"purpose": "assistants"}}, "file"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"purpose": "fine-tune"}}, "purpose"),
    ],
)
def test_an_incomplete_upload_names_the_field(own: TestClient, request_: dict[str, Any], param: str) -> None:
    response = own.post("/v1/files", **request_)
    assert response.status_code == 422
    assert response.json()["error"]["param"] == param


def test_an_impossible_source_is_refused(own: TestClient) -> None:
    for source in (" \t ", "\u200b", "x" * 601):
        response = upload(own, "a.txt", "words", source=source)
        assert response.status_code == 400, source
        assert response.json()["error"]["param"] == "source"


def test_a_path_in_a_file_name_is_only_a_name(own: TestClient) -> None:
    for sent, kept in (("../../etc/passwd", "passwd"), ("C:\\Users\\me\\a.txt", "a.txt")):
        assert upload(own, sent, f"words of {kept}").json()["source"] == kept


@given(st.text(max_size=50))
def test_a_clean_name_has_no_control_characters_and_is_clean_already(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except InputError:
        return
    assert cleaned.isprintable() or any(char.isspace() for char in cleaned)
    assert clean_name(cleaned) == cleaned


@pytest.fixture
def many(own: TestClient) -> list[str]:
    """Four files, newest first."""
    return [upload(own, f"{number}.txt", f"words {number}").json()["id"] for number in range(4)][::-1]


def test_a_list_comes_in_pages(own: TestClient, many: list[str]) -> None:
    first = own.get("/v1/files", params={"limit": 2}).json()
    assert [file["id"] for file in first["data"]] == many[:2]
    assert (first["object"], first["has_more"]) == ("list", True)
    assert (first["first_id"], first["last_id"]) == (many[0], many[1])
    second = own.get("/v1/files", params={"limit": 2, "after": first["last_id"]}).json()
    assert [file["id"] for file in second["data"]] == many[2:]
    assert second["has_more"] is False
    assert own.get("/v1/files", params={"source": "2.txt"}).json()["last_id"] == many[1]
    assert own.get("/v1/files", params={"stage": "failed"}).json()["data"] == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"order": "asc"}, {"stage": "lost"}])
def test_a_list_that_cannot_be_given_names_the_field(own: TestClient, query: dict[str, Any]) -> None:
    response = own.get("/v1/files", params=query)
    assert response.status_code == 422
    assert response.json()["error"]["param"] == next(iter(query))


def test_a_deleted_file_is_gone_from_everything(own: TestClient, empty: Sightline) -> None:
    file = upload(own, "ferry.txt", FERRY).json()
    url = own.post("/v1/search", json={"query": "passengers"}).json()["data"][0]["url"]
    assert own.get(url).status_code == 200
    deleted = own.delete(f"/v1/files/{file['id']}")
    removed = {"points": 1, "passages": 1, "entities": 6, "blobs": 1, "jobs": 0}
    assert deleted.json() == {"id": file["id"], "object": "file", "deleted": True, "removed": removed}
    for address in (f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content", url):
        assert own.get(address).status_code == 404
    assert own.delete(f"/v1/files/{file['id']}").status_code == 404
    assert found(own, "passengers") == []
    assert list(empty.media.keys("a")) == []
    assert empty.store.count("a") == 0


def test_a_state_that_lost_something_is_repaired_by_a_recount(own: TestClient, empty: Sightline) -> None:
    file = upload(own, "ferry.txt", FERRY).json()
    empty.store.delete("a", file["id"])
    assert found(own, "passengers") == []
    recount = own.post("/v1/files/verify").json()
    wrong = [(one["file_id"], one["what"], one["found"], one["done"]) for one in recount["findings"]]
    assert wrong == [(file["id"], "vectors", 0, "queued")]
    assert [one["id"] for one in recount["queued"]] == [file["id"]]
    assert found(own, "passengers") == ["ferry.txt"]
    again = own.post("/v1/files/verify").json()
    assert (again["documents"], again["vectors"], again["findings"]) == (1, 1, [])


def test_a_recount_leaves_other_tenants_alone(own: TestClient, empty: Sightline) -> None:
    file = upload(own, "ferry.txt", FERRY).json()
    empty.store.delete("a", file["id"])
    other = own.post("/v1/files/verify", headers={"authorization": "Bearer key-of-b"}).json()
    assert (other["documents"], other["findings"]) == (0, [])


# ---------------------------------------------------------------- cancel, retry, pause, a full queue


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path / "state", max_queued=2, max_queued_total=3), jobs=Busy())
    yield sightline
    sightline.close()


def test_a_file_that_waits_is_cancelled_and_retried(
    busy: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(busy)
    file = upload(client, "a.txt", "Margins fell.").json()
    cancelled = client.post(f"/v1/files/{file['id']}/cancel").json()
    assert (cancelled["stage"], cancelled["status"], cancelled["searchable"]) == ("cancelled", "error", False)
    assert cancelled["status_details"] == "cancelled on request"
    assert client.get(f"/v1/files/{file['id']}/content").text == "Margins fell."
    refused = client.post(f"/v1/files/{file['id']}/cancel")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "wrong_stage")
    again = client.post(f"/v1/files/{file['id']}/retry").json()
    assert (again["id"], again["stage"]) == (file["id"], "queued")
    assert client.post(f"/v1/files/{file['id']}/retry").status_code == 409
    for act in ("cancel", "retry"):
        other = client.post(f"/v1/files/{file['id']}/{act}", headers={"authorization": "Bearer key-of-b"})
        assert other.status_code == 404


def test_a_file_tells_how_its_attempts_ended(
    busy: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(busy)
    file = upload(client, "a.txt", "Margins fell.").json()
    busy.attempts.note(Job("a", file["id"], 1), "indexing", "the disk was full")
    (attempt,) = client.get(f"/v1/files/{file['id']}").json()["attempts"]
    assert (attempt["version"], attempt["stage"], attempt["reason"]) == (1, "indexing", "the disk was full")
    assert attempt["ended_at"] >= file["created_at"]


def test_a_full_queue_refuses_more_and_keeps_nothing_of_it(
    busy: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(busy)
    ids = [upload(client, f"{n}.txt", f"Margins fell by {n}.").json()["id"] for n in range(2)]
    refused = upload(client, "c.txt", "Costs rose.")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
    assert int(refused.headers["retry-after"]) > 0
    assert sorted(busy.media.keys("a")) == sorted(
        busy.catalog.get("a", doc_id).content_hash for doc_id in ids
    )
    assert {file["id"] for file in client.get("/v1/files").json()["data"]} == set(ids)

    other = {"authorization": "Bearer key-of-b"}  # another tenant has room, until all together have none
    sent = [
        client.post("/v1/files", files={"file": (f"{n}.txt", f"Of b, {n}")}, headers=other) for n in range(2)
    ]
    assert [one.status_code for one in sent] == [200, 429]
    client.post(f"/v1/files/{ids[0]}/cancel")
    assert upload(client, "c.txt", "Costs rose.").status_code == 200


def test_a_pause_is_of_one_tenant_and_is_told(
    busy: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(busy)
    upload(client, "a.txt", "Margins fell.")
    assert client.get("/v1/ingestion").json() == {
        "object": "ingestion", "paused": False, "paused_since": None, "waiting": 1,
    }  # fmt: skip
    paused = client.post("/v1/ingestion/pause").json()
    assert (paused["paused"], paused["waiting"]) == (True, 1)
    assert client.get("/v1/ingestion", headers={"authorization": "Bearer key-of-b"}).json()["paused"] is False
    assert busy.turns.able() == 0
    assert client.post("/v1/ingestion/resume").json()["paused"] is False
    assert busy.turns.able() == 1
