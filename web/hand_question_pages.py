"""The pages on which a method of experiments is tried on one prompt, in the queue of the models."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sql.rows_beside import rows_beside
from web.error_pages import NotFound, problem
from web.formatting import visible_text
from web.hand_questions import Asker, HandMethod, ShownAnswer
from web.model_queue import Busy, HasLeft, Report
from web.page_rendering import latest_warehouse
from web.panel_templates import environment, panels
from web.query_files import Query, Values
from web.request_origin import is_for_another_site
from web.urls import hand_question_url, model_url, replace_invalid_unicode
from web.warehouse_file import WarehouseSnapshot

BY_HAND = "by-hand"
SHOWN_PROMPTS = {"first_prompt": 0, "last_prompt": 0}
NO_MODELS = "these pages were started without anything that runs models: start them with `glasshouse serve`"


@dataclass(frozen=True)
class AnsweredSnapshot:
    """The published file with the rows of an answer in the place of its own."""

    con: Any
    published_at: datetime

    def ask(self, query: Query, values: Values) -> list[SimpleNamespace]:
        """The rows of a query."""
        answer = self.con.execute(query.sql, query.bind(values))
        names = [column[0] for column in answer.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in answer.fetchall()]

    def ask_together(self, questions: Iterable[tuple[Query, Values]]) -> list[list[SimpleNamespace]]:
        return [self.ask(query, values) for query, values in questions]


async def hand_question(request: Request) -> Response:
    """A form, and what the method makes of the prompt that its address holds."""
    asker: Asker | None = request.app.state.asker
    snapshot = latest_warehouse(request).get()
    model_id = replace_invalid_unicode(request.path_params["model_id"])
    if asker is None:
        return HTMLResponse(_page_without_models(snapshot, model_id))
    methods = await run_in_threadpool(asker.methods, model_id)
    method = _method(methods, model_id, replace_invalid_unicode(request.path_params["method"]))
    given = {name: replace_invalid_unicode(value) for name, value in request.query_params.items()}
    if not any(given.get(name) for name in method.needed):
        return HTMLResponse(_page(snapshot, model_id, methods, method, given))
    if is_for_another_site(request):
        refused = "another site asked for this: press Ask if you want it"
        return HTMLResponse(_page(snapshot, model_id, methods, method, given, refused=refused))

    def work(report: Report) -> str:
        answer = asker.ask(model_id, method.name, given, report)
        return _page(snapshot, model_id, methods, method, given, answer, file=request.app.state.latest.file)

    try:
        text = await request.app.state.model_queue.run(work, request.is_disconnected)
    except Busy as error:
        return problem(503, str(error))
    except HasLeft:
        return Response(status_code=499)
    except ValueError as error:
        text = _page(snapshot, model_id, methods, method, given, refused=str(error))
    return HTMLResponse(text, headers={"cache-control": "no-store"})


def _page_without_models(snapshot: WarehouseSnapshot, model_id: str) -> str:
    shared = {"heading": "Try a prompt", "kicker": NO_MODELS, "trail": [(model_id, model_url(model_id))]}
    return environment().get_template("page.html").render(panels=[], published_at=snapshot.published_at, **shared)


def _method(methods: Iterable[HandMethod], model_id: str, name: str) -> HandMethod:
    known = {method.name: method for method in methods}
    if name in known:
        return known[name]
    raise NotFound(
        f"{visible_text(name)} cannot be tried on {visible_text(model_id)} by hand",
        [(each.replace("_", " "), hand_question_url(model_id, each)) for each in known],
    )


def _page(
    snapshot: WarehouseSnapshot,
    model_id: str,
    methods: Iterable[HandMethod],
    method: HandMethod,
    given: dict[str, str],
    answer: ShownAnswer | None = None,
    *,
    refused: str = "",
    file: Any = None,
) -> str:
    shared = {
        "heading": method.question,
        "kicker": f"{method.name.replace('_', ' ')} on {model_id}, by hand",
        "trail": [(model_id, model_url(model_id))],
        "model_id": model_id,
        "methods": list(methods),
        "method": method,
        "given": given,
        "refused": refused,
        "cards": answer.cards if answer else "",
        "published_at": snapshot.published_at,
    }
    if answer is None:
        return environment().get_template("hand_question.html").render(panels=[], **shared)
    keys = {"model_id": model_id, "experiment_id": BY_HAND}
    with closing(rows_beside(file, answer.tables, keys)) as con:
        beside = AnsweredSnapshot(con, snapshot.published_at)
        recipes = [given["recipe"]] if given.get("recipe") else []
        experiment = SimpleNamespace(**keys, method=method.name, recipe_ids=recipes, n_prompts=1)
        found = panels("experiment", beside, keys | SHOWN_PROMPTS, None, experiment=experiment, by_hand=True, **shared)
        return environment().get_template("hand_question.html").render(panels=found, **shared)
