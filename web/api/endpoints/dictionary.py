"""A dictionary at a glance."""

from typing import Any

from web.addressed_rows import find_sae
from web.api.endpoint import Endpoint, Question, row_ref
from web.api.parameters import OfDictionary


def _answer(question: Question, asked: OfDictionary) -> dict[str, Any]:
    find_sae(question.snapshot, asked.model_id, asked.recipe_id)
    return question.rows("sae_summary", asked.model_dump())[0]


ENDPOINT = Endpoint(
    title="One dictionary: where it reads the model, how sparse and faithful it is, and how well it is labelled.",
    path="/saes/{model_id}/{recipe_id}",
    parameters=OfDictionary,
    answer=_answer,
    schema=row_ref("sae_summary"),
    tool="get_dictionary",
)
