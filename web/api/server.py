"""The API over HTTP: an application of its own below `/api`, whose every answer, errors included, is for programs."""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from web.api import problems
from web.api.endpoint import JSON, Content, Endpoint, Question, Services
from web.api.found_endpoints import endpoints
from web.api.json_values import to_json
from web.api.openapi import openapi
from web.api.request_parameters import parameters_of
from web.model_queue import ModelQueue, Report
from web.panel_templates import environment

Handler = Callable[[Request], Awaitable[Response]]


def api(services: Services, model_queue: ModelQueue) -> Starlette:
    """The application.

    Args:
        model_queue: In which questions to models wait for their turn with those of the pages.
    """
    routes: list[BaseRoute] = [Route("/openapi.json", _document), Route("/", lambda _: RedirectResponse("/api"))]
    for endpoint in endpoints():
        if endpoint.path is not None:
            handler, methods = _handler(endpoint, services, model_queue), [endpoint.method]
            ways = (endpoint.path, endpoint.path + "/") if endpoint.method == "POST" else (endpoint.path,)
            routes += [Route(way, handler, methods=methods) for way in ways]
    handlers = dict.fromkeys(problems.STATUS, problems.of_ours) | {HTTPException: problems.of_http}
    return Starlette(routes=_longest_first(routes), exception_handlers={**handlers, 500: problems.broken})


def page(request: Request) -> Response:
    """The page that lists the API."""
    families: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints():
        if endpoint.path is not None:
            families.setdefault(endpoint.family, []).append(endpoint)
    return HTMLResponse(environment().get_template("api.html").render(families=families))


def _longest_first(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Routes with fewer fields first, so that a fixed name is not read as a field."""
    return sorted(routes, key=lambda route: route.path.count("{"))  # type: ignore[attr-defined]


def _handler(endpoint: Endpoint, services: Services, model_queue: ModelQueue) -> Handler:
    async def handle(request: Request) -> Response:
        asked = await parameters_of(request, endpoint)

        def answer(report: Report) -> Response:
            value = endpoint.answer(Question(services.latest.get(), services, report), asked)
            content = value if isinstance(value, Content) else Content(to_json(value), JSON)
            return _tagged(request, content)

        if endpoint.waits_for_model(asked):
            return await model_queue.run(answer, request.is_disconnected)
        return await run_in_threadpool(answer, lambda stage: None)

    return handle


def _document(request: Request) -> Response:
    return _tagged(request, Content(to_json(openapi()), JSON))


def _tagged(request: Request, content: Content) -> Response:
    """An answer with the tag of its bytes, or only that they are still the same."""
    if request.method not in ("GET", "HEAD"):
        return Response(content.data, media_type=content.media_type, headers={"cache-control": "no-store"})
    tag = f'"{hashlib.sha256(content.data).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    given = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if given & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(content.data, media_type=content.media_type, headers=headers)
