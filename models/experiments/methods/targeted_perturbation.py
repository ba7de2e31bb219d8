"""Targeted probe perturbation over the labels of a text set."""

from collections.abc import Sequence

from models.evaluation.targeted_perturbation import targeted_perturbation
from models.experiments.ablatable_texts import ablatable_texts, check_ablatable
from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.targeted_perturbation import TargetedPerturbationSettings

Given = ExperimentInput[TargetedPerturbationSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    settings = given.settings
    texts, task = ablatable_texts(given, settings.penalty)
    rows = targeted_perturbation(texts, task.class_N, settings.latents, settings.random_draws)
    return {
        "targeted_perturbation": [
            {
                "recipe_id": given.features.recipe_id,
                "label": None if row.label is None else task.labels[row.label],
                "condition": row.condition,
                "n_latents": row.n_latents,
                "feature_ids": None if row.features is None else list(row.features),
                "unablated_accuracy": row.accuracy,
                "intended": row.intended,
                "unintended": row.unintended,
                "score": row.score,
                "ci_low": row.low,
                "ci_high": row.high,
                "n_test": row.n_test,
            }
            for row in rows
        ]
    }


def _check(given: Given) -> None:
    check_ablatable(given)
    labelled_texts(given)


def _passes(given: Given) -> PassCount:
    """Every text is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=TargetedPerturbationSettings, measure=_measure, passes=_passes, check=_check)
