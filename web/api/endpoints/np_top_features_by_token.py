"""Neuronpedia's `POST /api/search-topk-by-token`."""

from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Endpoint, Question, object_schema
from web.api.neuronpedia.schemas import NUMBER, TEXT, WHOLE, list_of
from web.api.neuronpedia.sources import FAMILY, ForeignParameters, ModelName, SourceName, find_source
from web.api.neuronpedia.text_shape import Texts, each_text
from web.api.text_reading import read_text_alone
from web.text_reading import fired_features


class TopFeaturesQuestion(ForeignParameters):
    """Texts, and how many features of each token."""

    modelId: ModelName
    source: SourceName
    text: Texts
    numResults: Annotated[int, Field(ge=1, le=20)] = 10
    densityThreshold: Annotated[float, Field(ge=-1, le=1, description="Leave denser features out; 0 keeps all.")] = 0.01


def _answer(question: Question, asked: TopFeaturesQuestion) -> dict[str, Any]:
    source = find_source(question, asked.modelId, asked.source)

    def read(text: str) -> list[dict[str, Any]]:
        return _by_token(question, asked, source, text)

    found = each_text(asked.text, read)
    if isinstance(asked.text, str):
        return {"source": source["source"], "results": found}
    return {"results": [{"source": source["source"], "results": one} for one in found]}


def _by_token(
    question: Question, asked: TopFeaturesQuestion, source: dict[str, Any], text: str
) -> list[dict[str, Any]]:
    own = {"model_id": source["model_id"], "recipe_id": source["recipe_id"]}
    [reading] = read_text_alone(question, own["model_id"], (own["recipe_id"],), text)
    ids = {"feature_ids": fired_features(reading)}
    rows = question.rows("feature_densities", own | ids)
    density = {row["feature_id"]: row["density"] for row in rows}
    fires: list[list[tuple[float, int]]] = [[] for _ in reading.tokens]
    for place, feature, activation in reading.activations:
        if asked.densityThreshold <= 0 or density.get(feature, 0.0) <= asked.densityThreshold:
            fires[place].append((-activation, feature))
    strongest = [sorted(one)[: asked.numResults] for one in fires]
    ids = {"feature_ids": tuple(sorted({feature for one in strongest for _, feature in one}))}
    labels = {row["feature_id"]: row["label"] for row in question.rows("feature_labels", own | ids)}
    return [
        {
            "position": place,
            "token": token.text,
            "isSpecial": False,
            "topFeatures": [
                {
                    "activationValue": -negative,
                    "featureIndex": feature,
                    "feature": {
                        "modelId": source["model_id"],
                        "layer": source["source"],
                        "index": str(feature),
                        "frac_nonzero": density.get(feature),
                        "explanations": [{"description": labels[feature]}] if labels.get(feature) else [],
                    },
                }
                for negative, feature in one
            ],
        }
        for place, (token, one) in enumerate(zip(reading.tokens, strongest, strict=True))
    ]


_results = list_of(
    object_schema(
        position=WHOLE, token=TEXT, topFeatures=list_of(object_schema(activationValue=NUMBER, featureIndex=WHOLE))
    )
)
ENDPOINT = Endpoint(
    title="The strongest features on each token of a text, or of up to four; its first token has position 0.",
    path="/search-topk-by-token",
    parameters=TopFeaturesQuestion,
    answer=_answer,
    schema=object_schema(results={"anyOf": [_results, list_of(object_schema(source=TEXT, results=_results))]}),
    method="POST",
    family=FAMILY,
    runs_model=True,
)
