"""What fires on a text."""

from typing import Annotated, Any

from pydantic import Field

from web.addressed_rows import find_sae
from web.api.endpoint import Endpoint, Question, object_schema
from web.api.parameters import OfDictionary
from web.api.text_reading import read_text
from web.custom_text import MOST_CHARACTERS, by_feature, relative_to_maximum
from web.query_files import queries


class OwnText(OfDictionary):
    """A text to run the model on."""

    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    most: Annotated[int, Field(ge=1, le=500, description="Features, the relatively strongest first.")] = 50


def _answer(question: Question, asked: OwnText) -> dict[str, Any]:
    find_sae(question.snapshot, asked.model_id, asked.recipe_id)
    reading = read_text(question, f"{asked.model_id}/{asked.recipe_id}", asked.text)
    fires = by_feature(reading)
    values = {"model_id": asked.model_id, "recipe_id": asked.recipe_id}
    values |= {"feature_ids": tuple(sorted(feature.feature_id for feature in fires))}
    corpus = {row.feature_id: row for row in question.snapshot.ask(queries()["feature_densities"], values)}
    strongest = relative_to_maximum(fires, corpus)[: asked.most]
    values["feature_ids"] = tuple(sorted(feature.feature_id for feature, _ in strongest))
    labels = {row["feature_id"]: row["label"] for row in question.rows("feature_labels", values)}
    return {
        "tokens": list(reading.tokens),
        "cut": reading.cut or None,
        "n_features": len(fires),
        "features": [
            {
                "feature_id": feature.feature_id,
                "label": labels.get(feature.feature_id),
                "share_of_max": share,
                "activations": [
                    {"token": place, "activation": activation}
                    for place, activation in enumerate(feature.activations)
                    if activation > 0
                ],
            }
            for feature, share in strongest
        ],
    }


_feature = object_schema(
    feature_id={"type": "integer"},
    label={"type": ["string", "null"]},
    share_of_max={"type": ["number", "null"], "description": "Its strongest here as a share of that in the corpus."},
    activations={
        "type": "array",
        "items": object_schema(
            token={"type": "integer", "description": "Place among `tokens`."}, activation={"type": "number"}
        ),
    },
)
ENDPOINT = Endpoint(
    title="What fires on a text: the model is run on it, and the relatively strongest features are named.",
    path="/saes/{model_id}/{recipe_id}/text",
    parameters=OwnText,
    answer=_answer,
    schema=object_schema(
        tokens={"type": "array", "items": {"type": "string"}},
        cut={"type": ["string", "null"], "description": "What of the text was not read; null where all was."},
        n_features={"type": "integer", "description": "Features that fire at all."},
        features={"type": "array", "items": _feature},
    ),
    method="POST",
    tool="read_text",
    runs_model=True,
)
