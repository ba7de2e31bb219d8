"""The strongest windows of a feature as Markdown."""

from typing import Any

from web.api.endpoint import Content, Endpoint, Question
from web.api.endpoints.examples import ordered
from web.api.endpoints.feature import feature_rows
from web.api.example_markdown import example_markdown
from web.api.parameters import OfFeature
from web.example_groups import group_identical
from web.urls import feature_url


def _answer(question: Question, asked: OfFeature) -> Content:
    from types import SimpleNamespace

    _, best, rows = feature_rows(question, asked, "best_label", "examples")
    top: list[Any] = [SimpleNamespace(**row) for row in ordered(rows) if row["kind"] == "top"]
    label = (best[0]["label"] if best else None) or "a feature without a label"
    heading = f"{asked.model_id}/{asked.recipe_id}/{asked.feature_id}: {label}"
    windows = [vars(row) for row in group_identical(top, [], None)]
    text = example_markdown(heading, feature_url(asked.model_id, asked.recipe_id, asked.feature_id), windows)
    return Content(text.encode("utf-8", "replace"), "text/markdown")


ENDPOINT = Endpoint(
    title="The strongest windows of a feature as Markdown, to paste.",
    path="/saes/{model_id}/{recipe_id}/features/{feature_id}/examples.md",
    parameters=OfFeature,
    answer=_answer,
    schema={"type": "string"},
    media_types=("text/markdown",),
)
