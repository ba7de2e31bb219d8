"""The pages of experiments: all of them, and each by itself."""

from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response

from web.error_pages import NotFound
from web.formatting import visible_text
from web.page_rendering import latest_warehouse, render_page
from web.query_files import queries
from web.urls import experiment_url, parse_id, replace_invalid_unicode

ALL = ("Experiments", "/experiments")
PROMPTS = 5
"""Prompts that a page shows at a time, where a method shows each by itself."""


def experiments(request: Request) -> Response:
    return render_page(request, "experiments", {}, heading="Experiments", trail=[])


def experiment(request: Request) -> Response:
    """One experiment: question, card, prompts, and what its method's panels show; `prompt` is the first shown."""
    snapshot = latest_warehouse(request).get()
    values: dict[str, Any] = {
        name: replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "experiment_id")
    }
    row = _row(snapshot.ask(queries()["experiments"], {}), **values)
    first = parse_id(request.query_params.get("prompt", "")) or 0
    first = min(first, max(0, row.n_prompts - 1))
    return render_page(
        request,
        "experiment",
        values | {"first_prompt": first, "last_prompt": first + PROMPTS - 1},
        heading=row.question,
        kicker=f"{row.experiment_id}: {row.method.replace('_', ' ')} on {row.model_id}",
        trail=[],
        snapshot=snapshot,
        experiment=row,
        card=_card(row),
        first_prompt=first,
        prompts_shown=PROMPTS,
    )


def _row(rows: list[SimpleNamespace], model_id: str, experiment_id: str) -> SimpleNamespace:
    known = {f"{row.model_id}/{row.experiment_id}": row for row in rows}
    name = f"{model_id}/{experiment_id}"
    if name in known:
        return known[name]
    similar = get_close_matches(name[:200], known, n=5, cutoff=0.3) or list(known)[:5]
    raise NotFound(
        f"there is no experiment {visible_text(name)} in this warehouse",
        [ALL, *((each, experiment_url(known[each].model_id, known[each].experiment_id)) for each in similar)],
    )


def _card(row: SimpleNamespace) -> str:
    """The YAML that repeats the experiment, defaults written out."""
    card: dict[str, Any] = {"method": row.method}
    card |= {"prompt_set": row.prompt_set_id} if row.prompt_set_id is not None else {}
    card |= {"models": [row.model_id]}
    card |= {"recipe": row.recipe_ids[0]} if len(row.recipe_ids) == 1 else {}
    card |= {"recipes": row.recipe_ids} if len(row.recipe_ids) > 1 else {}
    card |= {"settings": yaml.safe_load(row.settings), "seed": row.seed}
    return yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=100)
