"""/v1/ingestion: whether the work of a tenant goes on or is paused, how much waits, and the removal of what
deletions left in the files of the state.
"""

from anyio import to_thread
from fastapi import APIRouter

from api import operations
from api.deps import Caller, Parts
from api.schemas import Compaction, Ingestion

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


@router.post("/compact")
async def compact(sightline: Parts, _access: Caller) -> Compaction:
    """Waits for what is in work, and copies what is left into new files: afterwards no byte of what was
    deleted is in the state. Questions are answered meanwhile, uploads are taken.
    """
    return await to_thread.run_sync(operations.compact, sightline, sightline.jobs.held)
