"""/metrics: what was served and how things stand, in Prometheus' text format. Counts, never words."""

from collections.abc import Iterator

from anyio import to_thread
from fastapi import APIRouter, Response

from api.assemble import Sightline
from api.deps import Parts
from core.measure import Gauge

router = APIRouter(tags=["health"])

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(sightline: Parts) -> Response:
    """With the loads of the model's experts, where they are watched (SIGHTLINE_MODEL_TELEMETRY)."""
    body = await to_thread.run_sync(lambda: sightline.meter.exposition(_now(sightline)))
    return Response(body, media_type=_TEXT)


def _now(sightline: Sightline) -> Iterator[Gauge]:
    yield Gauge("sightline_documents_waiting", {}, float(sightline.turns.waiting()))
    for stage, count in sightline.catalog.counts().items():
        yield Gauge("sightline_documents", {"stage": stage}, float(count))
    sums = sightline.expert_sums
    if sums:
        yield from sums.snapshot()
