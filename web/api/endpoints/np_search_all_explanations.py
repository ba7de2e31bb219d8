"""Neuronpedia's `POST /api/explanation/search-all`."""

from typing import Any

from web.api.endpoint import Question
from web.api.neuronpedia.explanation_search import Offset, SearchedText, found_explanations, search_endpoint
from web.api.neuronpedia.sources import ForeignParameters


class AllExplanations(ForeignParameters):
    """A text."""

    query: SearchedText
    offset: Offset = 0


def _answer(question: Question, asked: AllExplanations) -> dict[str, Any]:
    return found_explanations(question, asked, asked.query, asked.offset)


ENDPOINT = search_endpoint(
    "Labels of all models about a text, 20 at a time.", "/explanation/search-all", AllExplanations, _answer
)
