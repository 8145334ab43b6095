"""/spec: what runs here, described by itself: inputs, outputs, model, precision, hardware, versions, and what was
measured while it served. What was not measured is null, never a guess.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from pydantic import BaseModel

from api import schemas
from api.assemble import Sightline
from api.deps import Parts
from api.meter import SEARCH, Served, Times
from core.measure import machine
from ingest.readers import REGISTRY

router = APIRouter(tags=["models"])

_INPUTS: dict[str, type[BaseModel]] = {
    "POST /v1/chat/completions": schemas.ChatRequest,
    "POST /v1/search": schemas.SearchRequest,
}
_OUTPUTS: dict[str, type[BaseModel]] = {
    "POST /v1/chat/completions": schemas.Completion,
    "POST /v1/search": schemas.SearchResult,
    "GET /v1/files/{file_id}": schemas.File,
    "GET /v1/facts": schemas.FactList,
    "failures": schemas.ErrorBody,
}
_PACKAGES = (
    "langchain", "qdrant-client", "sentence-transformers", "torch", "transformers", "fastapi", "networkx", "open-clip-torch", "openvino",
)  # fmt: skip


@router.get("/spec")
async def spec(sightline: Parts) -> schemas.Spec:
    return await to_thread.run_sync(spec_of, sightline)


def spec_of(sightline: Sightline) -> schemas.Spec:
    served = sightline.meter.served()
    model = _model(sightline)
    embedder = sightline.embedder
    return schemas.Spec(
        version=version("sightline"),
        inputs={route: kind.model_json_schema() for route, kind in _INPUTS.items()},
        outputs={route: kind.model_json_schema(mode="serialization") for route, kind in _OUTPUTS.items()},
        formats=[
            schemas.SpecFormat(media_type=kind, name=one.description, suffixes=list(one.suffixes))
            for kind, one in REGISTRY.items()
        ],
        encoder=schemas.SpecEncoder(
            name=embedder.name,
            size=embedder.size,
            max_tokens=embedder.max_tokens,
            languages=sorted(embedder.languages),
        ),
        model=model,
        hardware=machine(),
        versions=_versions(),
        measured=_measured(served),
        efficiency=_efficiency(sightline, served, model.profile if model else None),
    )


def _model(sightline: Sightline) -> schemas.SpecModel | None:
    if sightline.model is None:
        return None
    settings, local, figures = sightline.settings, sightline.local_model, sightline.model_figures
    return schemas.SpecModel(
        name=local.name if local else settings.model,
        where="here" if local else "served",
        precision=settings.model_experts if local else "as the server holds it",
        policy=settings.model_policy,
        profile=figures.to_json() if figures else None,
    )


def _versions() -> dict[str, str]:
    """Of what does the work; a package that is not installed is left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _measured(served: Served) -> schemas.SpecMeasured:
    times = {name: _times(each) for name, each in served.times.items()}
    searches = times.pop(SEARCH, None)
    return schemas.SpecMeasured(
        since=int(served.since),
        answers=served.answers,
        answers_per_second=served.answers / served.seconds if served.seconds else None,
        paths=times,
        searches=searches,
        model_tokens_per_second=served.tokens_per_second or None,
    )


def _times(times: Times) -> schemas.TimesReport:
    return schemas.TimesReport(count=times.count, p50_seconds=times.p50, p99_seconds=times.p99)


def _efficiency(
    sightline: Sightline, served: Served, profile: dict[str, Any] | None
) -> schemas.SpecEfficiency:
    answers = served.answers
    held = profile["parameters"] if profile else None
    return schemas.SpecEfficiency(
        active_share=held["active"] / held["total"] if held else None,
        flops_per_token=profile["flops_per_token"] if profile else None,
        dense_flops_per_token=profile["dense_flops_per_token"] if profile else None,
        answered_without_model=1 - served.with_model / answers if answers else None,
        flops_per_answer=served.flops / answers if answers else None,
        joules_per_answer=served.joules / answers if answers and served.joules else None,
        experts=_experts(sightline),
    )


def _experts(sightline: Sightline) -> list[schemas.SpecExperts] | None:
    sums = sightline.expert_sums
    if sums is None:
        return None
    from rag.vl.experts import uses

    return [
        schemas.SpecExperts(layer=use.layer, entropy=use.entropy, skew=use.skew, idle=use.idle)
        for use in uses(sums.total())
    ]
