"""The features of a dictionary: found by label or token, sorted, a page at a time."""

from typing import Annotated, Any, Literal

from pydantic import Field

from web.addressed_rows import find_sae
from web.api.endpoint import Endpoint, Question, object_schema, row_ref
from web.api.paging import page_envelope, page_schema
from web.api.parameters import OfDictionaryPaged
from web.feature_table import BY_FIRING, LIVENESS, SORTS


class FeatureList(OfDictionaryPaged):
    """Which features of a dictionary."""

    label: Annotated[str, Field(max_length=1000, description="Only those whose label contains this.")] = ""
    token: Annotated[str, Field(max_length=1000, description="Only those with a top token that contains this.")] = ""
    liveness: Literal[*LIVENESS] = "all"  # type: ignore[valid-type]
    sort: Literal[*SORTS] = "feature_id"  # type: ignore[valid-type]
    descending: bool = False


def _answer(question: Question, asked: FeatureList) -> dict[str, Any]:
    find_sae(question.snapshot, asked.model_id, asked.recipe_id)
    by_firing = not (asked.label or asked.token) and asked.sort in BY_FIRING
    query = "features_by_firing" if by_firing else "features"
    values = asked.model_dump() | {"skipped": (asked.page - 1) * asked.per_page}
    found = question.rows(query, values)
    counted = found or question.rows(query, values | {"skipped": 0, "per_page": 1})
    ids = tuple(row["feature_id"] for row in found)
    both = question.rows_together(("feature_densities", "feature_labels"), values | {"feature_ids": ids})
    firing, labels = ({row["feature_id"]: row for row in rows} for rows in both)
    items = [{"feature_id": at, "firing": firing.get(at), "labelling": labels.get(at)} for at in ids]
    return page_envelope(items, asked, counted[0]["n"] if counted else 0)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


ENDPOINT = Endpoint(
    title="The features of a dictionary, found by label or token and sorted as asked.",
    path="/saes/{model_id}/{recipe_id}/features",
    parameters=FeatureList,
    answer=_answer,
    schema=page_schema(
        object_schema(
            feature_id={"type": "integer"},
            firing=_or_null(row_ref("feature_densities")),
            labelling=_or_null(row_ref("feature_labels")),
        )
    ),
    tool="list_features",
)
