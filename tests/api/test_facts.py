"""Typed values over HTTP."""

from fastapi.testclient import TestClient


def test_facts_have_a_document_and_a_place(client: TestClient) -> None:
    data = client.get("/v1/facts").json()["data"]
    assert data
    assert {fact["document"]["filename"] for fact in data} >= {"ferry.txt"}
    assert all(fact["value"] and fact["attribute"] for fact in data)
    one = data[0]
    same = client.get("/v1/facts", params={"attribute": one["attribute"], "doc": one["document"]["id"]})
    assert one in same.json()["data"]


def test_another_tenants_facts_are_not_seen(client: TestClient) -> None:
    mine = client.get("/v1/facts").json()["data"]
    theirs = client.get("/v1/facts", headers={"authorization": "Bearer key-of-b"}).json()["data"]
    assert not {fact["passage"] for fact in mine} & {fact["passage"] for fact in theirs}


def test_a_period_that_cannot_be_read_is_named(client: TestClient) -> None:
    response = client.get("/v1/facts", params={"period": "some day"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "period"
