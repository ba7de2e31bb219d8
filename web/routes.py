"""The pages: what each address answers."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.addressed_rows import find_sae, parse_feature_id, sae_link
from web.error_pages import NotFound, problem
from web.feature_table import TableQuery
from web.label_form import label_form
from web.model_queue import Busy, HasLeft
from web.page_rendering import latest_warehouse, render_page
from web.panel_templates import environment, panels
from web.query_files import queries
from web.request_origin import is_for_another_site
from web.semantic_search import Meaning, embed_query
from web.urls import api_url, feature_url, parse_id, replace_invalid_unicode, sae_url
from web.warehouse_file import WarehouseSnapshot

MOST_SEARCHED = 1000
"""Characters of a search."""


def home(request: Request) -> Response:
    return render_page(request, "home", {}, heading="Glasshouse", trail=[])


async def search(request: Request) -> Response:
    """Features by label, token, meaning and example; what a text means is found in the queue of the models."""
    text = replace_invalid_unicode(request.query_params.get("text", ""))
    if len(text) > MOST_SEARCHED:
        return problem(
            414, f"the search has {len(text):,} characters, and {MOST_SEARCHED:,} are allowed: search for less"
        )
    searches = {name for name in ("examples", "meaning") if text and request.query_params.get(name) == "yes"}
    meaning, refused = await _meaning(request, text) if "meaning" in searches else (None, "")
    return await run_in_threadpool(
        render_page,
        request,
        "search",
        {"text": text} if text else {},
        heading="Search",
        trail=[],
        text=text,
        in_examples="examples" in searches,
        meaning=meaning,
        meaning_refused=refused,
    )


async def _meaning(request: Request, text: str) -> tuple[Meaning | None, str]:
    """The meaning of what is searched for, or else why there is none."""
    embedder = request.app.state.embedder
    if is_for_another_site(request):
        return None, "another site asked for this search: press Search if you want it"
    try:
        return await request.app.state.model_queue.run(lambda _: embed_query(embedder, text), request.is_disconnected)
    except Busy as error:
        return None, str(error)
    except HasLeft:
        return None, "nobody waits for the answer"


def sae(request: Request) -> Response:
    sae_row, snapshot = _sae(request)
    table_query = TableQuery.of(request.query_params)
    values = {"model_id": sae_row.model_id, "recipe_id": sae_row.recipe_id}
    n = _count(snapshot, table_query, values)
    last = table_query.last_page(n)
    if table_query.page > last:
        return RedirectResponse(sae_url(sae_row.model_id, sae_row.recipe_id) + table_query.address(page=last))
    return render_page(
        request,
        "sae",
        values,
        heading=f"{sae_row.model_id}/{sae_row.recipe_id}",
        trail=[],
        snapshot=snapshot,
        sae=sae_row,
        table_query=table_query,
        n=n,
        last_page=last,
    )


def _count(snapshot: WarehouseSnapshot, table_query: TableQuery, values: dict[str, Any]) -> int:
    """How many features a table has; a page behind its end is empty, and then the first one says."""
    for page in (table_query, replace(table_query, page=1)):
        if rows := snapshot.ask(queries()[table_query.query], values | page.values):
            return rows[0].n
    return 0


def feature(request: Request) -> Response:
    sae_row, snapshot = _sae(request)
    return feature_page(request, sae_row, snapshot, parse_feature_id(sae_row, request.path_params["feature_id"]))


def feature_page(
    request: Request, sae_row: SimpleNamespace, snapshot: WarehouseSnapshot, feature_id: int, **typed: str
) -> Response:
    """The page of a feature; `typed` is what stands in the form for a label of one's own."""
    values, shared = _of_feature(snapshot, sae_row, feature_id)
    return render_page(
        request,
        "feature",
        values,
        kicker=f"Feature {feature_id} of {sae_row.model_id}/{sae_row.recipe_id}",
        trail=sae_link(sae_row),
        snapshot=snapshot,
        steps=_steps(sae_row, feature_id),
        permanent=feature_url(sae_row.model_id, sae_row.recipe_id, feature_id),
        programs=api_url(sae_row.model_id, sae_row.recipe_id, feature_id),
        can_ask=request.app.state.asker is not None,
        label_form=label_form(request, sae_row.model_id, sae_row.recipe_id, feature_id, **typed),
        **shared,
    )


def _of_feature(
    snapshot: WarehouseSnapshot, sae_row: SimpleNamespace, feature_id: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a feature's panels, and what their templates share."""
    values = {"model_id": sae_row.model_id, "recipe_id": sae_row.recipe_id, "feature_id": feature_id}
    cards, labels = snapshot.ask_together((queries()[name], values) for name in ("feature", "best_label"))
    [card] = cards or [None]
    if card is None:
        raise NotFound(
            f"{sae_row.model_id}/{sae_row.recipe_id} has a feature {feature_id}, but its statistics were not "
            "published: materialize `feature_statistics` and `published_warehouse`",
            sae_link(sae_row),
        )
    [label] = labels or [None]
    heading = (label and label.label) or ("Dead feature" if card.is_dead else "Feature without a label")
    return values, {"heading": heading, "sae": sae_row, "card": card, "best": label and label.explanation_id}


def compare(request: Request) -> Response:
    """Two features side by side, of any dictionaries; `a` and `b` name them as model/recipe/number. Two dictionaries,
    where both are named as model/recipe."""
    snapshot = latest_warehouse(request).get()
    names = {letter: replace_invalid_unicode(request.query_params.get(letter, "")).strip() for letter in ("a", "b")}
    if names["a"].count("/") == 1 and names["b"].count("/") in (0, 1):
        return _compared(request, snapshot, names)
    sides = [_compare_side(snapshot, letter, name) for letter, name in names.items() if name]
    text = environment().get_template("compare.html")
    return HTMLResponse(text.render(sides=sides, names=names, published_at=snapshot.published_at))


def _compared(request: Request, snapshot: WarehouseSnapshot, names: dict[str, str]) -> Response:
    """A dictionary beside another, or beside the choice of others: those of its recipe first."""
    sae_row = find_sae(snapshot, *names["a"].split("/"))
    if not names["b"]:
        own = (sae_row.model_id, sae_row.recipe_id)
        rows = [row for row in snapshot.ask(queries()["saes"], {}) if (row.model_id, row.recipe_id) != own]
        rows.sort(key=lambda row: (row.recipe_id != sae_row.recipe_id, row.model_id != sae_row.model_id))
        others = [f"{row.model_id}/{row.recipe_id}" for row in rows]
        text = environment().get_template("compare.html")
        return HTMLResponse(text.render(sides=[], names=names, others=others, published_at=snapshot.published_at))
    other = find_sae(snapshot, *(*names["b"].split("/"), "")[:2])
    values = {
        "model_id": sae_row.model_id,
        "recipe_id": sae_row.recipe_id,
        "other_model_id": other.model_id,
        "other_recipe_id": other.recipe_id,
    }
    return render_page(
        request,
        "dictionaries",
        values,
        heading="Compare",
        trail=[],
        snapshot=snapshot,
        names=names,
        sides=[(sae_row.model_id, sae_row.recipe_id), (other.model_id, other.recipe_id)],
    )


def _compare_side(snapshot: WarehouseSnapshot, letter: str, name: str) -> dict[str, Any]:
    model_id, recipe_id, number = (*name.split("/", 2), "", "")[:3]
    sae_row = find_sae(snapshot, model_id, recipe_id)
    values, shared = _of_feature(snapshot, sae_row, parse_feature_id(sae_row, number))
    return {
        "letter": letter,
        "name": f"{model_id}/{recipe_id}/{number}",
        "address": feature_url(model_id, recipe_id, values["feature_id"]),
        "panels": panels("feature", snapshot, values, **shared),
    }


def random_feature(request: Request) -> Response:
    """A live feature by chance: the first one from a random place on."""
    sae_row, snapshot = _sae(request)
    start = random.randrange(sae_row.n_features) if sae_row.n_features else 0
    values = {"model_id": sae_row.model_id, "recipe_id": sae_row.recipe_id, "start": start}
    live = snapshot.ask(queries()["next_live_feature"], values)
    if not live:
        raise NotFound(f"{sae_row.model_id}/{sae_row.recipe_id} has no feature that ever fired", sae_link(sae_row))
    return RedirectResponse(
        feature_url(sae_row.model_id, sae_row.recipe_id, live[0].feature_id), headers={"cache-control": "no-store"}
    )


def jump(request: Request) -> Response:
    """Where the form on each page leads: to the feature of that number."""
    sae_row, _ = _sae(request)
    feature_id = parse_id(request.query_params.get("feature", "").strip())
    if feature_id is None:
        raise NotFound("a feature is a number, counted from 0", sae_link(sae_row))
    return RedirectResponse(feature_url(sae_row.model_id, sae_row.recipe_id, feature_id))


def _sae(request: Request) -> tuple[SimpleNamespace, WarehouseSnapshot]:
    """The dictionary that the address names, and the file it was found in, which the whole page is made from."""
    snapshot = latest_warehouse(request).get()
    model_id, recipe_id = (replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "recipe_id"))
    return find_sae(snapshot, model_id, recipe_id), snapshot


def _steps(sae_row: SimpleNamespace, feature_id: int) -> dict[str, str]:
    """Addresses of the neighbours by number, where there are any, and of any feature."""
    here = f"{sae_row.model_id}/{sae_row.recipe_id}/{feature_id}"
    steps = {"random": f"{sae_url(sae_row.model_id, sae_row.recipe_id)}/random", "compare": f"/compare?a={quote(here)}"}
    if feature_id > 0:
        steps["previous"] = feature_url(sae_row.model_id, sae_row.recipe_id, feature_id - 1)
    if feature_id + 1 < sae_row.n_features:
        steps["next"] = feature_url(sae_row.model_id, sae_row.recipe_id, feature_id + 1)
    return steps


def foreign_address(request: Request) -> Response:
    """The page of a feature by the address that it has at Neuronpedia, which clients of theirs open in a browser."""
    model_id, source = (replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "source"))
    rows = latest_warehouse(request).get().ask(queries()["source"], {"model_id": model_id, "source": source})
    if not rows:
        raise HTTPException(404)
    return RedirectResponse(feature_url(model_id, rows[0].recipe_id, request.path_params["feature_id"]))
