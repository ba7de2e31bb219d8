"""A reader's own text: which features fire where in it, asked of whoever can run the model.

The pages know no model. Whoever starts them hands in a reader, or none; a reader refuses with a ValueError whose
sentence the page shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import parse_qs

from starlette.requests import Request

from web.urls import replace_invalid_unicode

MOST_CHARACTERS = 20_000
"""Of a text: several times the longest context of the models that a CPU runs while somebody waits."""
MOST_BYTES = 12 * MOST_CHARACTERS + 1000
"""Of a form: a character has four bytes at most, each written as %XX."""
MOST_FEATURES = 50
"""Features of a text that are shown, the relatively strongest first."""
PER_TOKEN = 5


class Reading(Protocol):
    """What a model and a dictionary say of a text."""

    @property
    def tokens(self) -> Sequence[str]:
        """Text of each token that was read, special ones left out; joined they give the text."""
        ...

    @property
    def fires(self) -> Sequence[tuple[int, int, float]]:
        """Place among the tokens, feature and activation of everything that fires."""
        ...

    @property
    def cut(self) -> str:
        """A sentence about what of the text was not read; empty where all was."""
        ...


class Reader(Protocol):
    """Runs models."""

    def read(self, sae_id: str, text: str) -> Reading:
        """Codes of a text.

        Raises:
            ValueError: If this model cannot be run here: the sentence says why.
        """
        ...


@dataclass(frozen=True, slots=True)
class FeatureOnText:
    """A feature on the reader's text: its activation on each token, as an example of its own."""

    feature_id: int
    tokens: Sequence[str]
    activations: list[float]

    @property
    def strongest(self) -> float:
        return max(self.activations)

    @property
    def peak(self) -> int:
        return self.activations.index(self.strongest)

    @property
    def n_tokens(self) -> int:
        """Tokens on which it fires."""
        return sum(activation > 0 for activation in self.activations)


def by_feature(reading: Reading) -> list[FeatureOnText]:
    """Every feature that fires, the strongest first."""
    activations_by_feature: dict[int, list[float]] = {}
    for place, feature_id, activation in reading.fires:
        activations_by_feature.setdefault(feature_id, [0.0] * len(reading.tokens))[place] = activation
    fires = [
        FeatureOnText(feature_id, reading.tokens, activations)
        for feature_id, activations in activations_by_feature.items()
    ]
    return sorted(fires, key=lambda feature: (-feature.strongest, feature.feature_id))


def by_token(reading: Reading) -> list[list[tuple[int, float]]]:
    """Feature and activation of the few strongest on each token."""
    activations_by_token: list[list[tuple[int, float]]] = [[] for _ in reading.tokens]
    for place, feature_id, activation in reading.fires:
        activations_by_token[place].append((feature_id, activation))
    return [sorted(features, key=lambda pair: (-pair[1], pair[0]))[:PER_TOKEN] for features in activations_by_token]


def relative_to_maximum(
    fires: Sequence[FeatureOnText], corpus_rows: dict[int, Any]
) -> list[tuple[FeatureOnText, float | None]]:
    """Each feature with its strongest activation here as a share of that in the corpus, the largest share first.

    Args:
        fires: Of `by_feature`.
        corpus_rows: Rows with `max_activation`, by feature; a feature without one comes last.
    """
    fractions = []
    for feature in fires:
        row = corpus_rows.get(feature.feature_id)
        maximum = row.max_activation if row is not None else None
        fractions.append((feature, feature.strongest / maximum if maximum else None))
    return sorted(fractions, key=lambda pair: (-(pair[1] or 0.0), pair[0].feature_id))


def features_per_token(reading: Reading) -> SimpleNamespace:
    """The text as an example whose activations are how many features fire on each token."""
    counts = [0.0] * len(reading.tokens)
    for place, _, _ in reading.fires:
        counts[place] += 1
    return SimpleNamespace(tokens=reading.tokens, activations=counts)


async def text_of(request: Request) -> str | None:
    """The field `text` of a posted form; None where the form is longer than any text that is read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    fields = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True)
    text = replace_invalid_unicode(fields.get("text", [""])[0]).replace("\r\n", "\n")
    return text if len(text) <= MOST_CHARACTERS else None
