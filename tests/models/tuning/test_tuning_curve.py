"""Summaries of tuning curves against curves whose answers are known, and intervals against what replicates really
do."""

import numpy as np
import pytest

from models.tuning.curve_candidates import ArcTest, family_coverage
from models.tuning.tuning_curve import TuningCurve, half_width, wrapped
from models.tuning.unit_families import _alike, signatures

ANGLES = np.arange(0, 360, 5.0)


def bell(peak: float, spread: float, period: float = 360.0, angles: np.ndarray = ANGLES) -> np.ndarray:
    return np.exp(-(wrapped(angles - peak, period) ** 2) / (2 * spread**2))


def of_curve(curve: np.ndarray, angles: np.ndarray = ANGLES, period: float = 360.0) -> TuningCurve:
    return TuningCurve(angles, np.array([8.0]), curve[:, None, None], period)


def test_a_bell_peaks_where_it_was_put_and_is_as_wide():
    summary = of_curve(bell(352, 30)).summary()
    assert summary.preferred_angle == 350
    assert summary.circular_mean == pytest.approx(352, abs=0.05)
    # the Fourier transform of a Gaussian: exp(−spread² / 2) of the first turn
    assert summary.vector_length == pytest.approx(np.exp(-(np.deg2rad(30) ** 2) / 2), abs=1e-3)
    assert summary.half_width == pytest.approx(30 * np.sqrt(2 * np.log(2)), abs=1)
    assert summary.echo == pytest.approx(np.exp(-(178**2 + 182**2) / (4 * 30**2)), abs=1e-6)
    assert summary.peak_interval is None


def test_a_flat_curve_has_no_direction_and_a_silent_unit_is_silent():
    flat, silent = of_curve(np.ones(72)).summary(), of_curve(-np.ones(72)).summary()
    assert flat.vector_length == pytest.approx(0, abs=1e-9)
    assert flat.echo == 1
    assert flat.half_width == 180
    assert (silent.vector_length, silent.echo, silent.half_width, silent.peak) == (0, 0, 180, -1)


def test_orientations_repeat_after_half_a_turn():
    angles = np.arange(0, 180, 7.5)
    summary = of_curve(bell(178, 15, 180, angles), angles, 180).summary()
    assert summary.circular_mean == pytest.approx(178, abs=0.05)
    assert summary.vector_length == pytest.approx(np.exp(-(np.deg2rad(30) ** 2) / 2), abs=2e-3)


def test_the_size_of_the_peak_is_found_and_the_curve_takes_the_best_size_of_each_angle():
    response = np.stack([0.5 * bell(90, 20), bell(90, 20), 0.9 * bell(270, 20)], axis=1)[..., None]
    curve = TuningCurve(ANGLES, np.array([8.0, 16.0, 32.0]), response)
    assert curve.summary().best_size == 16
    assert curve.curve_A[54] == pytest.approx(0.9), "270 degrees at a radius of 32"


def test_intervals_hold_the_truth_as_often_as_they_say():
    chance, hits, peaks = np.random.default_rng(0), 0, []
    angles = np.arange(0, 360, 15.0)
    for number in range(60):
        shifted = np.stack([bell(120 + chance.normal(0, 8), 30, angles=angles) for _ in range(12)], axis=-1)
        summary = TuningCurve(angles, np.array([8.0]), shifted[:, None]).summary(number)
        assert summary.circular_mean_interval is not None
        low, high = summary.circular_mean_interval
        hits += low <= 120 <= high
        peaks.append(high - low)
    assert 49 <= hits <= 60, f"{hits} of 60 intervals hold 120 degrees"
    assert np.mean(peaks) == pytest.approx(2 * 1.96 * 8 / np.sqrt(12), rel=0.25)


def test_the_peak_of_noise_is_reported_by_replicates_that_did_not_choose_it():
    chance = np.random.default_rng(1)
    noise = chance.normal(size=(100, 24, 4, 8))
    reported = [TuningCurve(np.arange(0, 360, 15.0), np.arange(4.0), each).summary().peak for each in noise]
    largest = [each.mean(-1).max() for each in noise]
    assert np.mean(largest) > 0.8, "the largest of 96 means of noise looks like an answer"
    assert abs(np.mean(reported)) < 0.12, "and is none"


def test_half_a_width_is_found_between_angles():
    triangle = np.clip(1 - np.abs(wrapped(ANGLES - 180, 360)) / 41, 0, None)
    assert half_width(ANGLES, triangle, 360) == pytest.approx(20.5, abs=1e-9)


def test_weak_units_and_those_that_like_lines_as_well_are_no_candidates():
    vector_U = np.array([0.9, 0.9, 0.9, 0.1, 0.9])
    arc_U, line_U = np.array([10.0, 0.5, 4.0, 4.0, -1.0]), np.array([1.0, 0.1, 3.9, 1.0, -2.0])
    assert ArcTest(vector_U, arc_U, line_U).is_candidate_U.tolist() == [True, False, False, False, False]


def test_a_family_without_a_direction_covers_as_much_as_its_worst_one():
    curves = np.array([[4.0, 2.0, 0.0, 0.0], [0.0, 0.5, 1.0, 0.3]])
    assert family_coverage(curves) == pytest.approx(0.3)


def test_signatures_of_orientations_are_turned_to_where_the_direction_is():
    """Two units that like a line most and, less, arcs to either side of it: turned, they are the same."""
    angles = np.arange(0, 360, 30.0)
    line = np.stack([bell(peak, 20, 180, angles / 2) for peak in (0, 0)])
    arc = 0.5 * np.stack([bell(peak, 40, 360, angles) for peak in (0, 180)])
    one, other = signatures({"line": line, "arc": arc}, {"line": 180, "arc": 360})
    assert np.allclose(one, other, atol=1e-6)


def test_a_member_is_held_against_the_others_and_not_against_itself():
    signature_MS = np.random.default_rng(0).normal(size=(3, 40))
    by_hand = [
        np.corrcoef(signature_MS[m], np.delete(signature_MS, m, axis=0).mean(0))[0, 1] for m in range(len(signature_MS))
    ]
    assert _alike(signature_MS) == pytest.approx(by_hand)
