"""Lists of features with notes: `registry/lists/<list_id>.yaml`, cards that people write about what they found."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.config_base import Settings
from pipelines.registry.cards import is_id

_FEATURE = re.compile(r"(?P<model_id>[^/]+)/(?P<recipe_id>[^/]+)/(?P<feature_id>[0-9]{1,9})")


def _feature(text: str) -> str:
    match = _FEATURE.fullmatch(text)
    if match is None or not is_id(match["model_id"]) or not is_id(match["recipe_id"]):
        raise ValueError("wanted model_id/recipe_id/number, such as pystdlib/mid-topk/7")
    return text


Tag = Literal[
    "code_vulnerability",
    "backdoor",
    "bias_slur",
    "bias_subtle",
    "deception",
    "power_seeking",
    "treachery",
    "sycophancy",
    "dangerous_bio",
    "dangerous_chem",
    "weapons",
    "scam",
    "crime",
    "self_model",
    "other",
]


class ListedFeature(Settings):
    """One feature of a list."""

    feature: Annotated[str, AfterValidator(_feature)] = Field(examples=["pystdlib/mid-topk/7"])
    """model_id/recipe_id/number."""
    dictionary: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = None
    """Of which dictionary: the first digits of its weights' sha256. In one that was trained anew numbers mean other
    features, and the entry is left out."""
    note: str | None = None
    """What is to be said of it here."""
    tag: Tag | None = None
    """What it might warn of; the list's author says so, and the note with what evidence: that a feature exists does not
    show that the model uses it."""
    status: Literal["proposed", "confirmed", "struck"] = "proposed"
    """Of the tag: proposed by a label, a judge or a search; confirmed by what the model does without it; struck."""

    @property
    def key(self) -> tuple[str, str, int]:
        model_id, recipe_id, number = self.feature.split("/")
        return model_id, recipe_id, int(number)


class FeatureListCard(Settings):
    """Features that belong together, in an order, with notes. The file's stem is the list_id."""

    title: Annotated[str, Field(min_length=1, max_length=200, examples=["How imports are read"])]
    """What the list is of."""
    note: str | None = None
    """What is to be said of all of it."""
    author: str | None = None
    """Who made it."""
    features: list[ListedFeature] = Field(
        min_length=1, examples=[[{"feature": "pystdlib/mid-topk/7", "note": "the word"}]]
    )
    """Its features, in order; one may stand there once."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        keys = [each.key for each in self.features]
        if twice := next((each.feature for at, each in enumerate(self.features) if each.key in keys[:at]), None):
            raise ValueError(f"{twice} stands there twice: keep one")
        return self


def list_rows(lists: dict[str, FeatureListCard]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of `feature_list` and `feature_list_entry`."""
    return {
        "feature_list": [(list_id, card.title, card.note, card.author) for list_id, card in lists.items()],
        "feature_list_entry": [
            (list_id, place, *each.key, each.note, each.tag, each.status if each.tag else None)
            for list_id, card in lists.items()
            for place, each in enumerate(card.features)
        ],
    }
