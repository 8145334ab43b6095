"""The passages that answer a question, with their places."""

from typing import Any

import pytest
from fastapi.testclient import TestClient


def test_a_search_gives_passages_with_places_scores_and_links(client: TestClient) -> None:
    result = client.post("/v1/search", json={"query": "operating margin diesel"}).json()
    assert result["object"] == "search.result"
    assert result["query"] == "operating margin diesel"
    best = result["data"][0]
    assert "diesel doubled" in best["text"]
    assert best["document"]["filename"] == "ferry.txt"
    assert best["places"]
    assert 0 <= best["score"] <= 1
    assert set(best["legs"]) <= {"dense", "sparse", "image", "graph", "fact"}
    assert best["legs"]
    assert "diesel doubled" in client.get(best["url"]).text
    scores = [hit["score"] for hit in result["data"]]
    assert scores == sorted(scores, reverse=True)


def test_a_search_by_address_gives_the_same(client: TestClient) -> None:
    by_body = client.post("/v1/search", json={"query": "保质期", "limit": 2}).json()
    by_address = client.get("/v1/search", params={"query": "保质期", "limit": 2}).json()
    assert by_address == by_body
    assert "十八个月" in by_body["data"][0]["text"]


def test_the_limit_is_kept(client: TestClient) -> None:
    assert len(client.post("/v1/search", json={"query": "ferries", "limit": 1}).json()["data"]) == 1


def test_another_tenants_passages_are_not_found(client: TestClient) -> None:
    assert "Zwitschi" not in client.post("/v1/search", json={"query": "canary Basel", "limit": 100}).text
    other = client.post("/v1/search", json={"query": "canary"}, headers={"authorization": "Bearer key-of-b"})
    assert "Zwitschi" in other.text


def test_a_search_as_of_a_day_finds_what_was_known_then(client: TestClient) -> None:
    def found(day: str) -> list[str]:
        by_body = client.post("/v1/search", json={"query": "diesel", "as_of": day}).json()
        assert client.get("/v1/search", params={"query": "diesel", "as_of": day}).json() == by_body
        return [hit["document"]["filename"] for hit in by_body["data"]]

    assert found("2001-01-01") == []
    assert found("2999-01-01")[0] == "ferry.txt"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"query": ""}, 422, "query"),
        ({"query": " \n"}, 400, "query"),
        ({"query": "x" * 501}, 400, "query"),
        ({}, 422, "query"),
        ({"query": 7}, 422, "query"),
        ({"query": "x", "limit": 0}, 422, "limit"),
        ({"query": "x", "limit": 101}, 422, "limit"),
        ({"query": "x", "limmit": 5}, 422, "limmit"),
        ({"query": "x", "as_of": "soon"}, 422, "as_of"),
    ],
)
def test_a_search_that_cannot_be_done_names_the_field(
    client: TestClient, body: dict[str, Any], status: int, param: str
) -> None:
    response = client.post("/v1/search", json=body)
    assert response.status_code == status
    assert response.json()["error"]["param"] == param
