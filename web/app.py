"""The server: which address leads to which page, and what every answer is sent with."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import error_pages, experiment_pages, feature_map, graph_pages, image_page, text_routes
from web import routes as pages
from web.api import server as api
from web.api.endpoint import Services
from web.experiment_images import experiment_image
from web.graph_changes import GraphChanger, change_feature
from web.hand_question_pages import hand_question
from web.hand_questions import Asker
from web.label_editing import write_label
from web.label_form import Editing, LabelEditor
from web.list_page import feature_list
from web.model_page import model
from web.model_queue import ModelQueue
from web.request_limits import RequestLimits
from web.request_origin import RequestOrigin
from web.semantic_search import TextEmbedderProtocol
from web.snippets import Snippets
from web.stored_vectors import VectorReader
from web.text_reading import Reader
from web.warehouse_file import LatestWarehouse, Unreadable

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
"""Nothing is loaded from elsewhere and nothing inline runs, whatever a token says. Pages may stand in a frame: there is
nothing on them to be tricked into, unless they may be edited."""
UNFRAMED = {**HEADERS, "content-security-policy": f"{HEADERS['content-security-policy']}; frame-ancestors 'none'"}
"""Of pages that may be edited."""

SWITCH_SECONDS = 0.001
"""How long a thread of Python's holds the interpreter while another wants it: a page gives it up at each question to
the warehouse, and waits this long to have it back while a text is read."""
MOST_CONNECTIONS = 512
"""At once; whoever comes then is told so (503)."""


class SecurityHeaders:
    """Sends every answer with `HEADERS`."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = HEADERS) -> None:
        self.app, self.headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        await self.app(scope, receive, guarded)


def app(
    published: Path,
    reader: Reader | None = None,
    embedder: TextEmbedderProtocol | None = None,
    vectors: VectorReader | None = None,
    origins: Sequence[str] = (),
    editor: LabelEditor | None = None,
    kept_texts: Path | None = None,
    asker: Asker | None = None,
    graph_changer: GraphChanger | None = None,
) -> ASGIApp:
    """The pages over a published file, which may be missing yet: a page then says so.

    Args:
        published: The warehouse; looked at anew at each request.
        reader: What runs models on a reader's own text; None where nothing can.
        embedder: Embeds a text that is searched for; None where nothing can.
        vectors: Reads weights of features; None where there are none.
        origins: Sites whose pages may read the API.
        editor: Writes people's labels; None where the pages are read-only.
        kept_texts: Where readers' texts are kept that are too long for an address; None to keep none.
        asker: What tries methods of experiments on a prompt; None where nothing can.
        graph_changer: What runs the model of a graph with a feature changed; None where nothing can.
    """
    services, model_queue = Services(LatestWarehouse(published), reader, embedder, vectors), ModelQueue()
    served = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/search", pages.search),
            Route("/compare", pages.compare),
            Route("/experiments", experiment_pages.experiments),
            Route("/experiments/{model_id}/{experiment_id}", experiment_pages.experiment),
            Route("/experiments/{model_id}/{experiment_id}/image/{number:int}.png", experiment_image),
            Route("/experiments/{model_id}/{experiment_id}/graph/{prompt_id}", graph_pages.graph),
            Route("/experiments/{model_id}/{experiment_id}/graph/{prompt_id}/change", change_feature),
            Route("/list/{list_id}", feature_list),
            Route("/model/{model_id}", model),
            Route("/sae/{model_id}/{recipe_id}", pages.sae),
            Route("/sae/{model_id}/{recipe_id}/random", pages.random_feature),
            Route("/sae/{model_id}/{recipe_id}/jump", pages.jump),
            Route("/sae/{model_id}/{recipe_id}/map", feature_map.page),
            Route("/sae/{model_id}/{recipe_id}/map/points", feature_map.points),
            Route("/sae/{model_id}/{recipe_id}/map/labels", feature_map.labels),
            Route("/sae/{model_id}/{recipe_id}/map/found", feature_map.found),
            Route("/model/{model_id}/ask/{method}", hand_question),
            Route("/model/{model_id}/image", image_page.image, methods=["GET", "POST"]),
            Route("/model/{model_id}/text", text_routes.text, methods=["GET"]),
            Route("/model/{model_id}/text", text_routes.send_text, methods=["POST"]),
            Route("/sae/{model_id}/{recipe_id}/{feature_id}", pages.feature),
            Route("/sae/{model_id}/{recipe_id}/{feature_id}/label", write_label, methods=["POST"]),
            Route("/api", api.page),
            Mount("/api", CORSMiddleware(api.api(services, model_queue), origins, ["GET", "POST"], ["content-type"])),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
            Route("/{model_id}/{source}/{feature_id:int}", pages.foreign_address),
        ],
        exception_handlers={
            HTTPException: error_pages.not_found,
            Unreadable: error_pages.unreadable,
            500: error_pages.broken,
        },
    )
    state = served.state
    state.latest, state.embedder, state.model_queue = services.latest, embedder, model_queue
    state.text_pages = text_routes.TextPages(reader, model_queue, Snippets(kept_texts))
    state.image_reader = reader if hasattr(reader, "read_image") else None
    state.asker, state.graph_changer = asker, graph_changer
    state.editing = editor and Editing(editor)
    return SecurityHeaders(RequestLimits(served), UNFRAMED if editor else HEADERS)


def serve(
    published: Path,
    host: str,
    port: int,
    reader: Reader | None = None,
    embedder: TextEmbedderProtocol | None = None,
    names: Iterable[str] = (),
    vectors: VectorReader | None = None,
    origins: Sequence[str] = (),
    editor: LabelEditor | None = None,
    kept_texts: Path | None = None,
    asker: Asker | None = None,
    graph_changer: GraphChanger | None = None,
) -> None:
    """Answers until it is interrupted, to this machine's names and to `names`; to pages of `origins` the API."""
    import uvicorn

    from web.http_protocol import ImpatientProtocol

    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.run(
        RequestOrigin(
            app(published, reader, embedder, vectors, origins, editor, kept_texts, asker, graph_changer), names, origins
        ),
        host=host,
        port=port,
        log_level="warning",
        http=ImpatientProtocol,
        limit_concurrency=MOST_CONNECTIONS,
    )
