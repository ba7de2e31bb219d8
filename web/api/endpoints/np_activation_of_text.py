"""Neuronpedia's `POST /api/activation/new`."""

from typing import Any

from pydantic import AliasChoices, Field

from web.api.endpoint import Endpoint, Question
from web.api.neuronpedia.schemas import OF_TEXT, list_of
from web.api.neuronpedia.sources import (
    FAMILY,
    ForeignParameters,
    Index,
    ModelName,
    SourceName,
    find_source,
    require_feature,
)
from web.api.neuronpedia.text_shape import Texts, each_text, values_shape
from web.api.text_reading import read_text_alone
from web.text_reading import one_feature


class NamedFeature(ForeignParameters):
    """A feature; `source` and `layer` mean the same."""

    modelId: ModelName
    source: SourceName = Field(validation_alias=AliasChoices("source", "layer"))
    index: Index


class FeatureOnTexts(ForeignParameters):
    """A feature and texts."""

    feature: NamedFeature = Field(validation_alias=AliasChoices("feature", "neuron"))
    customText: Texts


def _answer(question: Question, asked: FeatureOnTexts) -> Any:
    feature = asked.feature
    source = find_source(question, feature.modelId, feature.source)
    require_feature(source, feature.index)

    def read(text: str) -> dict[str, Any]:
        [reading] = read_text_alone(question, source["model_id"], (source["recipe_id"],), text)
        found = one_feature(reading, feature.index, reading.tokens)
        return values_shape(source, feature.index, found.tokens, found.activations)

    return each_text(asked.customText, read)


ENDPOINT = Endpoint(
    title="A feature's activation on each token of a text, or of up to four.",
    path="/activation/new",
    parameters=FeatureOnTexts,
    answer=_answer,
    schema={"anyOf": [OF_TEXT, list_of(OF_TEXT)]},
    method="POST",
    family=FAMILY,
    runs_model=True,
)
