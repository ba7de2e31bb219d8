"""Panels: the templates of `web/panels`, found by being there, each shown with the SQL that it was made from."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from web import custom_text, example_groups, example_search, formatting, svg_plots, urls
from web.panel_queries import ExecutedQuery, QueryRecorder
from web.query_files import Query, Values, queries
from web.warehouse_file import WarehouseSnapshot

FOLDER = Path(__file__).parent
_SHOWN = ("visible", "plain", "number", "percent", "window", "counted", "typed_back")


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as it stands on a page: its anchor, heading, body, and what was asked for it."""

    name: str
    title: str
    body: Markup
    asked: tuple[ExecutedQuery, ...]


@cache
def environment() -> Environment:
    """Templates escape whatever they are given; a name that they mistake is an error."""
    found = Environment(
        loader=FileSystemLoader([FOLDER / "templates", FOLDER / "panels"]),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {name: getattr(formatting, name) for name in _SHOWN}
    found.filters |= {name: getattr(example_groups, name) for name in ("folded", "shares", "interval_of", "strips")}
    found.filters |= {name: getattr(example_search, name) for name in ("looked_through", "everywhere")}
    found.filters |= {name: getattr(custom_text, name) for name in ("by_feature", "by_token", "relatively", "overall")}
    found.filters |= {"by": _by, "previewed": _previewed, "tuple": tuple, "labels_first": _labels_first}
    found.globals |= {"sae_url": urls.sae_url, "feature_url": urls.feature_url}
    found.globals |= {"dagster_url": urls.dagster_url, "plots": svg_plots}
    return found


@cache
def templates(page: str) -> list[tuple[str, Template]]:
    """Name and template of a page's panels: the files `NN_name.html` of its folder, in the order of their numbers."""
    files = sorted((FOLDER / "panels" / page).glob("*.html"))
    return [(file.stem.split("_", 1)[1], environment().get_template(f"{page}/{file.name}")) for file in files]


def panels(
    page: str, opened: WarehouseSnapshot, values: Values, only: Collection[str] | None = None, **shared: Any
) -> list[Panel]:
    """Every panel of a page, or those that are named.

    Args:
        page: The folder of `web/panels`.
        opened: What is asked.
        values: Parameters that the panels' queries may use.
        only: Names of the panels that are wanted; all where it is None.
        shared: What the templates may use beside `ask`.
    """
    wanted = [(name, template) for name, template in templates(page) if only is None or name in only]
    asked = chain.from_iterable(_asks(template) for _, template in wanted)
    known = dict.fromkeys(found for found in asked if set(found.parameters) <= values.keys())
    opened.ask_together((found, values) for found in known)
    return [_panel(name, template, opened, values, shared) for name, template in wanted]


@cache
def _asks(template: Template) -> list[Query]:
    """What a panel asks with the page's own values; it may ask less, where there is nothing to ask about."""
    loader, name = environment().loader, template.name
    assert loader is not None
    assert name is not None
    source, _, _ = loader.get_source(environment(), name)
    return [queries()[query] for query in re.findall(r"""ask\("(\w+)"\)""", source)]


def _by(rows: Iterable[Any], name: str) -> dict[Any, Any]:
    """Rows by one of their columns, which tells them apart."""
    return {getattr(row, name): row for row in rows}


def _labels_first(rows: Iterable[Any], best: str | None) -> list[Any]:
    """Labels, the one that others show at the top first, then by who made them."""
    by_maker = sorted(rows, key=lambda row: (row.explainer, row.prompt or "", row.explanation_id))
    return sorted(by_maker, key=lambda row: row.explanation_id != best)


def _previewed(rows: Iterable[Any], ask: Callable[..., list[Any]]) -> dict[tuple[str, str, int], Any]:
    """What the other features of these rows are called, asked for one dictionary at a time."""
    wanted: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        wanted.setdefault((row.other_model_id, row.other_recipe_id), set()).add(row.other_feature_id)
    return {
        (model_id, recipe_id, row.feature_id): row
        for (model_id, recipe_id), ids in wanted.items()
        for row in ask("feature_labels", model_id=model_id, recipe_id=recipe_id, feature_ids=tuple(sorted(ids)))
    }


def _panel(
    name: str, template: Template, opened: WarehouseSnapshot, values: Values, shared: Mapping[str, Any]
) -> Panel:
    asking = QueryRecorder(opened, values)
    module = template.make_module({"ask": asking.ask, "ask_stretches": asking.ask_stretches, **shared})
    return Panel(name, module.__dict__["title"], Markup(module), asking.asked)
