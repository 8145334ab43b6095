"""Every error that Sightline raises on purpose.

    SightlineError                       500  api_error
    |- SettingsError                     500  a setting is unknown or wrong (the process does not start)
    |- InputError                        400  invalid_request_error
    |   |- UnsupportedFormat             415  no reader for this kind of file
    |   |- UnreadableFile                422  empty, truncated, locked, broken
    |   |   `- LockedFile                422  needs a password
    |   `- TooLarge                      413
    |- Unauthenticated                   401  authentication_error
    |- Forbidden                         403  permission_error (a page of another site asks)
    |- NotFound                          404  not_found_error (also for what may not be seen)
    |   `- ModelNotFound                 404  no model of that name is served
    |- StateInUse                        409  another process owns the state directory
    |- IndexMismatch                     409  the index was made with another embedder
    |- WrongStage                        409  a document is not in the stage that this needs
    |- Overloaded                        429  rate_limit_error, with retry_after
    `- BackendError                      502  a store, a database or a model server failed
        `- BackendTimeout                504

The HTTP edge turns any of them into one envelope (see `api/errors.py`); nobody else knows HTTP.
Messages name the offending value and what would be right.
"""

from typing import ClassVar


class SightlineError(Exception):
    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class SettingsError(SightlineError):
    code = "settings_error"


class InputError(SightlineError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_value"


class UnsupportedFormat(InputError):
    status = 415
    code = "unsupported_format"


class UnreadableFile(InputError):
    status = 422
    code = "unreadable_file"


class LockedFile(UnreadableFile):
    code = "locked_file"


class TooLarge(InputError):
    status = 413
    code = "too_large"


class Unauthenticated(SightlineError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(SightlineError):
    status = 403
    type = "permission_error"
    code = "forbidden"


class NotFound(SightlineError):
    status = 404
    type = "not_found_error"
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class StateInUse(SightlineError):
    status = 409
    type = "conflict_error"
    code = "state_in_use"


class IndexMismatch(SightlineError):
    status = 409
    type = "conflict_error"
    code = "index_mismatch"


class WrongStage(SightlineError):
    status = 409
    type = "conflict_error"
    code = "wrong_stage"


class Overloaded(SightlineError):
    status = 429
    type = "rate_limit_error"
    code = "overloaded"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BackendError(SightlineError):
    status = 502
    code = "backend_error"


class BackendTimeout(BackendError):
    status = 504
    code = "backend_timeout"
