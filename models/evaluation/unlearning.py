"""Whether what a model knows of one matter can be taken out with features of a dictionary, and the rest stays.

Farrell et al. 2024 (arXiv:2410.19278) as SAEBench measures it, but for three things: the setting is chosen on one half
of the questions and reported on the other (SAEBench reports the questions that it chose by), strength is a multiple of
each feature's largest activation (an absolute one is another thing in every dictionary), and random features of like
density go the same way.

Axes: N questions, F features.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.numerics.bootstrap import grouped_interval

Half = Literal["choosing", "reporting"]
Condition = Literal["unedited", "chosen", "random"]
KEPT = 0.99
"""Share of the retained questions that a setting has to leave right."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says of each question."""

    right_N: np.ndarray
    loss_N: np.ndarray
    """Of the answer [nats]."""


Edited = Callable[[Sequence[int], float], Outcome]
"""Features that are set to so many times their largest activation, below 0, wherever they fire."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Those that the model answers rightly unaided."""

    is_forget_N: np.ndarray
    group_N: Sequence[str]
    is_choosing_N: np.ndarray
    """Whole groups."""
    forget_rate_F: np.ndarray
    """Share of the tokens of choosing questions that are to be forgotten on which a feature fires."""
    retain_rate_F: np.ndarray
    """Of those that are to be kept."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to choose features, and how far they are set below 0."""

    most_retain_rate: float
    """Features that fire on a larger share of the tokens to be kept are left alone."""
    n_features: int
    multiple: float


@dataclass(frozen=True, slots=True)
class Share:
    """Of questions that stay right, with the 95 % interval over groups."""

    value: float
    low: float | None
    high: float | None
    n: int
    loss: float
    """Mean of the answers' [nats]."""


@dataclass(frozen=True, slots=True)
class Unlearning:
    """One setting on one half of the questions."""

    condition: Condition
    setting: Setting | None
    half: Half
    features: tuple[int, ...]
    forget: Share
    retain: Share
    is_selected: bool
    """Whether the choosing half has this setting as the one that forgets most and keeps KEPT of the rest."""


def forgetting_features(questions: Questions, setting: Setting) -> list[int]:
    """Those that fire most where something is to be forgotten, among those that seldom fire elsewhere."""
    rate_F = np.where(questions.retain_rate_F <= setting.most_retain_rate, questions.forget_rate_F, 0)
    order_F = np.argsort(-rate_F, kind="stable")[: setting.n_features]
    return order_F[rate_F[order_F] > 0].tolist()


def unlearning(
    questions: Questions,
    settings: Sequence[Setting],
    edited: Edited,
    like_density: Callable[[Sequence[int]], list[int]],
    seed: int = 0,
) -> Iterator[Unlearning]:
    """Every setting on both halves, with chosen features and with random ones.

    Args:
        questions: Those that the model answers rightly.
        settings: Ways to choose features, and strengths.
        edited: What the model says with features set below 0.
        like_density: As many other features that fire about as often.
        seed: Of the intervals.
    """
    yield from _rows(questions, "unedited", None, (), edited((), 0.0), seed, is_selected=False)
    conditions: tuple[Condition, ...] = ("chosen", "random")
    for condition in conditions:
        found = []
        for setting in settings:
            features = forgetting_features(questions, setting)
            used = features if condition == "chosen" else like_density(features)
            found.append((setting, tuple(used), edited(used, -setting.multiple)))
        selected = _selected(questions, [outcome for _, _, outcome in found])
        for place, (setting, features, outcome) in enumerate(found):
            yield from _rows(questions, condition, setting, features, outcome, seed, is_selected=place == selected)


def _selected(questions: Questions, outcomes: Sequence[Outcome]) -> int | None:
    """The setting that forgets most on the choosing half while it keeps the rest, the first of equal ones."""
    forget_N = questions.is_forget_N & questions.is_choosing_N
    retain_N = ~questions.is_forget_N & questions.is_choosing_N
    kept = [place for place, outcome in enumerate(outcomes) if outcome.right_N[retain_N].mean() >= KEPT]
    return min(kept, key=lambda place: outcomes[place].right_N[forget_N].mean(), default=None)


def _rows(
    questions: Questions,
    condition: Condition,
    setting: Setting | None,
    features: tuple[int, ...],
    outcome: Outcome,
    seed: int,
    *,
    is_selected: bool,
) -> Iterator[Unlearning]:
    halves: tuple[tuple[Half, np.ndarray], ...] = (
        ("choosing", questions.is_choosing_N),
        ("reporting", ~questions.is_choosing_N),
    )
    for half, is_of_N in halves:
        forget, retain = (
            _share(questions, outcome, is_of_N & is_so_N, seed)
            for is_so_N in (questions.is_forget_N, ~questions.is_forget_N)
        )
        yield Unlearning(condition, setting, half, features, forget, retain, is_selected)


def _share(questions: Questions, outcome: Outcome, is_of_N: np.ndarray, seed: int) -> Share:
    groups = [group for group, is_of in zip(questions.group_N, is_of_N, strict=True) if is_of]
    right = outcome.right_N[is_of_N].astype(np.float64)
    low, high = grouped_interval(groups, right, seed)
    return Share(float(right.mean()), low, high, len(right), float(outcome.loss_N[is_of_N].mean()))
