"""The pages: what each address answers."""

import random
from dataclasses import replace
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.custom_text import MOST_CHARACTERS, MOST_FEATURES, Reader, text_of
from web.error_pages import NotFound
from web.feature_table import TableQuery
from web.formatting import plain
from web.panel_templates import environment, panels, templates
from web.query_files import Values, queries
from web.semantic_search import meant
from web.urls import feature_url, replace_invalid_unicode, sae_url, whole
from web.warehouse_file import LatestWarehouse, WarehouseSnapshot


def home(request: Request) -> Response:
    return _page(request, "home", {}, heading="Glasshouse", trail=[])


def search(request: Request) -> Response:
    text = replace_invalid_unicode(request.query_params.get("text", ""))
    asked = {name for name in ("examples", "meaning") if text and request.query_params.get(name) == "yes"}
    meaning, refused = meant(request.app.state.meanings, text) if "meaning" in asked else (None, "")
    return _page(
        request,
        "search",
        {"text": text} if text else {},
        heading="Search",
        trail=[],
        text=text,
        in_examples="examples" in asked,
        meaning=meaning,
        meaning_refused=refused,
    )


def sae(request: Request) -> Response:
    found, opened = _sae(request)
    listing = TableQuery.of(request.query_params)
    values = {"model_id": found.model_id, "recipe_id": found.recipe_id}
    n = _count(opened, listing, values)
    last = listing.last_page(n)
    if listing.page > last:
        return RedirectResponse(sae_url(found.model_id, found.recipe_id) + listing.address(page=last))
    return _page(
        request,
        "sae",
        values | listing.values,
        heading=f"{found.model_id}/{found.recipe_id}",
        trail=[],
        opened=opened,
        sae=found,
        listing=listing,
        n=n,
        last_page=last,
    )


def _count(opened: WarehouseSnapshot, listing: TableQuery, values: dict[str, Any]) -> int:
    """How many features a table has; a page behind its end is empty, and then the first one says."""
    for page in (listing, replace(listing, page=1)):
        if rows := opened.ask(queries()[listing.query], values | page.values):
            return rows[0].n
    return 0


def feature(request: Request) -> Response:
    found, opened = _sae(request)
    feature_id = _feature_id(found, request.path_params["feature_id"])
    values, shared = _of_feature(opened, found, feature_id)
    return _page(
        request,
        "feature",
        values,
        heading=f"Feature {feature_id}",
        trail=_this_sae(found),
        opened=opened,
        steps=_steps(found, feature_id),
        permanent=feature_url(found.model_id, found.recipe_id, feature_id),
        **shared,
    )


def _of_feature(
    opened: WarehouseSnapshot, found: SimpleNamespace, feature_id: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a feature's panels, and what their templates share."""
    values = {"model_id": found.model_id, "recipe_id": found.recipe_id, "feature_id": feature_id}
    cards, labels = opened.ask_together((queries()[name], values) for name in ("feature", "best_label"))
    [card] = cards or [None]
    if card is None:
        raise NotFound(
            f"{found.model_id}/{found.recipe_id} has a feature {feature_id}, but its statistics were not published: "
            "materialize `feature_statistics` and `published_warehouse`",
            _this_sae(found),
        )
    [named] = labels or [None]
    return values, {"sae": found, "card": card, "best": named and named.explanation_id}


async def own_text(request: Request) -> Response:
    """The reader's own text under a dictionary's features: a form, and what the model says to what was typed."""
    typed = "" if request.method == "GET" else await text_of(request)
    return await run_in_threadpool(_own_text, request, typed)


def _own_text(request: Request, typed: str | None) -> Response:
    found, opened = _sae(request)
    reader: Reader | None = request.app.state.reader
    reading, refused = None, ""
    if typed is None:
        refused = f"the text is longer than {MOST_CHARACTERS:,} characters: type less of it"
    elif reader is None:
        refused = "these pages were started without anything that runs models: start them with `glasshouse serve`"
    elif typed:
        try:
            reading = reader.read(f"{found.model_id}/{found.recipe_id}", typed)
        except ValueError as error:
            refused = str(error)
    return _page(
        request,
        "text",
        {"model_id": found.model_id, "recipe_id": found.recipe_id},
        heading="Your own text",
        trail=_this_sae(found),
        opened=opened,
        sae=found,
        typed=typed or "",
        reading=reading,
        refused=refused,
        most_characters=MOST_CHARACTERS,
        most_features=MOST_FEATURES,
    )


def compare(request: Request) -> Response:
    """Two features side by side, of any dictionaries; `a` and `b` name them as model/recipe/number. Two dictionaries,
    where both are named as model/recipe."""
    opened = _newest(request).get()
    asked = {letter: replace_invalid_unicode(request.query_params.get(letter, "")).strip() for letter in ("a", "b")}
    if asked["a"].count("/") == 1 and asked["b"].count("/") in (0, 1):
        return _compared(request, opened, asked)
    sides = [_side(opened, letter, name) for letter, name in asked.items() if name]
    text = environment().get_template("compare.html")
    return HTMLResponse(text.render(sides=sides, asked=asked, published_at=opened.published_at))


def _compared(request: Request, opened: WarehouseSnapshot, asked: dict[str, str]) -> Response:
    """A dictionary beside another, or beside the choice of others: those of its recipe first."""
    found = _known(opened, *asked["a"].split("/"))
    if not asked["b"]:
        rows = [row for row in opened.ask(queries()["saes"], {}) if row != found]
        rows.sort(key=lambda row: (row.recipe_id != found.recipe_id, row.model_id != found.model_id))
        names = [f"{row.model_id}/{row.recipe_id}" for row in rows]
        text = environment().get_template("compare.html")
        return HTMLResponse(text.render(sides=[], asked=asked, others=names, published_at=opened.published_at))
    other = _known(opened, *(*asked["b"].split("/"), "")[:2])
    values = {
        "model_id": found.model_id,
        "recipe_id": found.recipe_id,
        "other_model_id": other.model_id,
        "other_recipe_id": other.recipe_id,
    }
    return _page(
        request,
        "dictionaries",
        values,
        heading="Compare",
        trail=[],
        opened=opened,
        asked=asked,
        sides=[(found.model_id, found.recipe_id), (other.model_id, other.recipe_id)],
    )


def _side(opened: WarehouseSnapshot, letter: str, name: str) -> dict[str, Any]:
    model_id, recipe_id, number = (*name.split("/", 2), "", "")[:3]
    found = _known(opened, model_id, recipe_id)
    values, shared = _of_feature(opened, found, _feature_id(found, number))
    return {
        "letter": letter,
        "name": f"{model_id}/{recipe_id}/{number}",
        "address": feature_url(model_id, recipe_id, values["feature_id"]),
        "panels": panels("feature", opened, values, **shared),
    }


def any_feature(request: Request) -> Response:
    """A live feature by chance: the first one from a random place on."""
    found, opened = _sae(request)
    start = random.randrange(found.n_features) if found.n_features else 0
    values = {"model_id": found.model_id, "recipe_id": found.recipe_id, "start": start}
    live = opened.ask(queries()["next_live_feature"], values)
    if not live:
        raise NotFound(f"{found.model_id}/{found.recipe_id} has no feature that ever fired", _this_sae(found))
    return RedirectResponse(
        feature_url(found.model_id, found.recipe_id, live[0].feature_id), headers={"cache-control": "no-store"}
    )


def jump(request: Request) -> Response:
    """Where the form on each page leads: to the feature of that number."""
    found, _ = _sae(request)
    wanted = whole(request.query_params.get("feature", "").strip())
    if wanted is None:
        raise NotFound("a feature is a number, counted from 0", _this_sae(found))
    return RedirectResponse(feature_url(found.model_id, found.recipe_id, wanted))


def _page(
    request: Request, name: str, values: Values, *, opened: WarehouseSnapshot | None = None, **shared: Any
) -> Response:
    opened, only = opened or _newest(request).get(), _embedded(request, name)
    text = (
        environment()
        .get_template("page.html")
        .render(
            panels=panels(name, opened, values, only, **shared),
            published_at=opened.published_at,
            embedded=only is not None,
            **shared,
        )
    )
    return HTMLResponse(text)


def _embedded(request: Request, page: str) -> set[str] | None:
    """The panels that `?embed=labels,examples` asks for, to stand in a page of somebody else; None: the whole page."""
    if "embed" not in request.query_params:
        return None
    wanted = set(request.query_params["embed"].split(","))
    known = [name for name, _ in templates(page)]
    if unknown := sorted(wanted - set(known)):
        here = request.url.path
        raise NotFound(
            f"there is no panel {plain(', '.join(unknown))} on this page: it has {', '.join(known)}",
            [(name, f"{here}?embed={name}") for name in known],
        )
    return wanted


def _newest(request: Request) -> LatestWarehouse:
    return request.app.state.newest


def _sae(request: Request) -> tuple[SimpleNamespace, WarehouseSnapshot]:
    """The dictionary that the address names, and the file it was found in, which the whole page is made from."""
    opened = _newest(request).get()
    model_id, recipe_id = (replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "recipe_id"))
    return _known(opened, model_id, recipe_id), opened


def _known(opened: WarehouseSnapshot, model_id: str, recipe_id: str) -> SimpleNamespace:
    found = opened.ask(queries()["sae"], {"model_id": model_id, "recipe_id": recipe_id})
    if found:
        return found[0]
    known = {f"{row.model_id}/{row.recipe_id}": row for row in opened.ask(queries()["saes"], {})}
    near = get_close_matches(f"{model_id}/{recipe_id}"[:200], known, n=5, cutoff=0.3) or list(known)[:5]
    raise NotFound(
        f"there is no dictionary {plain(f'{model_id}/{recipe_id}')} in this warehouse",
        [(name, sae_url(known[name].model_id, known[name].recipe_id)) for name in near],
    )


def _feature_id(found: SimpleNamespace, text: str) -> int:
    wanted, width = whole(text), found.n_features
    if wanted is not None and wanted < width:
        return wanted
    ends = sorted({0, max(0, width - 1)})
    raise NotFound(
        f"{found.model_id}/{found.recipe_id} has {width:,} features, numbered from 0 to {width - 1:,}: "
        f"there is no feature {plain(text)}",
        [(f"feature {end}", feature_url(found.model_id, found.recipe_id, end)) for end in ends] + _this_sae(found),
    )


def _this_sae(found: SimpleNamespace) -> list[tuple[str, str]]:
    return [(f"{found.model_id}/{found.recipe_id}", sae_url(found.model_id, found.recipe_id))]


def _steps(found: SimpleNamespace, feature_id: int) -> dict[str, str]:
    """Addresses of the neighbours by number, where there are any, and of any feature."""
    here = f"{found.model_id}/{found.recipe_id}/{feature_id}"
    steps = {"random": f"{sae_url(found.model_id, found.recipe_id)}/random", "compare": f"/compare?a={quote(here)}"}
    if feature_id > 0:
        steps["previous"] = feature_url(found.model_id, found.recipe_id, feature_id - 1)
    if feature_id + 1 < found.n_features:
        steps["next"] = feature_url(found.model_id, found.recipe_id, feature_id + 1)
    return steps
