"""The features of a dictionary whose windows contain a text, looked through for a bounded time."""

from typing import Annotated, Any

from pydantic import Field

from web.addressed_rows import find_sae
from web.api.endpoint import Endpoint, Question, object_schema, rows_ref
from web.api.parameters import OfDictionary
from web.example_search import search_examples
from web.feature_table import LONGEST_TEXT
from web.panel_queries import QueryRecorder


class WindowText(OfDictionary):
    """What to look for, and from which feature on."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, description="Part of a window, in any case.")]
    start: Annotated[int, Field(ge=0, lt=10**9, description="Where to begin: `next` of the last answer.")] = 0


def _answer(question: Question, asked: WindowText) -> dict[str, Any]:
    sae = find_sae(question.snapshot, asked.model_id, asked.recipe_id)
    recorder = QueryRecorder(question.snapshot, {}, ())
    found = search_examples(asked.start, sae, asked.text, recorder.ask_feature_ranges)
    return {
        "items": [{"feature_id": at, "windows": [vars(row) for row in rows]} for at, rows in found.windows.items()],
        "first": found.first,
        "next": None if found.is_whole else found.next,
        "n_features": found.n_features,
    }


ENDPOINT = Endpoint(
    title="The features of a dictionary whose windows contain a text, from a feature on; `next` leads on.",
    path="/saes/{model_id}/{recipe_id}/windows",
    parameters=WindowText,
    answer=_answer,
    schema=object_schema(
        items={
            "type": "array",
            "items": object_schema(feature_id={"type": "integer"}, windows=rows_ref("example_text")),
        },
        first={"type": "integer"},
        next={"type": ["integer", "null"], "description": "null where all features were looked through."},
        n_features={"type": "integer"},
    ),
    tool="search_windows",
)
