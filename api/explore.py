"""What can be asked of the graph, in the words of the wire: the routes and the command line share it.

As `operations.py`: each function takes the open parts and what the caller may see, and gives a value
of `api.schemas`. Everything here blocks.
"""

from collections.abc import Collection

from api import operations, schemas, views
from api.assemble import Sightline
from core.errors import InputError
from core.types import Access
from kg import related as walks
from kg import view
from kg.graph import Graph

_DOCUMENTS_SHOWN = 20
_NAMES_SHOWN = 12


def related(sightline: Sightline, file_id: str, limit: int, access: Access) -> schemas.RelatedDocuments:
    """Raises NotFound where the tenant has no such file."""
    status = sightline.catalog.get(access.tenant, file_id)
    found = walks.related(_graph(sightline, access), status.id, access=access, limit=limit)
    names = _names(sightline, [status.id, *(one.doc_id for one in found)], access)
    data = [
        schemas.RelatedDocument(document=names.named(one.doc_id), score=one.score, names=list(one.names))
        for one in found
    ]
    return schemas.RelatedDocuments(document=names.named(status.id), data=data)


def neighbours(sightline: Sightline, name: str, limit: int, access: Access) -> schemas.GraphNeighbours:
    """Raises NotFound where no passage that the caller may see has the name."""
    operations.check_question(name, sightline.settings.max_question_chars, param="name")
    found = view.neighbours(_graph(sightline, access), name, access=access, limit=limit)
    passages = _quoted(sightline, [quote for one in found for quote in one.quotes], access)
    data = [
        schemas.GraphNeighbour(
            name=one.name,
            kind=one.kind,
            context=one.context,
            passages=one.passages,
            quotes=passages.quotes(one.quotes),
        )
        for one in found
    ]
    return schemas.GraphNeighbours(name=name, data=data)


def path(sightline: Sightline, name: str, other: str, access: Access) -> schemas.GraphPath:
    """Raises NotFound where no passage that the caller may see has one of the names."""
    for param, value in (("name", name), ("other", other)):
        operations.check_question(value, sightline.settings.max_question_chars, param=param)
    found = view.shortest_path(_graph(sightline, access), name, other, access=access)
    passages = _quoted(sightline, [quote for hop in found for quote in hop.quotes], access)
    data = [
        schemas.GraphHop(name=hop.name, other=hop.other, quotes=passages.quotes(hop.quotes)) for hop in found
    ]
    return schemas.GraphPath(name=name, other=other, data=data)


def communities(sightline: Sightline, limit: int, access: Access) -> schemas.GraphCommunities:
    """The largest groups of documents, passages and names, by the backend of the settings."""
    made = view.networkx_graph(_graph(sightline, access), access=access)
    groups = view.communities(made, backend=sightline.settings.graph_backend)[:limit]
    of_type = [_by_type(made, group) for group in groups]
    shown = [documents[:_DOCUMENTS_SHOWN] for documents, _ in of_type]
    names = _names(sightline, [doc_id for documents in shown for doc_id in documents], access)
    data = [
        schemas.GraphCommunity(
            size=len(group),
            documents=[names.named(doc_id) for doc_id in documents],
            names=called[:_NAMES_SHOWN],
        )
        for group, documents, (_, called) in zip(groups, shown, of_type)
    ]
    return schemas.GraphCommunities(data=data)


def export(sightline: Sightline, format: str, access: Access) -> str:  # noqa: A002
    """The whole graph that the caller may see. Raises InputError for an unknown format."""
    if format not in ("json", "graphml"):
        raise InputError(f"format {format!r} is not known; known: 'json', 'graphml'", param="format")
    made = view.networkx_graph(_graph(sightline, access), access=access)
    return view.written(made, "json" if format == "json" else "graphml")


def _graph(sightline: Sightline, access: Access) -> Graph:
    return sightline.graph.graph(access.tenant)


def _names(sightline: Sightline, doc_ids: Collection[str], access: Access) -> views.Names:
    return views.Names(sightline.catalog, access, frozenset(doc_ids))


def _quoted(sightline: Sightline, quotes: Collection[view.Quote], access: Access) -> views.Passages:
    return operations.passages_of(sightline, {quote.chunk_id for quote in quotes}, access)


def _by_type(made: object, group: Collection[str]) -> tuple[list[str], list[str]]:
    """(documents, names with the most passages first) of a group of nodes."""
    nodes = made.nodes  # type: ignore[attr-defined]
    documents = sorted(node for node in group if nodes[node]["type"] == "document")
    names = [nodes[node] for node in group if nodes[node]["type"] == "name"]
    names.sort(key=lambda node: (-node["passages"], node["name"]))
    return documents, [node["name"] for node in names]
