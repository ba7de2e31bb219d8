"""The rows of a feature that Neuronpedia's shapes are made from."""

from typing import Any

from web.api.endpoint import Question
from web.api.endpoints.feature import feature_rows
from web.api.neuronpedia.sources import find_source
from web.api.parameters import OfFeature

NAMES = ("examples", "activations", "effects", "neighbors", "labels", "label_scores")


def rows_of_feature(
    question: Question, model_id: str, source: str, index: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The source, the feature, and the rows of `NAMES`.

    Raises:
        NotFound: If there is no such source or feature.
    """
    found = find_source(question, model_id, source)
    asked = OfFeature(model_id=found["model_id"], recipe_id=found["recipe_id"], feature_id=index)
    [feature], *lists = feature_rows(question, asked, *NAMES)
    return found, feature, dict(zip(NAMES, lists, strict=True))
