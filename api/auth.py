"""Who asks: a bearer key opens what its tenant may see.

Knows keys and headers; nothing of documents. Everything needs a key except the paths listed in
`OPEN`: what is not named there is shut, so a new route cannot be left open by forgetting. Without
keys the server answers whoever reaches its loopback address, and then refuses what a web page
elsewhere could make a browser send (foreign Host or Origin). Not here: several tenants from
settings, rotation, roles.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors
from core.errors import Forbidden, SettingsError, SightlineError, Unauthenticated
from core.settings import Settings
from core.types import Access

OPEN = ("/livez", "/readyz", "/e/")


class Keyring:
    """Keys, kept as their SHA-256, and what each may see. Empty: everybody is the default tenant."""

    def __init__(self, keys: Mapping[str, Access]) -> None:
        self._access = {hashlib.sha256(key.encode()).digest(): access for key, access in keys.items()}

    @classmethod
    def of(cls, settings: Settings) -> "Keyring":
        key = settings.api_key.get_secret_value()
        return cls({key: Access()} if key else {})

    @property
    def empty(self) -> bool:
        return not self._access

    def access(self, key: str) -> Access:
        """Raises Unauthenticated; how long that takes says nothing about the keys."""
        given = hashlib.sha256(key.encode()).digest()
        found = None
        for known, access in self._access.items():
            if hmac.compare_digest(given, known):
                found = access
        if found is None:
            raise Unauthenticated(
                "this API key is not known here; send the key that the server was started with"
            )
        return found


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_to_be_public_without_a_key(settings: Settings) -> None:
    if not is_loopback(settings.host) and not settings.api_key.get_secret_value():
        raise SettingsError(
            f"SIGHTLINE_HOST={settings.host!r} can be reached by others; set SIGHTLINE_API_KEY, "
            "or listen on 127.0.0.1"
        )


class Doorman:
    """Lets a request in with the `Access` of its key, before a byte of its body is read."""

    def __init__(self, app: ASGIApp, *, keyring: Keyring, public_url: str) -> None:
        self.app = app
        self.keyring = keyring
        self.public_host = urlsplit(public_url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(OPEN):
            try:
                scope["state"]["access"] = self._access(Headers(scope=scope))
            except SightlineError as error:
                refusal = JSONResponse(errors.of(error), error.status, errors.headers_of(error))
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _access(self, headers: Headers) -> Access:
        if not self.keyring.empty:
            return self.keyring.access(_bearer(headers))
        self._refuse_other_sites(headers)
        return Access()

    def _refuse_other_sites(self, headers: Headers) -> None:
        """Without a key the loopback address is the only wall, and a browser stands inside it."""
        host = headers.get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if not is_loopback(name) and name != self.public_host:
            raise Forbidden(f"host {name!r} is not served without an API key; ask at 127.0.0.1")
        origin = headers.get("origin", f"http://{host}")
        if urlsplit(origin).netloc != host or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise Forbidden(
                f"pages of {origin!r} may not call this server; set SIGHTLINE_API_KEY and send it"
            )


def _bearer(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("an API key is required; send it as 'Authorization: Bearer KEY'")
    return key.strip()
