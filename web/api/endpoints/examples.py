"""The windows kept of a feature, strongest first."""

from typing import Annotated, Any, Literal

from pydantic import Field

from web.api.endpoint import Endpoint, Question, row_ref
from web.api.endpoints.feature import feature_rows
from web.api.paging import page_of, page_schema
from web.api.parameters import OfFeaturePaged
from web.example_groups import KINDS


class ExampleList(OfFeaturePaged):
    """Which windows."""

    kind: Annotated[
        Literal["all", *KINDS],  # type: ignore[valid-type]
        Field(description="The strongest, those sampled from each interval, or controls, where it is silent."),
    ] = "all"


def _answer(question: Question, asked: ExampleList) -> dict[str, Any]:
    _, rows = feature_rows(question, asked, "examples")
    return page_of([row for row in ordered(rows) if asked.kind in ("all", row["kind"])], asked)


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Windows in the order of a page: the strongest, then intervals from strong to weak, then controls."""
    return sorted(rows, key=lambda row: (KINDS.index(row["kind"]), -(row["interval_index"] or 0), row["rank"]))


ENDPOINT = Endpoint(
    title="The windows kept of a feature: tokens, activations, and the peak among them.",
    path="/saes/{model_id}/{recipe_id}/features/{feature_id}/examples",
    parameters=ExampleList,
    answer=_answer,
    schema=page_schema(row_ref("examples")),
    tool="get_examples",
)
