"""Every failure becomes one envelope, OpenAI's: {"error": {message, type, param, code}}.

Our own errors bring their status and type (`core.errors`); what the framework raises (no such
route, wrong method, a body that does not fit) is translated here, each naming its field. Failures
that nobody foresaw say nothing about themselves but the request's id; the log has the rest.
"""

import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.errors import Overloaded, SightlineError

log = logging.getLogger("sightline.api")

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    421: "wrong_host",
}
_SHOWN = 80  # characters of an offending value that a message repeats


def envelope(message: str, type_: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def of(error: SightlineError) -> dict[str, Any]:
    return envelope(error.message, error.type, error.param, error.code)


def unforeseen(request_id: str) -> dict[str, Any]:
    message = f"internal error; the server's log tells more under request {request_id}"
    return envelope(message, "api_error", None, "internal_error")


def headers_of(error: SightlineError) -> dict[str, str]:
    if isinstance(error, Overloaded):
        seconds = max(error.retry_after, 0.0)
        return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(round(seconds * 1000))}
    if error.status == 401:
        return {"www-authenticate": "Bearer"}
    return {}


def answer_errors_with_the_envelope(app: FastAPI) -> None:
    app.add_exception_handler(SightlineError, _ours)
    app.add_exception_handler(RequestValidationError, _does_not_fit)
    app.add_exception_handler(HTTPException, _framework)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SightlineError)
    if error.status >= 500:
        log.error("%s: %s", type(error).__name__, error.message, exc_info=error)
    return JSONResponse(of(error), error.status, headers_of(error))


def _framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    message = str(error.detail)
    if status == 404 and message == "Not Found":
        message = f"no route {request.method} {request.url.path!r}; /openapi.json lists the routes"
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status == 405:
        headers["allow"] = allowed = _methods(request)
        message = f"{request.method} is not allowed on {request.url.path!r}; allowed: {allowed}"
    type_ = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    body = envelope(
        message, type_, None, _CODES.get(status, "bad_request" if status < 500 else "internal_error")
    )
    return JSONResponse(body, status, headers)


def _methods(request: Request) -> str:
    """All that the path knows: the framework names only those of the first route that fits."""
    path = getattr(request.scope.get("route"), "path", "")
    return ", ".join(sorted(method.upper() for method in request.app.openapi()["paths"].get(path, ())))


def _does_not_fit(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        where, why = first["loc"][-1], first.get("ctx", {}).get("error", "malformed")
        message = f"the body is not valid JSON at character {where}: {why}"
        return JSONResponse(envelope(message, "invalid_request_error", "body", "invalid_json"), 400)
    param = _field(first["loc"])
    message = f"{param}: {first['msg']}"
    if first["type"] != "missing" and param != "body":
        message += f"; got {_shown(first.get('input'))}"
    if param == "body" and isinstance(error.body, bytes):
        message = "the body must be JSON, sent with content-type application/json"
    code = "missing" if first["type"] == "missing" else "invalid_value"
    return JSONResponse(envelope(message, "invalid_request_error", param, code), 422)


def _field(path: Sequence[int | str]) -> str:
    """("body", "messages", 0, "role") is messages[0].role for the one who sent it."""
    parts = path[1:] if path and path[0] in ("body", "query", "path", "header") and len(path) > 1 else path
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return name.lstrip(".")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
