"""The server: which address leads to which page, and what every answer is sent with."""

from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import error_pages, feature_map
from web import routes as pages
from web.api import server as api
from web.api.endpoint import Services
from web.custom_text import Reader, TextQueue
from web.request_origin import RequestOrigin
from web.semantic_search import TextEmbedderProtocol
from web.stored_vectors import VectorReader
from web.warehouse_file import LatestWarehouse, Unreadable

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
"""Nothing is loaded from elsewhere and nothing inline runs, whatever a token says. Pages may stand in a frame: there is
nothing on them to be tricked into."""


class SecurityHeaders:
    """Sends every answer with `HEADERS`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        await self.app(scope, receive, guarded)


def app(
    published: Path,
    reader: Reader | None = None,
    embedder: TextEmbedderProtocol | None = None,
    vectors: VectorReader | None = None,
) -> ASGIApp:
    """The pages over a published file, which may be missing yet: a page then says so.

    Args:
        published: The warehouse; looked at anew at each request.
        reader: What runs models on a reader's own text; None where nothing can.
        embedder: Embeds a text that is searched for; None where nothing can.
        vectors: Reads weights of features; None where there are none.
    """
    services, text_queue = Services(LatestWarehouse(published), reader, embedder, vectors), TextQueue()
    served = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/search", pages.search),
            Route("/compare", pages.compare),
            Route("/sae/{model_id}/{recipe_id}", pages.sae),
            Route("/sae/{model_id}/{recipe_id}/random", pages.random_feature),
            Route("/sae/{model_id}/{recipe_id}/jump", pages.jump),
            Route("/sae/{model_id}/{recipe_id}/text", pages.own_text, methods=["GET", "POST"]),
            Route("/sae/{model_id}/{recipe_id}/map", feature_map.page),
            Route("/sae/{model_id}/{recipe_id}/map/points", feature_map.points),
            Route("/sae/{model_id}/{recipe_id}/map/labels", feature_map.labels),
            Route("/sae/{model_id}/{recipe_id}/map/found", feature_map.found),
            Route("/sae/{model_id}/{recipe_id}/{feature_id}", pages.feature),
            Route("/api", api.page),
            Mount("/api", api.api(services, text_queue)),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        exception_handlers={
            HTTPException: error_pages.not_found,
            Unreadable: error_pages.unreadable,
            500: error_pages.broken,
        },
    )
    served.state.latest, served.state.reader, served.state.embedder = services.latest, reader, embedder
    served.state.text_queue = text_queue
    return SecurityHeaders(served)


def serve(
    published: Path,
    host: str,
    port: int,
    reader: Reader | None = None,
    embedder: TextEmbedderProtocol | None = None,
    names: Iterable[str] = (),
    vectors: VectorReader | None = None,
) -> None:
    """Answers until it is interrupted, to this machine's names and to `names`."""
    import uvicorn

    from web.http_protocol import ImpatientProtocol

    answering = RequestOrigin(app(published, reader, embedder, vectors), names)
    uvicorn.run(answering, host=host, port=port, log_level="warning", http=ImpatientProtocol)
