"""Who may ask: requests to a name that the server goes by, and forms from its own pages only.

Pages on this machine's address would otherwise be open to any site that a reader visits: by a name that it points to
this address (DNS rebinding), or by a form that it posts here.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.api.problems import problem as api_problem
from web.error_pages import problem

SAFE = {"GET", "HEAD", "OPTIONS"}


class RequestOrigin:
    """Answers 403 to a request that names another host, or that changes or computes something for another site."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), origins: Collection[str] = ()) -> None:
        """
        Args:
            names: Names that the server goes by besides `localhost`, this machine's name and every numeric address.
            origins: Sites whose pages may read the API and ask it.
        """
        self.app, self.origins = app, origins
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refused := self._refused(Request(scope))):
            answer = (api_problem if scope["path"].startswith("/api/") else problem)(403, refused)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refused(self, request: Request) -> str:
        """Why a request is refused; empty if it is not."""
        host = _host(f"//{request.headers.get('host', '')}")
        if not self._is_known(host):
            return (
                f"these pages do not go by the name {host!r}: open them by the address that `glasshouse serve` prints, "
                f"or start them with --name {host}"
            )
        origin = request.headers.get("origin")
        is_foreign = request.headers.get("sec-fetch-site") in ("cross-site", "same-site") or (
            origin is not None and urlsplit(origin).netloc.lower() != request.headers["host"].lower()
        )
        is_let = origin in self.origins and request.url.path.startswith("/api/")
        if request.method not in SAFE and is_foreign and not is_let:
            return f"a form of another site ({origin}) was sent here: open the page itself"
        return ""

    def _is_known(self, host: str) -> bool:
        if host in self.names or host.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


def refuse_unmeant_exposure(host: str, *, is_meant: bool) -> None:
    """Asks for a word before others can reach the pages.

    Raises:
        ValueError: If the address is reached from other machines and nobody said that this is meant.
    """
    if is_meant or _is_loopback(host):
        return
    raise ValueError(
        f"--host {host} opens the pages to every machine that reaches this one, without a password: who comes reads "
        "the whole warehouse, has your models read texts on this machine, and sees texts that are kept. Add "
        "--open-to-network if that is meant, or leave --host out"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_for_another_site(request: Request) -> bool:
    """Whether a page of another site has a browser ask, and no person who followed a link there: such a request may be
    answered, and must not make this machine work for it."""
    if request.headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    is_followed = request.headers.get("sec-fetch-user") == "?1" and request.headers.get("sec-fetch-dest") == "document"
    return not is_followed


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def checked_origin(text: str) -> str:
    """An origin as browsers send it.

    Raises:
        ValueError: If the text is none.
    """
    parts = urlsplit(text)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in ("http", "https") or not parts.hostname or text.rstrip("/").lower() != origin:
        raise ValueError(f"{text!r} is no origin: write scheme, host and port, such as http://localhost:8032")
    return origin
