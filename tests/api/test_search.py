"""The passages that answer a question, with their places."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.assemble import Sightline
from core.settings import Settings
from tests.api.small import add, small


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


# ---------------------------------------------------------------- figures that a later document restates


def report(year: int, this_year: str, last_year: str) -> str:
    sections = "".join(
        f"\n## Section {number}\n\nPart {number} of the report of Larkspur Holdings plc.\n"
        for number in range(8)
    )
    return f"""# Annual Report of Larkspur Holdings plc

Annual Report. For the fiscal year ended December 31, {year}
{sections}
## Income statement

USD million

| | {year} | {year - 1} |
|---|---|---|
| Revenue | {this_year} | {last_year} |
| Operating income | 88.1 | 80.4 |
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path_factory.mktemp("reports") / "state"))
    add(sightline, "larkspur-2025.md", report(2025, "480.2", "431.2"))
    add(sightline, "larkspur-2024.md", report(2024, "436.5", "401.0"))
    yield sightline
    sightline.close()


RESTATED = "What was the revenue of Larkspur Holdings in 2024?"


def test_the_later_statement_of_a_figure_comes_first_and_each_names_the_other(
    reports: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    client = serve(reports)
    hits = client.post("/v1/search", json={"query": RESTATED}).json()["data"]
    stating = [hit for hit in hits if "| 436.5 |" in hit["text"] or hit["text"].rstrip().find("431.2") > 0]
    assert [hit["document"]["filename"] for hit in stating] == ["larkspur-2025.md", "larkspur-2024.md"]
    (later,), (earlier,) = (hit["restated"] for hit in stating)
    assert (later["value"], later["other_value"], later["preferred"]) == ("431.2", "436.5", "this")
    assert (earlier["value"], earlier["other_value"], earlier["preferred"]) == ("436.5", "431.2", "other")
    assert (earlier["document"]["filename"], earlier["period"]) == ("larkspur-2025.md", "2024")
    assert "431.2" in client.get(earlier["url"]).text
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    # What nobody restates, and a question without a period, are left alone.
    for query in ("What was the revenue of Larkspur Holdings in 2023?", "revenue of Larkspur Holdings"):
        found = client.post("/v1/search", json={"query": query}).json()["data"]
        assert found
        assert not any(hit["restated"] for hit in found)


def test_on_a_day_before_the_later_document_nothing_is_restated(
    reports: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    hits = serve(reports).post("/v1/search", json={"query": RESTATED, "as_of": "2025-06-30"}).json()["data"]
    assert {hit["document"]["filename"] for hit in hits} == {"larkspur-2024.md"}
    assert not any(hit["restated"] for hit in hits)


def test_the_later_statement_is_taken_in_where_it_was_not_found(
    reports: Sightline, serve: Callable[[Sightline], TestClient]
) -> None:
    (hit,) = (
        serve(reports)
        .post("/v1/search", json={"query": f"{RESTATED} 436.5 401.0", "limit": 1})
        .json()["data"]
    )
    assert hit["document"]["filename"] == "larkspur-2025.md"
    assert [one["other_value"] for one in hit["restated"]] == ["436.5"]
