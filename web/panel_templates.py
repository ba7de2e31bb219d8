"""Panels: the templates of `web/panels`, found by being there, each shown with the SQL that it was made from.

The first line of a template, such as `{# asks: labels, examples; column: left #}`, declares the queries that it asks
with the page's own values: those of all panels are answered together, before the first panel is rendered. It may say
where the panel stands: at the top, in the left or the right column below it, or, where it says nothing, below these.
A panel that comes to nothing, such as the examples of a dead feature, is left out.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from plotting.heat_map import Square, heat_map
from plotting.histogram import bars, histogram
from plotting.interval_bars import IntervalBar, interval_bars
from plotting.line_chart import line_chart
from plotting.line_series import Series, line_series
from plotting.scatter import Point, scatter
from plotting.stacked_bars import Stack, stacked_bars
from web import example_groups, example_search, formatting, image_examples, panel_filters, text_reading, urls
from web.panel_queries import ExecutedQuery, QueryRecorder
from web.query_files import AnswersQueries, Values, queries

FOLDER = Path(__file__).parent
_FILTERS = (
    (formatting, ("visible_token", "visible_text", "number", "percent", "window", "token_buttons", "form_text")),
    (formatting, ("python_text", "sql_text")),
    (example_groups, ("group_identical", "firing_share_by_interval", "ratings_by_interval")),
    (example_search, ("search_examples", "search_all_dictionaries")),
    (image_examples, ("by_kind", "view_picture", "crop_picture", "as_example")),
    (text_reading, ("by_feature", "fired_features", "one_feature", "on_token")),
    (text_reading, ("relative_to_maximum", "share_of_maximum", "text_strip")),
    (panel_filters, ("index_by", "best_label_first", "other_feature_previews")),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as it stands on a page: its anchor, heading, body, the queries that it ran, and its place."""

    name: str
    title: str
    body: Markup
    queries: tuple[ExecutedQuery, ...]
    column: str = ""
    """`top`, `left`, `right`, or empty: below."""


_DRAWN = (
    histogram,
    bars,
    stacked_bars,
    Stack,
    scatter,
    Point,
    line_chart,
    heat_map,
    Square,
    interval_bars,
    IntervalBar,
    line_series,
    Series,
)
PLOTS = {draw.__name__: draw for draw in _DRAWN}


@cache
def environment() -> Environment:
    """Templates escape whatever they are given; a name that they mistake is an error."""
    jinja = Environment(
        loader=FileSystemLoader([FOLDER / "templates", FOLDER / "panels"]),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {name: getattr(module, name) for module, names in _FILTERS for name in names} | {"tuple": tuple}
    addresses = {name: value for name, value in vars(urls).items() if name.endswith("_url")}
    jinja.globals |= addresses | {"plots": PLOTS}
    return jinja


@cache
def templates(page: str) -> list[tuple[str, Template]]:
    """Name and template of a page's panels: the files `NN_name.html` of its folder, in the order of their numbers."""
    files = sorted((FOLDER / "panels" / page).glob("*.html"))
    return [(file.stem.split("_", 1)[1], environment().get_template(f"{page}/{file.name}")) for file in files]


def panels(
    page: str, snapshot: AnswersQueries, values: Values, only: Collection[str] | None = None, **shared: Any
) -> list[Panel]:
    """Every panel of a page, or those that are named.

    Args:
        page: The folder of `web/panels`.
        snapshot: The warehouse that answers.
        values: Parameters that the panels' queries may use.
        only: Names of the panels to make; all where it is None.
        shared: What the templates may use beside `ask`.
    """
    chosen = [(name, template) for name, template in templates(page) if only is None or name in only]
    declared = [queries()[name] for name in chain.from_iterable(declared_queries(template) for _, template in chosen)]
    answerable = dict.fromkeys(query for query in declared if set(query.parameters) <= values.keys())
    snapshot.ask_together((query, values) for query in answerable)
    made = (_panel(name, template, snapshot, values, shared) for name, template in chosen)
    return [panel for panel in made if panel.body.strip()]


@cache
def declared_queries(template: Template) -> tuple[str, ...]:
    """Names of the queries that a panel asks with the page's own values; it may ask fewer, where there are no rows.

    Raises:
        ValueError: If the first line names a query that is not there.
    """
    names = tuple(_declared(template, "asks", r"[\w, ]+").split(", "))
    if unknown := sorted(set(filter(None, names)) - queries().keys()):
        file = template.name
        raise ValueError(f"web/panels/{file} asks {', '.join(unknown)}: name files of web/queries without their ending")
    return names if names != ("",) else ()


@cache
def _declared(template: Template, key: str, value: str) -> str:
    """What the first line of a template says of a key; empty where it says nothing."""
    loader, file = environment().loader, template.name
    assert loader is not None
    assert file is not None
    source, _, _ = loader.get_source(environment(), file)
    found = re.match(rf"\{{# (?:.*; )?{key}: ({value})(?:; .*)? #\}}\n", source)
    return found[1] if found else ""


def _panel(name: str, template: Template, snapshot: AnswersQueries, values: Values, shared: Mapping[str, Any]) -> Panel:
    recorder = QueryRecorder(snapshot, values, declared_queries(template))
    module = template.make_module({"ask": recorder.ask, "ask_feature_ranges": recorder.ask_feature_ranges, **shared})
    column = _declared(template, "column", "top|left|right")
    return Panel(name, module.__dict__["title"], Markup(module), recorder.queries, column)
