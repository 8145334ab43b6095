"""/v1/facts: the typed values of the documents that the caller may see, with their places."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from api import operations
from api.deps import Caller, Parts
from api.limits import Admitted
from api.schemas import FactList

router = APIRouter(tags=["facts"])


@router.get("/v1/facts")
async def facts(
    sightline: Parts,
    access: Caller,
    _place: Admitted,
    attribute: Annotated[str, Query(max_length=200)] = "",
    period: Annotated[str, Query(max_length=80)] = "",
    doc: Annotated[str, Query(max_length=64, description="a file's id")] = "",
    subject: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> FactList:
    return await to_thread.run_sync(
        operations.facts, sightline, attribute, period, doc, subject, limit, access
    )
