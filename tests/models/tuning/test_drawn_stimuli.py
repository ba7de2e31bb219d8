"""Drawn stimuli against what their geometry says of single places, and against spectra."""

import numpy as np
import pytest
import torch

from models.tuning.arc_stimulus import Arc, ArcShape
from models.tuning.stimulus_set import BANDS, KINDS, StimulusGrid, StimulusKind, StimulusSet
from models.tuning.texture_stimulus import HIGH_BAND, LOW_BAND, Grating, HighLowBorder, Noise, band_noise


def brightness(picture: torch.Tensor, x: float, y: float, middle: int = 32) -> float:
    return float(picture[0, middle + round(y), middle + round(x)])


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 200.0, 315.0])
def test_an_arc_lies_on_its_circle_within_its_opening_and_nowhere_else(angle):
    radius, picture = 16.0, Arc(angle, 16.0).drawn(64)
    at = -0.8 * radius * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    for off in (-30, -15, 0, 15, 30):
        direction = np.deg2rad(angle + off)
        assert brightness(picture, *(at + radius * np.array([np.cos(direction), np.sin(direction)]))) == 1.0
    for off in (-60, 60, 180):
        direction = np.deg2rad(angle + off)
        assert brightness(picture, *(at + radius * np.array([np.cos(direction), np.sin(direction)]))) == 0.5
    assert brightness(picture, *at) == 0.5, "an arc is not filled"
    assert brightness(Arc(angle, 16.0, "disc").drawn(64), *(at * 0.6)) == 1.0, "a disc is"


def test_the_stroke_is_as_long_and_wide_as_it_was_asked_for():
    ink = (Arc(20.0, 20.0, width=3.0).drawn(96)[0] - 0.5).sum() / 0.5
    # clip(1 − (d − w / 2), 0, 1) inks w + 1 pixels across; the ends are round
    assert float(ink) == pytest.approx(4 * np.deg2rad(75) * 20 + np.pi * 4, rel=0.05)


def test_turning_an_arc_by_a_right_angle_turns_the_picture():
    first, turned = (Arc(angle, 15.0).drawn(65)[0] for angle in (10.0, 100.0))
    assert torch.allclose(torch.rot90(first, -1), turned, atol=1e-6)


def test_a_corner_has_the_tangents_of_the_arc_at_its_ends():
    arc, corner = Arc(0.0, 20.0).drawn(96), Arc(0.0, 20.0, "corner").drawn(96)
    half = np.deg2rad(37.5)
    end = np.array([-16 + 20 * np.cos(half), 20 * np.sin(half)])
    tip = np.array([-16 + 20 / np.cos(half), 0.0])
    assert brightness(arc, *end, middle=48) == brightness(corner, *end, middle=48) == 1.0
    assert brightness(arc, *tip, middle=48) == 0.5
    assert brightness(corner, *tip, middle=48) == 1.0
    middle = (end + tip) / 2
    assert brightness(corner, *middle, middle=48) == 1.0


def test_a_line_goes_through_the_middle_and_inverting_swaps_the_colours():
    line = Arc(45.0, np.inf, "line").drawn(64)
    assert [brightness(line, *place) for place in ((0, 0), (20, -20), (-20, 20), (10, 10))] == [1.0, 1.0, 1.0, 0.5]
    plain = Arc(45.0, 12.0, foreground=1.0, background=0.0)
    inverted = Arc(45.0, 12.0, foreground=0.0, background=1.0)
    assert torch.allclose(plain.drawn(64), 1 - inverted.drawn(64))
    assert (plain.kind, inverted.kind) == ("arc", "arc_inverted")


def test_a_grating_has_one_frequency_and_points_across_its_stripes():
    picture = Grating(30.0, 8.0).drawn(64)[0].numpy() - 0.5
    power = np.abs(np.fft.fft2(picture * np.outer(np.hanning(64), np.hanning(64)), s=(256, 256))) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256), indexing="ij")
    at = np.unravel_index(power.argmax(), power.shape)
    assert np.hypot(fx[at], fy[at]) == pytest.approx(1 / 8, abs=0.004)
    assert np.rad2deg(np.arctan2(fy[at], fx[at])) % 180 == pytest.approx(30, abs=3)


def test_a_border_has_fine_noise_on_one_side_and_coarse_noise_of_equal_variance_on_the_other():
    picture = HighLowBorder(0.0, seed=2).drawn(96)[0].numpy() - 0.5

    def share_above(part, frequency):
        power = np.abs(np.fft.fft2(part)) ** 2
        fy, fx = np.meshgrid(*(np.fft.fftfreq(n) for n in part.shape), indexing="ij")
        return power[np.hypot(fx, fy) > frequency].sum() / power[np.hypot(fx, fy) > 0].sum()

    fine, coarse = picture[:, :40], picture[:, 56:]
    assert share_above(fine, 0.2) > 0.9
    assert share_above(coarse, 0.2) < 0.1
    assert band_noise(96, HIGH_BAND, 0).std() == pytest.approx(1)
    assert band_noise(96, LOW_BAND, 0).std() == pytest.approx(1)
    assert not torch.equal(Noise(seed=0).drawn(32), Noise(seed=1).drawn(32))
    with pytest.raises(ValueError, match="no frequency of a picture of 8 pixels"):
        HighLowBorder(0.0).drawn(8)


def test_a_kind_is_drawn_with_its_shape_ink_and_band_and_replicates_differ():
    grid = StimulusGrid(4, (8.0,), (8.0,), replicates=3, seed=2)
    first = {kind: StimulusSet.of(kind, grid).stimuli[0].drawn(32) for kind in KINDS}
    shapes: list[tuple[StimulusKind, ArcShape, float]] = [
        ("arc", "arc", 1.0),
        ("arc_inverted", "arc", 0.0),
        ("corner", "corner", 1.0),
        ("disc", "disc", 1.0),
        ("line_inverted", "line", 0.0),
    ]
    for kind, shape, ink in shapes:
        wanted = Arc(0.0, np.inf if shape == "line" else 8.0, shape, foreground=ink).drawn(32)
        assert torch.equal(first[kind], wanted), kind
    for kind in KINDS:
        drawn = [each.drawn(32) for each in StimulusSet.of(kind, grid).stimuli[:3]]
        assert not any(torch.equal(drawn[a], drawn[b]) for a, b in ((0, 1), (0, 2), (1, 2))), kind
    noise = StimulusSet.of("noise", grid)
    for size, band in enumerate(BANDS):
        assert torch.equal(noise.stimuli[3 * size].drawn(32), Noise(band, 2).drawn(32))
    assert len({stimulus.drawn(32).numpy().tobytes() for stimulus in noise.stimuli}) == 9
