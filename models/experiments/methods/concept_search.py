"""A search for the features that tell the labels of a text set apart."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from models.evaluation.feature_contrast import Contrast, Detector, contrast, detector
from models.experiments.labelled_texts import LabelledTexts, asked_labels, labelled_texts, length_areas
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.pooled_texts import pooled_texts
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.concept_search import ConceptSearchSettings
from models.probes.codes_by_feature import CodesByFeature

Given = ExperimentInput[ConceptSearchSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: what is found on some is judged on others."""
    texts = labelled_texts(given)
    codes = pooled_texts(given, texts).codes
    areas = length_areas(texts.task, texts.n_read_N)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ConceptSearchSettings.tables}
    for number in asked_labels(given.settings.labels, texts.task.labels):
        for table, row in _rows(given, texts, codes, number, areas[number]):
            rows[table].append({"recipe_id": given.features.recipe_id, "label": texts.task.labels[number]} | row)
    return rows


def _rows(
    given: Given, texts: LabelledTexts, codes: CodesByFeature, number: int, length_area: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of one label, by table."""
    task, y_N = texts.task, texts.task.class_N == number
    group_N, train_M = task.group_numbers_N, np.flatnonzero(~task.is_test_N)
    found = contrast(codes.at(torch.from_numpy(train_M)), y_N[train_M], group_N[train_M])
    distance_F = np.where(np.isfinite(found.q_F), np.abs(found.area_F - 0.5), -1)
    best = np.argsort(-distance_F, kind="stable")[: min(given.settings.kept_features, found.n_tested)]
    act_NK = codes.columns(torch.from_numpy(best)).double().numpy()
    for rank, (feature, act_N) in enumerate(zip(best.tolist(), act_NK.T, strict=True)):
        judged = detector(act_N, y_N, group_N, task.is_test_N)
        row = _feature_row(feature, found, judged, act_N, task.is_test_N, y_N)
        yield "feature_contrast", row | {"rank": rank, "length_area": length_area}
        if rank < given.settings.texts_of:
            for row in _text_rows(given, act_N, y_N, task.is_test_N, judged):
                yield "feature_contrast_text", {"feature_id": feature} | row


def _feature_row(
    feature: int, found: Contrast, judged: Detector, act_N: np.ndarray, is_test_N: np.ndarray, y_N: np.ndarray
) -> dict[str, Any]:
    return {
        "feature_id": feature,
        "n_units": found.n,
        "n_other_units": found.n_others,
        "fired_units": int(found.fired_F[feature]),
        "fired_other_units": int(found.fired_others_F[feature]),
        "firing_share": float((act_N[y_N] > 0).mean()),
        "firing_share_others": float((act_N[~y_N] > 0).mean()),
        "auroc": float(found.area_F[feature]),
        "log_odds": float(found.log_odds_F[feature]),
        "log_odds_se": float(found.log_odds_se_F[feature]),
        "p": float(found.p_F[feature]),
        "q": float(found.q_F[feature]),
        "n_tested": found.n_tested,
        "threshold": judged.threshold,
        "is_above": judged.is_above,
        "test_auroc": judged.area,
        "test_auroc_ci_low": judged.low,
        "test_auroc_ci_high": judged.high,
        "precision": judged.precision,
        "recall": judged.recall,
        "false_positive_rate": judged.false_positive_rate,
        "n_test": int(is_test_N.sum()),
        "n_test_of_label": int((is_test_N & y_N).sum()),
    }


def _text_rows(
    given: Given, act_N: np.ndarray, y_N: np.ndarray, is_test_N: np.ndarray, judged: Detector
) -> Iterator[dict[str, Any]]:
    """Test texts that a feature tells right, that it takes for the label, and that it misses, clearest first."""
    said_N, sign = (act_N > judged.threshold) == judged.is_above, 1 if judged.is_above else -1
    kinds = {"right": said_N & y_N, "false_alarm": said_N & ~y_N, "miss": ~said_N & y_N}
    for kind, of_kind_N in kinds.items():
        places = np.flatnonzero(of_kind_N & is_test_N)
        order = places[np.argsort(-sign * (-1 if kind == "miss" else 1) * act_N[places], kind="stable")]
        for rank, place in enumerate(order[: given.settings.shown_texts].tolist()):
            row = {"kind": kind, "rank": rank, "prompt_id": given.prompts[place].prompt_id}
            yield row | {"activation": float(act_N[place])}


def _check(given: Given) -> None:
    """Labels, groups, split and lengths, before the first pass."""
    asked_labels(given.settings.labels, labelled_texts(given).task.labels)


def _passes(given: Given) -> PassCount:
    """Every text is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=ConceptSearchSettings, measure=_measure, passes=_passes, check=_check)
