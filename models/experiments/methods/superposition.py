"""Toy models of superposition, and the superposition of a dictionary's features beside them."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from models.evaluation.feature_interference import InterferenceSums, dimensionality
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.labelled_texts import first_read
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.superposition import SuperpositionSettings
from models.toy_models.superposition import ToyPlan, learn_from_few, learn_toys, phase_diagram

Given = ExperimentInput[SuperpositionSettings]
TEXTS = 32
"""Texts whose codes are summed at once."""
FEW_HIDDEN = 2
FEW_RATE = 0.01
"""Learning rate of toys that see few examples: a faster one does not store them."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SuperpositionSettings.tables}
    for part, make in (("sweep", _sweep), ("phase", _phases), ("few", _few)):
        for table, of_table in given.kept.result(part, lambda make=make: _by_table(make(given))).items():
            rows[table].extend(of_table)
    if given.dictionary is not None:
        rows["feature_interference"] = list(_interference(given, given.dictionary))
    return rows


def _by_table(rows: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table, row in rows:
        found.setdefault(table, []).append(row)
    return found


def _sweep(given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    settings = given.settings
    density_I = torch.logspace(0, torch.log10(torch.tensor(settings.rarest)).item(), settings.densities)
    importance_N = torch.full((settings.features,), settings.importance_decay) ** torch.arange(settings.features)
    plan = ToyPlan(settings.features, settings.hidden, settings.steps, seed=given.seed)
    toys = learn_toys(density_I, importance_N.expand(len(density_I), -1), plan)
    columns = {
        "norm": toys.norm_IN,
        "dimensionality": toys.dimensionality_IN.clamp(0, 1),
        "interference": toys.interference_IN,
    }
    for toy in range(len(density_I)):
        yield (
            "toy_model",
            _toy("sweep", toy, settings.features, settings.hidden)
            | {
                "density": float(density_I[toy]),
                "importance": settings.importance_decay,
                "loss": float(toys.loss_I[toy]),
                "norm_squared": float(toys.norm_IN[toy].square().sum()),
                "dimensions_per_feature": float(toys.dimensions_per_feature_I[toy]),
                "n_represented": int(toys.is_represented_IN[toy].sum()),
            },
        )
        for feature in range(settings.features):
            values = {name: float(of_IN[toy, feature]) for name, of_IN in columns.items()}
            yield (
                "toy_feature",
                {"toy_id": toy, "feature": feature, "importance": float(importance_N[feature])} | values,
            )


def _phases(given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    settings = given.settings
    density_P = torch.logspace(0, torch.log10(torch.tensor(settings.rarest)).item(), settings.phase_grid)
    importance_Q = torch.logspace(-1, 1, settings.phase_grid)
    plan = ToyPlan(2, 1, settings.steps, seed=given.seed)
    phases, loss_PQ = phase_diagram(density_P, importance_Q, plan, settings.restarts)
    for row, of_density in enumerate(phases):
        for column, phase in enumerate(of_density):
            number = settings.densities + row * settings.phase_grid + column
            yield (
                "toy_model",
                _toy("phase", number, 2, 1)
                | {
                    "density": float(density_P[row]),
                    "importance": float(importance_Q[column]),
                    "loss": float(loss_PQ[row, column]),
                    "phase": phase,
                },
            )


def _few(given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    settings = given.settings
    first = settings.densities + settings.phase_grid**2
    plan = ToyPlan(settings.examples_features, FEW_HIDDEN, settings.steps, 1024, FEW_RATE, given.seed)
    for place, n in enumerate(dict.fromkeys(settings.examples)):
        found = learn_from_few(n, settings.examples_density, plan)
        yield (
            "toy_model",
            _toy("few_examples", first + place, settings.examples_features, FEW_HIDDEN)
            | {
                "density": settings.examples_density,
                "importance": 1.0,
                "n_examples": n,
                "loss": found.train_loss,
                "test_loss": found.test_loss,
                "example_norm": found.example_norm,
                "feature_norm": found.feature_norm,
                "example_dimensionality": found.example_dimensionality,
                "feature_dimensionality": found.feature_dimensionality,
            },
        )


def _toy(kind: str, number: int, n_features: int, n_hidden: int) -> dict[str, Any]:
    absent = (
        *("n_examples", "test_loss", "norm_squared", "dimensions_per_feature", "n_represented", "phase"),
        *("example_norm", "feature_norm", "example_dimensionality", "feature_dimensionality"),
    )
    return dict.fromkeys(absent) | {"kind": kind, "toy_id": number, "n_features": n_features, "n_hidden": n_hidden}


@torch.no_grad()
def _interference(given: Given, dictionary: FeatureDictionary) -> Iterator[dict[str, Any]]:
    sums = InterferenceSums.zero(dictionary.n_features)
    for start in range(0, len(given.prompts), TEXTS):
        x_TD = torch.cat([_read(given, dictionary, prompt) for prompt in given.prompts[start : start + TEXTS]])
        if len(x_TD):
            sums = sums + InterferenceSums.of(dictionary.sae, dictionary.sae.encode(x_TD))
    share_F = dimensionality(dictionary.sae.W_dec.detach().cpu(), torch.from_numpy(dictionary.max_activation_F > 0))
    leak_F, silent_F = sums.leak_F, sums.silent_leak_F
    for feature in (sums.firings_F > 0).nonzero()[:, 0].tolist():
        yield {
            "recipe_id": dictionary.recipe_id,
            "feature_id": feature,
            "dimensionality": min(1.0, float(share_F[feature])),
            "leak": float(leak_F[feature]),
            "silent_leak": float(silent_F[feature]),
            "n_firings": int(sums.firings_F[feature]),
            "n_tokens": sums.n_tokens,
        }


def _read(given: Given, dictionary: FeatureDictionary, prompt: EncodedPrompt) -> Tensor:
    with given.host.capture([dictionary.site]) as found:
        given.host.forward(torch.tensor([prompt.token_ids]))
    return found[dictionary.site][0, first_read(prompt, 1) :].float()


def _check(given: Given) -> None:
    """Sizes of the toys, before the first is trained."""
    settings = given.settings
    if settings.hidden >= settings.features:
        raise ValueError(
            f"hidden: {settings.hidden} and features: {settings.features}: a toy with a dimension for each feature has "
            "no superposition, name fewer dimensions"
        )
    if settings.examples and settings.examples_features <= FEW_HIDDEN:
        raise ValueError(f"examples_features: {settings.examples_features}, and the toys have 2 dimensions: name more")


def _passes(given: Given) -> PassCount:
    """Of the card's model; what the toys cost is no pass of it."""
    return PassCount(forward=len(given.prompts) if given.dictionary is not None else 0)


METHOD = ExperimentMethod(settings=SuperpositionSettings, measure=_measure, passes=_passes, check=_check)
