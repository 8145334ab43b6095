"""/v1/search: the passages that an answer would be made from, with their places."""

from datetime import date
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from api import operations
from api.deps import Caller, Parts
from api.limits import Admitted
from api.schemas import SearchRequest, SearchResult

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.post("")
async def search(body: SearchRequest, sightline: Parts, access: Caller, _place: Admitted) -> SearchResult:
    return await to_thread.run_sync(operations.search, sightline, body.query, body.limit, access, body.as_of)


@router.get("")
async def search_by_address(
    query: Annotated[str, Query(min_length=1)],
    sightline: Parts,
    access: Caller,
    _place: Admitted,
    limit: Annotated[int | None, Query(ge=1, le=100)] = None,
    as_of: date | None = None,
) -> SearchResult:
    return await to_thread.run_sync(operations.search, sightline, query, limit, access, as_of)
