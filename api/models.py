"""/v1/models: one model, the assistant itself."""

import time

from fastapi import APIRouter

from api.schemas import MODEL, Model, ModelList
from core.errors import ModelNotFound

router = APIRouter(prefix="/v1/models", tags=["models"])

_STARTED = int(time.time())


def require(name: str) -> None:
    """Raises ModelNotFound for any model but ours."""
    if name != MODEL:
        raise ModelNotFound(f"model {name!r} is not served here; served: {MODEL!r}", param="model")


@router.get("")
async def list_models() -> ModelList:
    return ModelList(data=[Model(id=MODEL, created=_STARTED)])


@router.get("/{model}")
async def get_model(model: str) -> Model:
    require(model)
    return Model(id=MODEL, created=_STARTED)
