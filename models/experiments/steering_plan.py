"""What is done to each prompt of a steering experiment: every feature at every strength, and its baselines.

F features, E width that is written, P positions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.experiments.method import ExperimentInput
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.selecting_half import selecting_prompts
from models.experiments.settings.steering import SteeringSettings
from models.experiments.steered_concept import ConceptReader, SteeredConcept, chosen_features
from models.interventions.steering import FeatureEdit

Given = ExperimentInput[SteeringSettings]
NORM_PROMPTS = 32
"""Prompts over which the mean norm of what is edited is taken."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is done to every prompt."""

    feature: int
    name: str
    """`feature`, or the baseline."""
    strength: float
    edit: FeatureEdit | None = None
    """None where the concept stands before the prompt instead."""
    other_feature: int | None = None
    """The random feature of the baseline."""
    residual_share: float = 0.0
    """Length of value × decoder row as a share of the mean norm of what is edited."""


@dataclass(frozen=True, slots=True)
class SteeringPlan:
    """Everything that is done, and the tokens of each feature's concept."""

    conditions: tuple[Condition, ...]
    concepts: Mapping[int, SteeredConcept]
    selecting: frozenset[int]
    """Prompts that choose the best strength."""

    @classmethod
    def of(cls, given: Given) -> "SteeringPlan":
        """The plan of an experiment: it depends on its prompts and settings, not on the chunk that is measured."""
        reader, settings = ConceptReader(given.host, given.features), given.settings
        named = chosen_features(reader, settings)
        features = list(named)
        concepts = steered_concepts(given, reader, named)
        norm, difference_E = mean_norm(given), mean_difference(given)
        conditions = [
            each for feature in features for each in _conditions(given, features, feature, norm, difference_E)
        ]
        return cls(tuple(conditions), concepts, selecting_prompts(given.prompts))


def steered_concepts(given: Given, reader: ConceptReader, named: Mapping[int, str | None]) -> dict[int, SteeredConcept]:
    """The concept that the card names each feature by, or the tokens that it promotes most."""
    n = given.settings.target_tokens
    return {feature: reader.named(text) if text else reader.promoted(feature, n) for feature, text in named.items()}


def n_conditions(given: Given) -> tuple[int, int]:
    """How many conditions edit the model and how many put the concept before the prompt."""
    settings = given.settings
    n_features = len(chosen_features(ConceptReader(given.host, given.features), settings))
    impossible = {"prompting"} if selecting_pairs(given) else {"prompting", "mean_difference"}
    edited = {"feature", *settings.baselines} - impossible
    return n_features * len(edited) * len(_strengths(settings)), n_features * ("prompting" in settings.baselines)


def _strengths(settings: SteeringSettings) -> list[float]:
    return [0.0] if settings.kind == "ablate" else list(dict.fromkeys(settings.strengths))


def _conditions(
    given: Given, features: list[int], feature: int, norm: float, difference_E: Tensor | None
) -> Iterator[Condition]:
    settings, dictionary = given.settings, given.features
    row_E = dictionary.sae.W_dec.detach()[feature].float()
    length = float(row_E.norm())
    directions = {"random_direction": _random_direction(len(row_E), given.seed, feature) * length}
    if difference_E is not None:
        directions["mean_difference"] = torch.nn.functional.normalize(difference_E, dim=0) * length
    other = _random_feature(given, features, feature)
    for strength in _strengths(settings):
        value = strength
        if settings.kind not in ("scale", "ablate"):
            unit = dictionary.max_activation_F[feature] if settings.unit == "max_activation" else norm / length
            value = strength * float(unit)
        share = abs(value) * length / norm if settings.kind not in ("scale", "ablate") else 0.0
        yield Condition(feature, "feature", strength, FeatureEdit(feature, settings.kind, value), residual_share=share)
        if "random_feature" in settings.baselines and other is not None:
            edit = FeatureEdit(other, settings.kind, value)
            yield Condition(feature, "random_feature", strength, edit, other, share)
        for name, direction_E in directions.items():
            if name in settings.baselines:
                edit = FeatureEdit(feature, settings.kind, value, direction_E)
                yield Condition(feature, name, strength, edit, residual_share=share)
    if "prompting" in settings.baselines:
        yield Condition(feature, "prompting", 0.0)


def _random_feature(given: Given, features: list[int], feature: int) -> int | None:
    """A live feature of like density that is not steered itself; None where there is none."""
    nearest = given.features.of_like_density(feature, besides=features)
    if not len(nearest):
        return None
    return int(np.random.default_rng([given.seed, feature]).choice(nearest))


def _random_direction(width: int, seed: int, feature: int) -> Tensor:
    drawn = np.random.default_rng([seed, feature, 1]).standard_normal(width)
    return torch.nn.functional.normalize(torch.from_numpy(drawn).float(), dim=0)


@torch.no_grad()
def mean_norm(given: Given) -> float:
    """Mean norm of what is edited, over the texts of the first prompts."""
    site, norms = given.features.written, []
    for prompt in given.prompts[:NORM_PROMPTS]:
        with given.host.capture([site]) as stream:
            given.host.forward(torch.tensor([prompt.token_ids]))
        norms.append(stream[site][0, prompt.n_special :].float().norm(dim=-1).cpu())
    return float(torch.cat(norms).double().mean())


def selecting_pairs(given: Given) -> list[EncodedPrompt]:
    """The contrast pairs of the half that chooses: the mean difference is made from these."""
    selecting = selecting_prompts(given.prompts)
    return [each for each in given.prompts if each.corrupt_ids is not None and each.prompt_id in selecting]


@torch.no_grad()
def mean_difference(given: Given) -> Tensor | None:
    """Mean of clean − corrupt at the last position, over the pairs of the selecting half; None without pairs."""
    site, differences = given.features.written, []
    for pair in selecting_pairs(given):
        with given.host.capture([site]) as stream:
            given.host.forward(torch.tensor([pair.token_ids, pair.corrupt_ids]))
        differences.append((stream[site][0, -1] - stream[site][1, -1]).float())
    return torch.stack(differences).mean(0) if differences else None
