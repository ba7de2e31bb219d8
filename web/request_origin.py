"""Who may ask: requests to a name that the server goes by, and forms from its own pages only.

Pages on this machine's address would otherwise be open to any site that a reader visits: by a name that it points to
this address (DNS rebinding), or by a form that it posts here.
"""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.api.problems import problem as api_problem
from web.error_pages import problem

SAFE = {"GET", "HEAD", "OPTIONS"}


class RequestOrigin:
    """Answers 403 to a request that names another host, or that changes or computes something for another site."""

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        """
        Args:
            names: Names that the server goes by besides `localhost`, this machine's name and every numeric address.
        """
        self.app = app
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
        if request.method not in SAFE and is_foreign:
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


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""
