"""/v1/graph: what the knowledge graph knows, each edge with the sentence that says so."""

from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Response

from api import explore
from api.deps import Caller, Parts
from api.limits import Admitted
from api.schemas import GraphCommunities, GraphNeighbours, GraphPath, RelatedDocuments

router = APIRouter(prefix="/v1/graph", tags=["graph"])

Limit = Annotated[int, Query(ge=1, le=100)]
Name = Annotated[str, Query(min_length=1)]

_MEDIA_TYPES = {"json": "application/json", "graphml": "application/graphml+xml"}


@router.get("/related")
async def related(
    file_id: Name, sightline: Parts, access: Caller, _place: Admitted, limit: Limit = 10
) -> RelatedDocuments:
    return await to_thread.run_sync(explore.related, sightline, file_id, limit, access)


@router.get("/neighbours")
async def neighbours(
    name: Name, sightline: Parts, access: Caller, _place: Admitted, limit: Limit = 20
) -> GraphNeighbours:
    return await to_thread.run_sync(explore.neighbours, sightline, name, limit, access)


@router.get("/path")
async def path(name: Name, other: Name, sightline: Parts, access: Caller, _place: Admitted) -> GraphPath:
    return await to_thread.run_sync(explore.path, sightline, name, other, access)


@router.get("/communities")
async def communities(
    sightline: Parts, access: Caller, _place: Admitted, limit: Limit = 20
) -> GraphCommunities:
    return await to_thread.run_sync(explore.communities, sightline, limit, access)


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in _MEDIA_TYPES.values()}}},
)
async def export(
    sightline: Parts,
    access: Caller,
    _place: Admitted,
    format: Literal["json", "graphml"] = "json",  # noqa: A002
) -> Response:
    text = await to_thread.run_sync(explore.export, sightline, format, access)
    return Response(text, media_type=_MEDIA_TYPES[format])
