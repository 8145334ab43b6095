"""/v1/ingestion: whether the work of a tenant goes on or is paused, and how much waits."""

from anyio import to_thread
from fastapi import APIRouter

from api import operations
from api.deps import Caller, Parts
from api.schemas import Ingestion

router = APIRouter(prefix="/v1/ingestion", tags=["ingestion"])


@router.get("")
async def ingestion(sightline: Parts, access: Caller) -> Ingestion:
    return await to_thread.run_sync(operations.ingestion, sightline, access)


@router.post("/pause")
async def pause(sightline: Parts, access: Caller) -> Ingestion:
    """Nothing more is begun until it is resumed, by a restart neither; what is in work goes on to its end."""
    return await to_thread.run_sync(operations.pause, sightline, access)


@router.post("/resume")
async def resume(sightline: Parts, access: Caller) -> Ingestion:
    return await to_thread.run_sync(operations.resume, sightline, access)
