"""Neuronpedia's `POST /api/search-all`: what fires on a text, over sources of a model."""

from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Endpoint, Question, object_schema
from web.api.neuronpedia.schemas import OF_TEXT, TEXT, list_of
from web.api.neuronpedia.sources import FAMILY, ForeignParameters, ModelName, SourceName, find_source
from web.api.neuronpedia.text_shape import Texts, each_text, sorting_value, values_shape
from web.api.text_reading import read_text_alone
from web.text_reading import FeatureOnText, by_feature


class FeaturesOfTextQuestion(ForeignParameters):
    """Texts, and the sources to read them with."""

    modelId: ModelName
    sourceSet: Annotated[SourceName, Field(description="recipe_id: its sources, where no others are selected.")] = ""
    selectedLayers: Annotated[tuple[SourceName, ...], Field(max_length=8)] = ()
    text: Texts
    sortIndexes: Annotated[
        tuple[int, ...], Field(max_length=1000, description="Sort by the sum over these tokens; else by the strongest.")
    ] = ()
    densityThreshold: Annotated[float, Field(ge=-1, le=1)] = -1
    numResults: Annotated[int, Field(ge=1, le=100)] = 50


def _answer(question: Question, asked: FeaturesOfTextQuestion) -> dict[str, Any]:
    names = asked.selectedLayers or [asked.sourceSet]
    sources = [find_source(question, asked.modelId, name) for name in dict.fromkeys(names)]

    def read(text: str) -> dict[str, Any]:
        return _of_text(question, asked, sources, text)

    found = each_text(asked.text, read)
    return found if isinstance(found, dict) else {"results": found}


def _of_text(
    question: Question, asked: FeaturesOfTextQuestion, sources: list[dict[str, Any]], text: str
) -> dict[str, Any]:
    tokens: list[str] = []
    found: list[tuple[float, dict[str, Any], FeatureOnText, float | None]] = []
    model_id, recipe_ids = sources[0]["model_id"], tuple(source["recipe_id"] for source in sources)
    for source, reading in zip(sources, read_text_alone(question, model_id, recipe_ids, text), strict=True):
        own = {"model_id": source["model_id"], "recipe_id": source["recipe_id"]}
        tokens, fires = [token.text for token in reading.tokens], by_feature(reading, reading.tokens)
        ids = {"feature_ids": tuple(sorted(feature.feature_id for feature in fires))}
        rows = question.rows("feature_densities", own | ids)
        density = {row["feature_id"]: row["density"] for row in rows}
        for feature in fires:
            share = density.get(feature.feature_id)
            if asked.densityThreshold <= 0 or (share or 0.0) <= asked.densityThreshold:
                found.append((sorting_value(feature, asked.sortIndexes), source, feature, share))
    found.sort(key=lambda one: (-one[0], one[1]["source"], one[2].feature_id))
    shapes = []
    for _, source, feature, share in found[: asked.numResults]:
        shape = values_shape(source, feature.feature_id, feature.tokens, feature.activations)
        own = {name: shape[name] for name in ("modelId", "layer", "index")}
        shapes.append(shape | {"neuron": own | {"frac_nonzero": share}})
    return {"tokens": tokens, "result": shapes, "counts": []}


_one = object_schema(tokens=list_of(TEXT), result=list_of(OF_TEXT))
ENDPOINT = Endpoint(
    title="What fires on a text, or on up to four, over some sources of a model.",
    path="/search-all",
    parameters=FeaturesOfTextQuestion,
    answer=_answer,
    schema={"anyOf": [_one, object_schema(results=list_of(_one))]},
    method="POST",
    family=FAMILY,
    runs_model=True,
)
