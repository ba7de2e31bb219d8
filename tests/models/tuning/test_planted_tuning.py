"""Tuning of planted units: curves of known direction and radius, a border of frequencies, families and connections."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from planted_vision import DIRECTIONS, ORIENTATIONS, RADIUS, CurveNet, HighLowUnit, arc_kernel
from torch import Tensor

from models.tuning.arc_stimulus import Arc
from models.tuning.curve_candidates import ArcTest, family_coverage
from models.tuning.texture_stimulus import HIGH_BAND, LOW_BAND, HighLowBorder, Noise
from models.tuning.tuning_curve import TuningCurve, wrapped
from models.tuning.unit_connections import ablated_responses, unit_connections
from models.tuning.unit_families import signatures, unit_families
from models.tuning.unit_response import middle_responses, stimulus_responses

SIZE = 64
ANGLES = np.arange(0, 360, 15.0)
RADII = np.array([12.0, 16.0, 18.0, 26.0])


@pytest.fixture(scope="module")
def net() -> CurveNet:
    return CurveNet()


@pytest.fixture(scope="module")
def arcs_APU(net) -> np.ndarray:
    arcs = [Arc(angle, radius) for angle in ANGLES for radius in RADII]
    return stimulus_responses(net, arcs, SIZE).numpy().reshape(len(ANGLES), len(RADII), -1)


def test_curve_units_prefer_their_direction_and_radius_and_no_line(net, arcs_APU):
    lines = [Arc(angle, np.inf, "line") for angle in np.arange(0, 180, 15.0)]
    line_U = stimulus_responses(net, lines, SIZE).max(0).values.numpy()
    summaries = [TuningCurve(ANGLES, RADII, arcs_APU[..., unit, None]).summary() for unit in range(8)]
    for direction, summary in zip(DIRECTIONS, summaries, strict=True):
        assert abs(wrapped(np.array(summary.preferred_angle - direction), 360)) <= 15
        assert abs(wrapped(np.array(summary.circular_mean - direction), 360)) < 5
        assert summary.vector_length > 0.7
        assert 25 < summary.half_width < 60
        assert summary.echo < 0.2
        assert summary.best_size in (16, 18), f"planted {RADIUS}"
    peak_U = arcs_APU.max((0, 1))
    test = ArcTest(np.array([each.vector_length for each in summaries]), peak_U, line_U)
    assert test.is_candidate_U.all()
    assert family_coverage(np.clip(arcs_APU.max(1), 0, None).T) > 0.7
    assert family_coverage(np.clip(arcs_APU.max(1), 0, None).T[:4]) < 0.3, "half of the family leaves directions out"


def test_inverted_contrast_answers_alike_and_noise_hardly(net, arcs_APU):
    inverted = stimulus_responses(net, [Arc(90.0, 16.0, foreground=0.0)], SIZE)
    noise = stimulus_responses(net, [Noise(seed=seed) for seed in range(3)], SIZE).mean(0)
    assert inverted[0, 2].item() == pytest.approx(arcs_APU[6, 1, 2], rel=0.1)
    assert noise[2] < 0.4 * arcs_APU[6, 1, 2]


def test_the_middle_alone_misses_what_the_places_around_it_see():
    map_NUHW = torch.zeros(1, 2, 16, 16)
    map_NUHW[0, 0, 8, 8], map_NUHW[0, 1, 8, 10] = 3.0, 5.0
    assert middle_responses(map_NUHW, size=64, reach=4)[0].tolist() == [3.0, 0.0]
    assert middle_responses(map_NUHW, size=64, reach=8)[0].tolist() == [3.0, 5.0]
    assert middle_responses(map_NUHW, size=64, reach=0)[0].tolist() == [3.0, 0.0]


def test_a_border_of_frequencies_is_found_and_even_texture_is_not():
    angles, unit = np.arange(0, 360, 15.0), HighLowUnit()
    borders = [HighLowBorder(angle, seed) for angle in angles for seed in range(6)]
    response = stimulus_responses(unit, borders, SIZE).numpy().reshape(24, 1, 6)
    summary = TuningCurve(angles, np.array([3.0]), response).summary()
    assert abs(wrapped(np.array(summary.preferred_angle), 360)) <= 15
    assert abs(wrapped(np.array(summary.circular_mean), 360)) < 5
    assert summary.circular_mean_interval is not None
    low, high = summary.circular_mean_interval
    assert low <= summary.circular_mean <= high
    assert high - low < 30
    mean = response.mean(-1)[:, 0]
    assert abs(mean[6]) < 0.2 * mean.max(), "at a right angle both sides are alike"
    even = stimulus_responses(unit, [Noise(band, 0) for band in (HIGH_BAND, LOW_BAND)], SIZE)
    assert even.abs().max() < 0.25 * mean.max()


def test_families_are_units_that_are_alike_up_to_a_turn():
    chance, angles = np.random.default_rng(0), np.arange(0, 360, 15.0)

    def bells(peaks, spread, height, period=360.0):
        at = angles[:24] * period / 360
        return np.stack([height * np.exp(-(wrapped(at - peak, period) ** 2) / (2 * spread**2)) for peak in peaks])

    peaks = chance.uniform(0, 360, 8)
    curves = {"arc": bells(peaks, 30, 1.0), "line": bells(peaks % 180, 15, 0.2, 180)}
    lines = {"arc": bells(peaks, 80, 0.4), "line": bells(peaks % 180, 15, 1.0, 180)}
    borders = chance.uniform(0, 1, (6, 24)), chance.uniform(0, 1, (6, 24))
    strength = chance.uniform(0.5, 5, (22, 1))
    by_kind = {
        kind: strength * np.concatenate([curves[kind], lines[kind], rest])
        for kind, rest in zip(("arc", "line"), borders, strict=True)
    }
    by_kind = {kind: np.concatenate([each, np.zeros((1, 24))]) for kind, each in by_kind.items()}
    family_U = unit_families(signatures(by_kind, {"arc": 360, "line": 180}))
    assert len(set(family_U[:8])) == len(set(family_U[8:16])) == 1
    assert {family_U[0], family_U[8]} == {0, 1}
    assert (family_U[16:22] == -1).sum() >= 4, "units that answer at random are in no family"
    assert family_U[22] == -1, "a silent unit is in none"


class EnergyAndUnits:
    """The curve net's orientation energy and its units."""

    def __init__(self, net: CurveNet) -> None:
        self.net = net

    def read(self, picture_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        found = []

        def keep(module, given, output):
            found.append(output.detach().requires_grad_())
            return found[-1]

        handle = self.net.energy.register_forward_hook(keep)
        target = self.net(picture_NCHW)
        handle.remove()
        return found[0], target

    def edited(self, picture_NCHW: Tensor, edit: Callable[[Tensor], Tensor]) -> Tensor:
        def changed(module: object, given: object, output: Tensor) -> Tensor:
            return edit(output)

        handle = self.net.energy.register_forward_hook(changed)
        target = self.net(picture_NCHW)
        handle.remove()
        return target


def test_connections_of_linear_layers_are_the_weights_and_say_which_gabors_make_a_curve(net):
    unit, blank = 2, torch.full((3, SIZE, SIZE), 0.5)
    pictures = [Arc(float(DIRECTIONS[unit]), radius).drawn(SIZE) for radius in (14.0, 16.0, 18.0)]
    sites = EnergyAndUnits(net)
    found = unit_connections(sites, pictures, unit, blank)
    middle = slice(SIZE // 2 - 18, SIZE // 2 + 19)
    assert torch.allclose(found.kernel_CKL[:, middle, middle], arc_kernel(DIRECTIONS[unit]), atol=1e-6)
    around = found.kernel_CKL.clone()
    around[:, middle, middle] = 0
    assert around.abs().max() == 0

    # the filters across an arc around 90 degrees; the others only inhibit
    excited = [number for number, each in enumerate(ORIENTATIONS) if abs(each - 90) <= 34]
    assert set(found.contribution_NC.mean(0).topk(5).indices.tolist()) <= set(excited)
    assert set(torch.where(found.weight_C > 0)[0].tolist()) <= {*excited, *(n for n in range(16) if abs(n - 8) <= 4)}

    whole = ablated_responses(sites, pictures, unit, [], blank)
    # contributions of a linear target add up to its whole answer
    assert torch.allclose(found.contribution_NC.sum(1), whole, rtol=1e-4)
    for sources in ([8], [7, 8, 9], [0, 1]):
        left = ablated_responses(sites, pictures, unit, sources, blank)
        assert torch.allclose(whole - left, found.contribution_NC[:, sources].sum(1), rtol=1e-3, atol=1e-4)
    without_excited = ablated_responses(sites, pictures, unit, excited, blank).mean()
    without_others = ablated_responses(sites, pictures, unit, [0, 1, 2, 13, 14, 15], blank).mean()
    assert without_excited < 0.2 * whole.mean()
    assert without_others > 0.9 * whole.mean()


def test_a_source_that_excites_in_one_picture_and_inhibits_in_another_is_large_with_no_mean():
    class Signed:
        """The target is the sum of the source, times minus one where the picture is dark."""

        def read(self, picture_NCHW: Tensor) -> tuple[Tensor, Tensor]:
            source = picture_NCHW[:, :1].detach().clone().requires_grad_()
            sign = 1.0 if picture_NCHW.mean() > 0.5 else -1.0
            return source, (sign * source).sum((2, 3), keepdim=True)

        def edited(self, picture_NCHW: Tensor, edit: Callable[[Tensor], Tensor]) -> Tensor:
            return edit(picture_NCHW[:, :1]).sum((2, 3), keepdim=True)

    blank, pictures = torch.full((3, 2, 2), 0.5), [torch.full((3, 2, 2), level) for level in (0.9, 0.1)]
    found = unit_connections(Signed(), pictures, 0, blank)
    assert found.size_C.tolist() == [2]
    assert found.weight_C.tolist() == [0]
    assert found.contribution_NC[:, 0].tolist() == pytest.approx([1.6, 1.6])
    assert ablated_responses(Signed(), pictures, 0, [], blank).tolist() == pytest.approx([1.6, -1.6])
    assert ablated_responses(Signed(), pictures, 0, [0], blank).tolist() == pytest.approx([0, 0])
