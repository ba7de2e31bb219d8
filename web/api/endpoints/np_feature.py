"""Neuronpedia's `GET /api/feature/{modelId}/{layer}/{index}`."""

from typing import Any

from web.api.endpoint import Endpoint, Question
from web.api.neuronpedia.feature_rows import rows_of_feature
from web.api.neuronpedia.feature_shape import PARTS, feature_shape
from web.api.neuronpedia.schemas import FEATURE
from web.api.neuronpedia.sources import FAMILY, ForeignParameters, Index, ModelName, SourceName


class FeatureOfSource(ForeignParameters):
    """A feature, as their clients name it."""

    modelId: ModelName
    layer: SourceName
    index: Index


def _answer(question: Question, asked: FeatureOfSource) -> dict[str, Any]:
    source, feature, parts = rows_of_feature(question, asked.modelId, asked.layer, asked.index, *PARTS)
    return feature_shape(source, feature, parts)


ENDPOINT = Endpoint(
    title="A feature with its windows and labels, in Neuronpedia's keys.",
    path="/feature/{modelId}/{layer}/{index}",
    parameters=FeatureOfSource,
    answer=_answer,
    schema=FEATURE,
    family=FAMILY,
)
