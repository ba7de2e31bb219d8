"""A feature: what is known of it apart from its windows."""

from typing import Any

from web.addressed_rows import find_sae, parse_feature_id
from web.api.endpoint import Endpoint, Question, object_schema, row_ref, rows_ref
from web.api.parameters import OfFeature
from web.error_pages import NotFound
from web.urls import feature_url

PARTS = {"labels": "labels", "logits": "effects", "activations": "activations", "neighbors": "neighbors"}
"""Lists of an answer and the queries that they are."""


def feature_rows(question: Question, asked: OfFeature, *queries: str) -> list[list[dict[str, Any]]]:
    """Rows of `feature` and of other queries about a feature.

    Raises:
        NotFound: If there is no such feature, or its statistics were not published.
    """
    parse_feature_id(find_sae(question.snapshot, asked.model_id, asked.recipe_id), str(asked.feature_id))
    values = {"model_id": asked.model_id, "recipe_id": asked.recipe_id, "feature_id": asked.feature_id}
    found = question.rows_together(("feature", *queries), values)
    if not found[0]:
        raise NotFound(
            f"{asked.model_id}/{asked.recipe_id} has a feature {asked.feature_id}, but its statistics were not "
            "published: materialize `feature_statistics` and `published_warehouse`",
            [],
        )
    return found


def _answer(question: Question, asked: OfFeature) -> dict[str, Any]:
    [feature], best, *lists = feature_rows(question, asked, "best_label", *PARTS.values())
    return {
        "model_id": asked.model_id,
        "recipe_id": asked.recipe_id,
        **feature,
        "best_label": best[0] if best else None,
        **dict(zip(PARTS, lists, strict=True)),
        "page": feature_url(asked.model_id, asked.recipe_id, asked.feature_id),
    }


ENDPOINT = Endpoint(
    title="A feature: density, best label with its scores, every label, logits, activation histogram and neighbours.",
    path="/saes/{model_id}/{recipe_id}/features/{feature_id}",
    parameters=OfFeature,
    answer=_answer,
    schema={
        "allOf": [
            row_ref("feature"),
            object_schema(
                model_id={"type": "string"},
                recipe_id={"type": "string"},
                best_label={"anyOf": [row_ref("best_label"), {"type": "null"}]},
                page={"type": "string", "description": "Where people read it."},
                **{name: rows_ref(query) for name, query in PARTS.items()},
            ),
        ]
    },
    tool="get_feature",
)
