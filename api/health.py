"""/livez and /readyz: whether the process runs, and whether it can answer. Open to everybody."""

import logging
from collections.abc import Callable

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.assemble import Sightline
from api.deps import Parts
from core.database import reading
from core.errors import SightlineError
from core.types import DEFAULT_TENANT

log = logging.getLogger("sightline.api")

router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "something that an answer needs does not work"}})
async def ready(sightline: Parts) -> JSONResponse:
    """503 names what does not work; the server's log says why."""
    failed = await to_thread.run_sync(_failures, sightline)
    body = {"status": "unavailable" if failed else "ok", "failed": failed}
    return JSONResponse(body, 503 if failed else 200)


def _failures(sightline: Sightline) -> list[str]:
    checks: dict[str, Callable[[Sightline], object]] = {"database": _ask_database, "vectors": _ask_store}
    failed = []
    for name, check in checks.items():
        try:
            check(sightline)
        except (SightlineError, SQLAlchemyError, OSError):
            log.exception("not ready: %s", name)
            failed.append(name)
    return failed


def _ask_database(sightline: Sightline) -> None:
    with reading(sightline.engine) as connection:
        connection.execute(text("SELECT 1"))


def _ask_store(sightline: Sightline) -> None:
    sightline.store.count(DEFAULT_TENANT, doc_id="")
