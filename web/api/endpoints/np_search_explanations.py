"""Neuronpedia's `POST /api/explanation/search`."""

from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Question
from web.api.neuronpedia.explanation_search import Offset, SearchedText, found_explanations, search_endpoint
from web.api.neuronpedia.sources import ForeignParameters, ModelName, SourceName


class ExplanationsOfSources(ForeignParameters):
    """A text, and the sources whose labels are looked through."""

    modelId: ModelName
    layers: Annotated[list[SourceName], Field(max_length=100)]
    query: SearchedText
    offset: Offset = 0


def _answer(question: Question, asked: ExplanationsOfSources) -> dict[str, Any]:
    return found_explanations(question, asked, asked.query, asked.offset, asked.modelId, asked.layers)


ENDPOINT = search_endpoint(
    "Labels of some sources of a model about a text, 20 at a time.",
    "/explanation/search",
    ExplanationsOfSources,
    _answer,
)
