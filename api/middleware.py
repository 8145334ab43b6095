"""What happens to every request and response: an id, security headers, one log line, a body cap.

Plain ASGI, so that streams pass through untouched. The log line names the route, never the query
or the link that was asked for: both are private.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from core.errors import TooLarge

log = logging.getLogger("sightline.access")

_MEGABYTE = 1_000_000
JSON_LIMIT = _MEGABYTE

_KNOWN_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)
_SECURE: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # links to evidence are keys; they must not travel on
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
    "cache-control": "no-store",
}


Requested = Callable[[str, str, int, float], None]  # method, route, status, seconds


def _nobody_counts(method: str, route: str, status: int, seconds: float) -> None:
    """For an application that is not measured."""


class Envelope:
    """Tells `requested` of each request. Gives each request its id and each response its headers, failures that nobody foresaw too."""

    def __init__(self, app: ASGIApp, *, requested: Requested = _nobody_counts) -> None:
        self.app = app
        self.requested = requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                for name, value in _SECURE.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:  # the edge: whatever went wrong, the caller gets the envelope
            log.exception("request %s failed", request_id)
            if status:
                raise
            await JSONResponse(errors.unforeseen(request_id), 500)(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            elapsed = time.perf_counter() - started
            self.requested(scope["method"], route, status, elapsed)
            log.info("%s %s %s %.1f ms %s", scope["method"], route, status, 1000 * elapsed, request_id)


class BodyLimit:
    """Refuses a body above its route's cap: at once if it announces itself, else while it comes in."""

    def __init__(self, app: ASGIApp, *, upload_limit: int) -> None:
        self.app = app
        self.upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # The form around a file adds a little; the file itself is measured where it is taken.
        limit = self.upload_limit + _MEGABYTE if scope["path"] == "/v1/files" else JSON_LIMIT
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            error = TooLarge(_too_large(limit), param="body")
            await JSONResponse(errors.of(error), error.status)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                # Not TooLarge: the framework wraps all but its own exceptions while it reads a body.
                raise HTTPException(413, _too_large(limit))
            return message

        await self.app(scope, counted, send)


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit // _MEGABYTE} MB; see SIGHTLINE_MAX_UPLOAD_MB"


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _KNOWN_ID.fullmatch(given) else f"req_{uuid4().hex}"
