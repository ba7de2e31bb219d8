"""JSON Schemas of Neuronpedia's shapes: the keys that clients read."""

from typing import Any

from web.api.endpoint import object_schema

TEXT, NUMBER, WHOLE, NUMBERS = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "array"}
MAYBE_NUMBER, MAYBE_TEXT = {"type": ["number", "null"]}, {"type": ["string", "null"]}


def list_of(items: Any) -> dict[str, Any]:
    """Schema of a list."""
    return {"type": "array", "items": items}


OWN = {"modelId": TEXT, "layer": TEXT, "index": TEXT}
ACTIVATION = object_schema(
    **OWN,
    tokens=list_of(TEXT),
    values=list_of(NUMBER),
    maxValue=NUMBER,
    maxValueTokenIndex=WHOLE,
    binMin=MAYBE_NUMBER,
    binMax=MAYBE_NUMBER,
    binContains=MAYBE_NUMBER,
)
EXPLANATION = object_schema(
    **OWN, description=TEXT, typeName=TEXT, explanationModelName=MAYBE_TEXT, scores={"type": "array"}
)
FEATURE = object_schema(
    **OWN,
    frac_nonzero=NUMBER,
    maxActApprox=MAYBE_NUMBER,
    pos_str=list_of(TEXT),
    pos_values=list_of(NUMBER),
    neg_str=list_of(TEXT),
    neg_values=list_of(NUMBER),
    freq_hist_data_bar_heights=list_of(NUMBER),
    freq_hist_data_bar_values=list_of(NUMBER),
    activations=list_of(ACTIVATION),
    explanations=list_of(EXPLANATION),
)
OF_TEXT = object_schema(**OWN, tokens=list_of(TEXT), values=list_of(NUMBER), maxValue=NUMBER)
