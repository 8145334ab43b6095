"""What routes are handed: the parts, and what the caller may see."""

from typing import Annotated

from fastapi import Depends, Request

from api.assemble import Sightline
from core.types import Access


def parts(request: Request) -> Sightline:
    sightline = request.app.state.sightline
    assert isinstance(sightline, Sightline)
    return sightline


def caller(request: Request) -> Access:
    """What the doorman found; every route that touches documents takes it."""
    access = request.state.access
    assert isinstance(access, Access)
    return access


Parts = Annotated[Sightline, Depends(parts)]
Caller = Annotated[Access, Depends(caller)]
