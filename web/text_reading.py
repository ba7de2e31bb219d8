"""What fires on a reader's own text, asked of whoever can run the model, and looked at by token and by feature.

The pages know no model. Whoever starts them hands in a reader, or none; a reader refuses with a ValueError whose
sentence the page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Protocol

from web.model_queue import Report


class Token(Protocol):
    """A token of what the model was fed."""

    @property
    def text(self) -> str: ...

    @property
    def is_text(self) -> bool:
        """Whether it is of the text, and neither put around it nor special."""
        ...

    @property
    def left_out(self) -> str:
        """Why no dictionary has activations of it; empty where they have."""
        ...


class Activations(Protocol):
    """What fires on some tokens."""

    @property
    def activations(self) -> Sequence[tuple[int, int, float]]:
        """Place among the tokens, feature and activation of everything that fires."""
        ...


class DictionaryReading(Activations, Protocol):
    """What a dictionary says of the text."""

    @property
    def recipe_id(self) -> str: ...

    @property
    def site(self) -> str: ...

    @property
    def layer(self) -> int | None: ...

    @property
    def refused(self) -> str:
        """Why it was not read; empty where it was."""
        ...

    @property
    def outliers(self) -> Sequence[int]:
        """Tokens left out here for the norm of their activation."""
        ...

    @property
    def norm_limit(self) -> float | None: ...


class Reading(Protocol):
    """What a model and its dictionaries say of a text."""

    @property
    def tokens(self) -> Sequence[Token]: ...

    @property
    def dictionaries(self) -> Sequence[DictionaryReading]:
        """By layer."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Sentences about what was cut or could not be read."""
        ...


class Reader(Protocol):
    """Runs models."""

    def read(self, model_id: str, text: str, recipe_ids: tuple[str, ...], is_chat: bool, report: Report) -> Reading:
        """What fires on a text.

        Raises:
            ValueError: If this model cannot be run here: the sentence says why.
        """
        ...

    def has_chat_template(self, model_id: str) -> bool:
        """Whether texts may be read in the model's chat template; raises ValueError as `read`."""
        ...


@dataclass(frozen=True)
class FeatureOnText:
    """A feature on the text: its activation on each token, as an example of its own."""

    feature_id: int
    tokens: Sequence[str]
    activations: list[float]

    @cached_property
    def strongest(self) -> float:
        return max(self.activations)

    @cached_property
    def peak(self) -> int:
        return self.activations.index(self.strongest)

    @property
    def n_tokens(self) -> int:
        """Tokens on which it fires."""
        return sum(activation > 0 for activation in self.activations)


def by_feature(dictionary: Activations, tokens: Sequence[Token]) -> list[FeatureOnText]:
    """Every feature that fires, the strongest first."""
    texts = [token.text for token in tokens]
    activations_by_feature: dict[int, list[float]] = {}
    for place, feature_id, activation in dictionary.activations:
        activations_by_feature.setdefault(feature_id, [0.0] * len(tokens))[place] = activation
    found = [FeatureOnText(feature_id, texts, acts) for feature_id, acts in activations_by_feature.items()]
    return sorted(found, key=lambda feature: (-feature.strongest, feature.feature_id))


def fired_features(dictionary: Activations) -> tuple[int, ...]:
    """Numbers of the features that fire anywhere on the text."""
    return tuple(sorted({feature_id for _, feature_id, _ in dictionary.activations}))


def one_feature(dictionary: Activations, feature_id: int, tokens: Sequence[Token]) -> FeatureOnText:
    """A feature on every token, whether or not it fires."""
    found = next((one for one in by_feature(dictionary, tokens) if one.feature_id == feature_id), None)
    return found or FeatureOnText(feature_id, [token.text for token in tokens], [0.0] * len(tokens))


def on_token(dictionary: Activations, place: int) -> list[tuple[int, float]]:
    """Feature and activation of whatever fires on a token, the strongest first."""
    fires = ((feature_id, activation) for at, feature_id, activation in dictionary.activations if at == place)
    return sorted(fires, key=lambda pair: (-pair[1], pair[0]))


def relative_to_maximum(
    fires: Sequence[FeatureOnText], corpus_rows: dict[int, Any]
) -> list[tuple[FeatureOnText, float | None]]:
    """Each feature with its strongest activation here as a share of that in the corpus, the largest share first.

    Args:
        fires: Of `by_feature`.
        corpus_rows: Rows with `max_activation`, by feature; a feature without one comes last.
    """
    shares = [(feature, share_of_maximum(feature.strongest, corpus_rows.get(feature.feature_id))) for feature in fires]
    return sorted(shares, key=lambda pair: (-(pair[1] or 0.0), pair[0].feature_id))


def share_of_maximum(activation: float, corpus_row: Any) -> float | None:
    """An activation as a share of the feature's strongest in the corpus; None where that is not known."""
    maximum = corpus_row.max_activation if corpus_row is not None else None
    return activation / maximum if maximum else None


def text_strip(
    reading: Reading, feature: FeatureOnText | None, corpus_rows: Mapping[str, dict[int, Any]]
) -> list[SimpleNamespace]:
    """Every token with the value that it is shaded by, its share of the largest, and why it is left out, by all
    dictionaries or by some.

    Args:
        reading: Of the text.
        feature: Whose activation a token is shaded by; None for how near the nearest of all features comes to its
            strongest activation in the corpus.
        corpus_rows: Rows with `max_activation`, by dictionary and feature.
    """
    values = _nearest(reading, corpus_rows) if feature is None else feature.activations
    most = max(values, default=0.0)
    outliers = _outliers(reading)
    return [
        SimpleNamespace(
            place=place,
            text=token.text,
            left_out=token.left_out or outliers.get(place, ""),
            value=values[place],
            share=values[place] / most if most else 0.0,
        )
        for place, token in enumerate(reading.tokens)
    ]


def _nearest(reading: Reading, corpus_rows: Mapping[str, dict[int, Any]]) -> list[float]:
    """The largest share of its maximum that a feature reaches on each token."""
    nearest = [0.0] * len(reading.tokens)
    for dictionary in reading.dictionaries:
        rows = corpus_rows.get(dictionary.recipe_id, {})
        for place, feature_id, activation in dictionary.activations:
            share = share_of_maximum(activation, rows.get(feature_id))
            nearest[place] = max(nearest[place], share or 0.0)
    return nearest


def _outliers(reading: Reading) -> dict[int, str]:
    reasons: dict[int, list[str]] = {}
    for dictionary in reading.dictionaries:
        for place in dictionary.outliers:
            reasons.setdefault(place, []).append(dictionary.recipe_id)
    return {
        place: f"an outlier: the norm of its activation is beyond the limit of the site ({', '.join(names)})"
        for place, names in reasons.items()
    }
