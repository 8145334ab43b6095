"""/v1/files: documents in, their progress, their bytes back, and out again.

An upload is answered when its bytes and its row survive power loss; reading and indexing go on
behind. A content that the tenant has already is the same file; a new content under the same
`source` takes the older one's place at the moment when it can be found.
"""

from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Form, Query, UploadFile
from fastapi import File as FormFile
from fastapi.responses import FileResponse

from api import operations
from api.deps import Caller, Parts
from api.schemas import Deleted, File, FileList, FileStage, Purpose, Recount
from core.errors import TooLarge

router = APIRouter(prefix="/v1/files", tags=["files"])


@router.post("")
async def upload(
    sightline: Parts,
    access: Caller,
    file: Annotated[UploadFile, FormFile(description="the document")],
    purpose: Annotated[Purpose, Form()] = "user_data",
    source: Annotated[str | None, Form(description="the name that it keeps; default: its file name")] = None,
    also: Annotated[list[str] | None, Form(description="names that it keeps beside it")] = None,
) -> File:
    """Accepts a document. Poll GET /v1/files/{id} until `status` is processed or error."""
    name = source if source is not None else _last_part(file.filename or "")
    largest = sightline.settings.max_upload_bytes
    if file.size is not None and file.size > largest:
        raise TooLarge(f"{name!r} has {file.size:,} bytes; at most {largest:,} are taken", param="file")
    data = await file.read()
    accepted = await to_thread.run_sync(operations.accept, sightline, name, data, access, also or ())
    return accepted.model_copy(update={"purpose": purpose})


@router.get("")
async def list_files(
    sightline: Parts,
    access: Caller,
    after: Annotated[str | None, Query(description="the id of the last file of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order: Annotated[Literal["desc"], Query(description="newest first")] = "desc",
    stage: FileStage | None = None,
    source: str | None = None,
) -> FileList:
    del order  # there is one
    read = partial(operations.list_files, stage=stage, source=source, after=after, limit=limit)
    return await to_thread.run_sync(read, sightline, access)


@router.post("/verify")
async def verify(sightline: Parts, access: Caller) -> Recount:
    """Counts everything again, queues again what does not add up, removes what belongs to nothing."""
    return await to_thread.run_sync(operations.verify, sightline, [access.tenant])


@router.get("/{file_id}")
async def get_file(file_id: str, sightline: Parts, access: Caller) -> File:
    return await to_thread.run_sync(operations.get_file, sightline, file_id, access)


@router.post("/{file_id}/cancel")
async def cancel(file_id: str, sightline: Parts, access: Caller) -> File:
    """Stops what waits or is in work. An older version stays; the content is kept for a retry."""
    return await to_thread.run_sync(operations.cancel, sightline, file_id, access)


@router.post("/{file_id}/retry")
async def retry(file_id: str, sightline: Parts, access: Caller) -> File:
    """Queues what failed or was cancelled again."""
    return await to_thread.run_sync(operations.retry, sightline, file_id, access)


@router.get("/{file_id}/content", response_class=FileResponse)
async def get_content(file_id: str, sightline: Parts, access: Caller) -> FileResponse:
    """The bytes as they came."""
    path, name = await to_thread.run_sync(operations.content, sightline, file_id, access)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        headers={"content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"},
    )


@router.delete("/{file_id}")
async def delete_file(file_id: str, sightline: Parts, access: Caller) -> Deleted:
    """Hidden from every question when this returns."""
    return await to_thread.run_sync(operations.delete, sightline, file_id, access)


def _last_part(name: str) -> str:
    """Some browsers send a path; only its last part is a name."""
    return PureWindowsPath(PurePosixPath(name).name).name
