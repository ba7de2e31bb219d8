"""The decoder or encoder vector of a feature."""

import io
from typing import Annotated, Any, Literal

from pydantic import Field

from web.addressed_rows import find_sae, parse_feature_id
from web.api.endpoint import JSON, Content, Endpoint, Question, object_schema
from web.api.parameters import OfFeature
from web.error_pages import NotFound


class VectorChoice(OfFeature):
    """Which vector, and how it is written."""

    of: Annotated[Literal["decoder", "encoder"], Field(description="The row of W_dec, or the column of W_enc.")] = (
        "decoder"
    )
    format: Annotated[Literal["json", "npy"], Field(description="npy is float32, for numpy.load.")] = "json"


def _answer(question: Question, asked: VectorChoice) -> dict[str, Any] | Content:
    parse_feature_id(find_sae(question.snapshot, asked.model_id, asked.recipe_id), str(asked.feature_id))
    reader = question.services.vectors
    if reader is None:
        raise NotFound("these pages were started without a store that has weights: start `glasshouse serve`", [])
    try:
        found = reader.read(f"{asked.model_id}/{asked.recipe_id}", asked.feature_id)
    except (ValueError, OSError) as error:
        raise NotFound(str(error), []) from error
    vector = list(found.decoder if asked.of == "decoder" else found.encoder)
    if asked.format == "npy":
        return Content(_npy(vector), "application/x-npy")
    return {
        "model_id": asked.model_id,
        "recipe_id": asked.recipe_id,
        "feature_id": asked.feature_id,
        "of": asked.of,
        "vector": vector,
    }


def _npy(vector: list[float]) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.array(vector, dtype=np.float32))
    return file.getvalue()


ENDPOINT = Endpoint(
    title="The decoder or encoder vector of a feature, as the dictionary's file has it.",
    path="/saes/{model_id}/{recipe_id}/features/{feature_id}/vector",
    parameters=VectorChoice,
    answer=_answer,
    schema=object_schema(
        model_id={"type": "string"},
        recipe_id={"type": "string"},
        feature_id={"type": "integer"},
        of={"type": "string"},
        vector={"type": "array", "items": {"type": "number"}},
    ),
    media_types=(JSON, "application/x-npy"),
)
