"""Tuning of a vision model's units to drawn stimuli."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from models.experiments.method import PassCount, Rows
from models.experiments.settings.tuning import TuningSettings
from models.experiments.vision_method import VisionInput, VisionMethod
from models.experiments.vision_units import VisionUnits
from models.tuning.curve_candidates import ArcTest, family_coverage
from models.tuning.stimulus_set import StimulusGrid, StimulusSet
from models.tuning.tuning_curve import TuningCurve, TuningSummary
from models.tuning.unit_families import signatures, unit_families
from models.tuning.unit_response import stimulus_responses
from models.vision_model.patch_map import checked_side

Given = VisionInput[TuningSettings]
Responses = Mapping[str, tuple[StimulusSet, np.ndarray]]
"""By kind the stimuli and what each unit answered, (U, A, P, R)."""


def _measure(given: Given, kinds: Sequence[str]) -> Rows:
    """All kinds belong together: arcs are held against lines, and families are alike in all."""
    units = _units(given)
    responses = {kind: _responses(given, units, found) for kind, found in _sets(given).items()}
    curves = {
        kind: [TuningCurve(found.angle_A, found.size_P, each, found.period) for each in response_UAPR]
        for kind, (found, response_UAPR) in responses.items()
        if kind != "noise"
    }
    summaries = {kind: [curve.summary(given.seed) for curve in of_kind] for kind, of_kind in curves.items()}
    return {
        "tuning": list(_tuning_rows(units, responses)),
        "tuning_summary": list(_summary_rows(units, responses, summaries)),
        "unit_family": list(_family_rows(units, curves)),
    }


def _units(given: Given) -> VisionUnits:
    return VisionUnits.chosen(given.host, given.dictionary, given.settings.site, given.settings.units)


def _sets(given: Given) -> dict[str, StimulusSet]:
    settings = given.settings
    grid = StimulusGrid(settings.directions, settings.radii, settings.wavelengths, settings.replicates, given.seed)
    return {kind: StimulusSet.of(kind, grid) for kind in dict.fromkeys(settings.stimuli)}


def _responses(given: Given, units: VisionUnits, found: StimulusSet) -> tuple[StimulusSet, np.ndarray]:
    size = checked_side(given.host, given.settings.size)
    response_SU: torch.Tensor = given.kept.result(
        f"responses {found.kind}", lambda: stimulus_responses(units, found.stimuli, size, given.settings.reach)
    )
    return found, response_SU.T.reshape(-1, *found.shape).double().numpy()


def _tuning_rows(units: VisionUnits, responses: Responses) -> Iterator[dict[str, Any]]:
    for kind, (found, response_UAPR) in responses.items():
        mean_UAP = response_UAPR.mean(-1)
        for at, number in enumerate(units.numbers):
            for a, angle in enumerate(found.angle_A):
                for p, size in enumerate(found.size_P):
                    yield units.columns(number) | {
                        "stimulus": kind,
                        "angle": float(angle),
                        "size": float(size) if np.isfinite(size) else None,
                        "response": float(mean_UAP[at, a, p]),
                        "n_replicates": found.shape[2],
                    }


def _summary_rows(
    units: VisionUnits, responses: Responses, summaries: Mapping[str, Sequence[TuningSummary]]
) -> Iterator[dict[str, Any]]:
    strongest = {kind: response_UAPR.mean(-1).max((1, 2)) for kind, (_, response_UAPR) in responses.items()}
    for kind, of_kind in summaries.items():
        is_candidate_U = _candidates(kind, strongest, of_kind)
        noise_U = strongest.get("noise")
        for at, (number, summary) in enumerate(zip(units.numbers, of_kind, strict=True)):
            mean_low, mean_high = summary.circular_mean_interval or (None, None)
            length_low, length_high = summary.vector_length_interval or (None, None)
            peak_low, peak_high = summary.peak_interval or (None, None)
            yield units.columns(number) | {
                "stimulus": kind,
                "preferred_angle": summary.preferred_angle,
                "circular_mean": summary.circular_mean,
                "circular_mean_ci_low": mean_low,
                "circular_mean_ci_high": mean_high,
                "vector_length": summary.vector_length,
                "vector_length_ci_low": length_low,
                "vector_length_ci_high": length_high,
                "half_width": summary.half_width,
                "echo": summary.echo,
                "best_size": summary.best_size if np.isfinite(summary.best_size) else None,
                "peak": summary.peak,
                "peak_ci_low": peak_low,
                "peak_ci_high": peak_high,
                "noise_peak": None if noise_U is None else float(noise_U[at]),
                "max_activation": units.strongest_on_corpus(number),
                "is_curve_candidate": None if is_candidate_U is None else bool(is_candidate_U[at]),
                "n_replicates": responses[kind][0].shape[2],
            }


def _candidates(
    kind: str, strongest: Mapping[str, np.ndarray], summaries: Sequence[TuningSummary]
) -> np.ndarray | None:
    """Whether each unit is a curve detector by arcs against lines of the same ink; None of other kinds."""
    line = {"arc": "line", "arc_inverted": "line_inverted"}.get(kind)
    if line is None or line not in strongest:
        return None
    return ArcTest(
        np.array([each.vector_length for each in summaries]), strongest[kind], strongest[line]
    ).is_candidate_U


def _family_rows(units: VisionUnits, curves: Mapping[str, Sequence[TuningCurve]]) -> Iterator[dict[str, Any]]:
    curve_by_kind = {kind: np.stack([curve.curve_A for curve in of_kind]) for kind, of_kind in curves.items()}
    if not curve_by_kind:
        return
    periods = {kind: of_kind[0].period for kind, of_kind in curves.items()}
    family_U = unit_families(signatures(curve_by_kind, periods))
    kinds = list(curve_by_kind)
    best_U = np.stack([curve_by_kind[kind].max(1) for kind in kinds]).argmax(0)
    for at, number in enumerate(units.numbers):
        family = int(family_U[at])
        members = np.flatnonzero(family_U == family) if family >= 0 else np.array([], dtype=int)
        kind = kinds[int(np.bincount(best_U[members]).argmax())] if len(members) else None
        yield units.columns(number) | {
            "family_id": family if family >= 0 else None,
            "best_stimulus": kinds[int(best_U[at])],
            "family_stimulus": kind,
            "n_members": len(members) or None,
            "coverage": None if kind is None else family_coverage(curve_by_kind[kind][members]),
        }


def _passes(given: Given) -> PassCount:
    return PassCount(sum(1 + len(found.stimuli) for found in _sets(given).values()))


def _check(given: Given) -> None:
    size = checked_side(given.host, given.settings.size)
    widest = max(given.settings.radii)
    if widest > size:
        raise ValueError(f"an arc of radius {widest:g} does not fit into {size} pixels: take smaller `radii`")
    if not _units(given).numbers:
        raise ValueError("no feature of the dictionary fires: there is no unit to show anything to")


METHOD = VisionMethod(
    settings=TuningSettings,
    items=lambda given: list(dict.fromkeys(given.settings.stimuli)),
    measure=_measure,
    passes=_passes,
    check=_check,
)
