"""The rows of a feature that Neuronpedia's shapes are made from."""

from typing import Any

from web.api.endpoint import Question
from web.api.endpoints.feature import feature_rows
from web.api.neuronpedia.sources import find_source
from web.api.parameters import OfFeature


def rows_of_feature(
    question: Question, model_id: str, source: str, index: int, *names: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The source, the feature, and the rows of the queries that are named, found together.

    Raises:
        NotFound: If there is no such source or feature.
    """
    found = find_source(question, model_id, source)
    asked = OfFeature(model_id=found["model_id"], recipe_id=found["recipe_id"], feature_id=index)
    [feature], *lists = feature_rows(question, asked, *names)
    return found, feature, dict(zip(names, lists, strict=True))
