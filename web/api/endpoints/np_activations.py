"""Neuronpedia's `POST /api/activation/get`."""

from typing import Any

from web.api.endpoint import Endpoint, Question
from web.api.neuronpedia.feature_rows import rows_of_feature
from web.api.neuronpedia.feature_shape import activation_shapes
from web.api.neuronpedia.schemas import ACTIVATION, list_of
from web.api.neuronpedia.sources import FAMILY, ForeignParameters, Index, ModelName, SourceName


class ActivationsOfFeature(ForeignParameters):
    """A feature, as this question names it."""

    modelId: ModelName
    source: SourceName
    index: Index


def _answer(question: Question, asked: ActivationsOfFeature) -> list[dict[str, Any]]:
    names = ("examples", "activations")
    source, feature, parts = rows_of_feature(question, asked.modelId, asked.source, asked.index, *names)
    return activation_shapes(source, feature, parts["examples"], parts["activations"])


ENDPOINT = Endpoint(
    title="The windows in which a feature fires, strongest first, in Neuronpedia's keys.",
    path="/activation/get",
    parameters=ActivationsOfFeature,
    answer=_answer,
    schema=list_of(ACTIVATION),
    method="POST",
    family=FAMILY,
)
