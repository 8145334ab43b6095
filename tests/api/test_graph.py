"""What the graph is asked over HTTP: related documents, neighbours, paths, communities, export."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import networkx
import pytest
from fastapi.testclient import TestClient

from api.assemble import Sightline
from core.settings import Settings
from tests.api.small import add, small

WATERWORKS = """Harbour Board Minutes

The Nordhavn Waterworks is led by Ingrid Halvorsen.

It bought its pumps from Brockmann Turbines.
"""
TURBINES = """Supplier File

Brockmann Turbines was founded by Oskar Brockmann in Rostock.
"""
OTHERS = """Secret of tenant b

Brockmann Turbines is watched by Zwitschi Canary.
"""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    sightline = small(Settings(state=tmp_path_factory.mktemp("plant") / "state"))
    add(sightline, "minutes.txt", WATERWORKS)
    add(sightline, "supplier.txt", TURBINES)
    add(sightline, "watch.txt", OTHERS, "b")
    yield sightline
    sightline.close()


@pytest.fixture
def client(plant: Sightline, serve: Callable[[Sightline], TestClient]) -> TestClient:
    return serve(plant)


def get(client: TestClient, path: str, **params: Any) -> Any:
    response = client.get(f"/v1/graph/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_related_documents_name_what_they_share(client: TestClient) -> None:
    files = {file["filename"]: file["id"] for file in client.get("/v1/files").json()["data"]}
    found = get(client, "related", file_id=files["minutes.txt"])
    assert found["document"]["filename"] == "minutes.txt"
    (other,) = found["data"]
    assert other["document"]["filename"] == "supplier.txt"
    assert other["names"] == ["brockmann turbines"]


def test_neighbours_come_with_the_sentence_that_has_both(client: TestClient) -> None:
    found = get(client, "neighbours", name="Brockmann Turbines")["data"]
    by_name = {one["name"]: one for one in found}
    (quote,) = by_name["oskar brockmann"]["quotes"]
    assert quote["sentence"] == "Brockmann Turbines was founded by Oskar Brockmann in Rostock."
    assert quote["document"]["filename"] == "supplier.txt"
    assert "founded by Oskar" in client.get(quote["url"]).text


def test_a_path_is_a_chain_of_sentences(client: TestClient) -> None:
    hops = get(client, "path", name="Nordhavn Waterworks", other="Oskar Brockmann")["data"]
    assert [(hop["name"], hop["other"]) for hop in hops] == [
        ("nordhavn waterworks", "brockmann turbines"),
        ("brockmann turbines", "oskar brockmann"),
    ]
    assert "Oskar Brockmann" in hops[-1]["quotes"][0]["sentence"]


def test_communities_hold_documents_and_names(client: TestClient) -> None:
    found = get(client, "communities", limit=5)["data"]
    names = [name for group in found for name in group["names"]]
    documents = {one["filename"] for group in found for one in group["documents"]}
    assert "brockmann turbines" in names
    assert documents == {"minutes.txt", "supplier.txt"}


def test_the_export_is_read_by_networkx(client: TestClient) -> None:
    made = networkx.node_link_graph(get(client, "export"), edges="edges")
    assert made.nodes["name:brockmann turbines"]["passages"] == 2
    response = client.get("/v1/graph/export", params={"format": "graphml"})
    assert response.headers["content-type"].startswith("application/graphml+xml")
    assert set(networkx.parse_graphml(response.text)) == set(made)


def test_no_name_and_no_count_of_another_tenant_is_told(client: TestClient) -> None:
    told = json.dumps(
        [
            get(client, "export"),
            get(client, "communities"),
            get(client, "neighbours", name="Brockmann Turbines"),
            get(client, "path", name="Brockmann Turbines", other="Nordhavn Waterworks"),
        ]
    )
    assert "zwitschi" not in told.lower()
    response = client.get("/v1/graph/neighbours", params={"name": "Zwitschi Canary"})
    assert response.status_code == 404
    theirs = {"authorization": "Bearer key-of-b"}
    seen = client.get("/v1/graph/neighbours", params={"name": "Brockmann Turbines"}, headers=theirs).json()
    names = {one["name"] for one in seen["data"]}
    assert "zwitschi canary" in names
    assert not names & {"oskar brockmann", "rostock", "nordhavn waterworks"}
    made = networkx.node_link_graph(client.get("/v1/graph/export", headers=theirs).json(), edges="edges")
    assert made.nodes["name:brockmann turbines"]["passages"] == 1


@pytest.mark.parametrize(
    ("path", "params", "status", "param"),
    [
        ("related", {"file_id": "no-such-file"}, 404, None),
        ("related", {}, 422, "file_id"),
        ("neighbours", {"name": "Atlantis"}, 404, "name"),
        ("neighbours", {"name": " "}, 400, "name"),
        ("path", {"name": "Brockmann Turbines", "other": "Atlantis"}, 404, "name"),
        ("path", {"name": "Brockmann Turbines"}, 422, "other"),
        ("export", {"format": "pickle"}, 422, "format"),
        ("communities", {"limit": 0}, 422, "limit"),
    ],
)
def test_what_cannot_be_told_names_the_field(
    client: TestClient, path: str, params: dict[str, Any], status: int, param: str | None
) -> None:
    response = client.get(f"/v1/graph/{path}", params=params)
    assert response.status_code == status
    if param:
        assert response.json()["error"]["param"] == param


def test_a_hit_of_the_graph_shows_its_path(client: TestClient) -> None:
    question = "Who founded the supplier of pumps of the Nordhavn Waterworks?"
    hits = client.post("/v1/search", json={"query": question}).json()["data"]
    (supplier,) = (hit for hit in hits if hit["document"]["filename"] == "supplier.txt")
    last = supplier["path"][-1]
    assert last["entity"] == "brockmann turbines"
    assert last["sentence"] == "It bought its pumps from Brockmann Turbines."
    assert last["sentence"][last["start"] : last["end"]] == "Brockmann Turbines"
    assert last["document"]["filename"] == "minutes.txt"
    assert "bought its pumps" in client.get(last["url"]).text
    named = next(hit for hit in hits if hit["document"]["filename"] == "minutes.txt")
    for step in named["path"]:
        assert step["passage"] is None
        assert step["sentence"] == question
