"""What fires on a text, in Neuronpedia's keys. Its tokens are those of the text: no beginning-of-sequence token, which
has no row here."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field

from web.text_address import MOST_CHARACTERS
from web.text_reading import FeatureOnText

OneText = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Texts = OneText | Annotated[list[OneText], Field(min_length=1, max_length=4)]
"""One text, or up to four."""
T = TypeVar("T")


def each_text(texts: Texts, read: Callable[[str], T]) -> T | list[T]:
    """What `read` gives for a text, or a list of it where a list was asked."""
    return read(texts) if isinstance(texts, str) else [read(text) for text in texts]


def values_shape(source: dict[str, Any], index: int, tokens: Sequence[str], values: Sequence[float]) -> dict[str, Any]:
    """A feature's activation on each token."""
    most = max(values, default=0.0)
    return {
        "modelId": source["model_id"],
        "layer": source["source"],
        "index": str(index),
        "tokens": list(tokens),
        "values": list(values),
        "maxValue": most,
        "maxValueTokenIndex": list(values).index(most) if values else 0,
        "maxValueIndex": list(values).index(most) if values else 0,
        "minValue": min(values, default=0.0),
        "dfaValues": [],
        "dfaTargetIndex": None,
        "dfaMaxValue": None,
    }


def sorting_value(feature: FeatureOnText, places: Sequence[int]) -> float:
    """By what features are sorted: the sum over chosen tokens, or the strongest."""
    if not places:
        return feature.strongest
    return sum(feature.activations[place] for place in places if 0 <= place < len(feature.activations))
