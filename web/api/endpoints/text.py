"""What fires on a text."""

from typing import Annotated, Any

from pydantic import Field

from web.addressed_rows import find_sae
from web.api.endpoint import Endpoint, Question, object_schema
from web.api.parameters import OfDictionary
from web.api.text_reading import read_text
from web.query_files import queries
from web.text_address import MOST_CHARACTERS
from web.text_reading import by_feature, relative_to_maximum, text_strip


class OwnText(OfDictionary):
    """A text to run the model on."""

    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    is_chat: Annotated[bool, Field(description="Whether it is a user's turn in the model's chat template.")] = False
    most: Annotated[int, Field(ge=1, le=500, description="Features, the relatively strongest first.")] = 50


def _answer(question: Question, asked: OwnText) -> dict[str, Any]:
    find_sae(question.snapshot, asked.model_id, asked.recipe_id)
    reading = read_text(question, asked.model_id, (asked.recipe_id,), asked.text, is_chat=asked.is_chat)
    [dictionary] = reading.dictionaries
    fires = by_feature(dictionary, reading.tokens)
    values = {"model_id": asked.model_id, "recipe_id": asked.recipe_id}
    values |= {"feature_ids": tuple(sorted(feature.feature_id for feature in fires))}
    corpus = {row.feature_id: row for row in question.snapshot.ask(queries()["feature_densities"], values)}
    strongest = relative_to_maximum(fires, corpus)[: asked.most]
    values["feature_ids"] = tuple(sorted(feature.feature_id for feature, _ in strongest))
    labels = {row["feature_id"]: row["label"] for row in question.rows("feature_labels", values)}
    return {
        "tokens": [token.text for token in reading.tokens],
        "left_out": {str(token.place): token.left_out for token in text_strip(reading, None, {}) if token.left_out},
        "notes": list(reading.notes),
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
        tokens={
            "type": "array",
            "items": {"type": "string"},
            "description": "As the model was fed, special ones too: a place is `position` of `feature_activation`.",
        },
        left_out={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "By place, tokens that no feature can fire on, and why.",
        },
        notes={
            "type": "array",
            "items": {"type": "string"},
            "description": "Sentences about what of the text was not read.",
        },
        n_features={"type": "integer", "description": "Features that fire at all."},
        features={"type": "array", "items": _feature},
    ),
    method="POST",
    tool="read_text",
    runs_model=True,
)
