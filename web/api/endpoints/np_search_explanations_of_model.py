"""Neuronpedia's `POST /api/explanation/search-model`."""

from typing import Any

from web.api.endpoint import Question
from web.api.neuronpedia.explanation_search import Offset, SearchedText, found_explanations, search_endpoint
from web.api.neuronpedia.sources import ForeignParameters, ModelName


class ExplanationsOfModel(ForeignParameters):
    """A text, and the model whose labels are looked through."""

    modelId: ModelName
    query: SearchedText
    offset: Offset = 0


def _answer(question: Question, asked: ExplanationsOfModel) -> dict[str, Any]:
    return found_explanations(question, asked, asked.query, asked.offset, asked.modelId)


ENDPOINT = search_endpoint(
    "Labels of a model about a text, 20 at a time.", "/explanation/search-model", ExplanationsOfModel, _answer
)
