"""Sparse probing of the labels of a text set."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.evaluation.concept_probing import ConceptTask, PooledTexts, concept_probing
from models.experiments.labelled_texts import LabelledTexts, asked_labels, labelled_texts, length_areas
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.pooled_texts import pooled_texts
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.sparse_probing import SparseProbingSettings

Given = ExperimentInput[SparseProbingSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: what is chosen on some is reported on others."""
    texts = labelled_texts(given)
    pooled, areas = pooled_texts(given, texts), length_areas(texts.task, texts.n_read_N)
    return {
        "sparse_probe": [
            row
            for number in asked_labels(given.settings.labels, texts.task.labels)
            for row in given.kept.result(
                f"label {number}", lambda number=number: list(_rows(given, texts, pooled, number, areas[number]))
            )
        ]
    }


def _rows(
    given: Given, texts: LabelledTexts, pooled: PooledTexts, number: int, length_area: float
) -> Iterator[dict[str, Any]]:
    task, settings = texts.task, given.settings
    concept = ConceptTask(
        task.class_N == number,
        task.group_numbers_N,
        task.is_test_N,
        task.inner_split(given.seed),
        tuple(settings.penalties),
        given.seed,
        settings.random_draws,
    )
    n_test = int(task.is_test_N.sum())
    for score in concept_probing(pooled, concept, settings.latents):
        yield {
            "recipe_id": given.features.recipe_id,
            "label": task.labels[number],
            "reads": score.reads,
            "n_latents": score.n_latents,
            "feature_ids": None if score.features is None else list(score.features),
            "metric": score.metric,
            "value": score.value,
            "ci_low": score.low,
            "ci_high": score.high,
            "baseline": score.baseline,
            "n_train": len(task.class_N) - n_test,
            "n_test": n_test,
            "n_test_of_label": int((concept.y_N & task.is_test_N).sum()),
            "length_area": length_area,
        }


def _check(given: Given) -> None:
    """Labels, groups, split and lengths, before the first pass."""
    asked_labels(given.settings.labels, labelled_texts(given).task.labels)


def _passes(given: Given) -> PassCount:
    """Every text is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=SparseProbingSettings, measure=_measure, passes=_passes, check=_check)
