"""Images that are made for planted filters show the filters' orientation, whatever the image began as."""

import numpy as np
import pytest
import torch
from planted_vision import CurveNet, GaborNet

from models.optimised_images.image_optimization import OptimisationPlan, optimised_images, total_variation
from models.optimised_images.objectives import ChannelObjective, NeuronObjective
from models.optimised_images.robust_transforms import RobustTransforms

JITTERED = RobustTransforms(pad=0, jitter=2, scales=(1.0,), angles=(0,), final_jitter=0)
PLANTED = (0.0, 45.0, 90.0, 135.0)


def spectral_peak(rgb_CHW: torch.Tensor) -> tuple[float, float]:
    """Orientation in degrees and frequency in cycles a pixel at which an image has most power, its border left out,
    which no filter sees whole."""
    grey = rgb_CHW.mean(0).numpy()
    window = np.hanning(len(grey))
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(window, window), s=(160, 160))) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(160), np.fft.fftfreq(160), indexing="ij")
    at = np.unravel_index(power.argmax(), power.shape)
    return float(np.rad2deg(np.arctan2(fy[at], fx[at])) % 180), float(np.hypot(fy[at], fx[at]))


@pytest.mark.parametrize("channel", range(4))
def test_the_image_of_a_filter_has_its_orientation(channel):
    plan = OptimisationPlan(size=40, steps=100, transforms=JITTERED)
    made = optimised_images(GaborNet(PLANTED), ChannelObjective(channel, power=2), plan, seeds=[0])
    orientation, frequency = spectral_peak(made.rgb_NCHW[0])
    apart = abs((orientation - PLANTED[channel] + 90) % 180 - 90)
    assert apart < 12, f"planted {PLANTED[channel]} degrees, found {orientation:.1f}"
    assert 0.10 < frequency < 0.19, f"planted {1 / 6:.3f} cycles a pixel, found {frequency:.3f}"
    assert made.value_N[0] > 10_000 * made.value_SN[0, 0]


def test_equal_seeds_make_equal_images_and_a_seed_does_not_depend_on_the_others():
    plan = OptimisationPlan(size=24, steps=5, transforms=RobustTransforms(pad=2, jitter=2, final_jitter=2))
    first, again, alone = (
        optimised_images(GaborNet(PLANTED), NeuronObjective(1), plan, seeds) for seeds in ([3, 4], [3, 4], [4])
    )
    assert torch.equal(first.rgb_NCHW, again.rgb_NCHW)
    assert torch.allclose(first.rgb_NCHW[1], alone.rgb_NCHW[0], atol=1e-5)


def test_a_dead_unit_and_a_target_behind_its_relu_are_refused_with_the_sentence_that_helps():
    plan = OptimisationPlan(size=24, steps=3, transforms=JITTERED)
    with pytest.raises(ValueError, match=r"no gradient .* name another unit, or the site before"):
        optimised_images(lambda x: torch.relu(GaborNet(PLANTED)(x) - 100), ChannelObjective(0), plan, [0])
    with pytest.raises(ValueError, match=r"the objective is .*nan.* at step 0"):
        optimised_images(lambda x: GaborNet(PLANTED)(x) * float("nan"), ChannelObjective(0), plan, [0])


def test_total_variation_is_taken_off():
    still = RobustTransforms(pad=0, jitter=0, scales=(1.0,), angles=(0,), final_jitter=0)
    plain, smooth = (
        optimised_images(
            GaborNet(PLANTED),
            ChannelObjective(0, power=2),
            OptimisationPlan(size=24, steps=30, transforms=still, variation_weight=weight),
            [0],
        ).rgb_NCHW
        for weight in (0.0, 20.0)
    )
    steps = torch.tensor([[0.0, 0.5], [0.5, 1.0]]).expand(1, 3, 2, 2)
    assert total_variation(steps).item() == pytest.approx(1.0)
    assert total_variation(smooth) < 0.6 * total_variation(plain)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [0, 3])
def test_the_image_of_a_curve_unit_excites_it_most_and_more_than_any_drawn_arc(unit):
    from models.tuning.arc_stimulus import Arc
    from models.tuning.unit_response import stimulus_responses

    net = CurveNet()
    plan = OptimisationPlan(size=64, steps=80, transforms=JITTERED)
    made = optimised_images(net, NeuronObjective(unit), plan, seeds=[0])
    with torch.no_grad():
        centre_U = net(made.rgb_NCHW)[0, :, 32, 32]
    arcs = [Arc(angle, radius) for angle in range(0, 360, 15) for radius in (12.0, 16.0, 22.0)]
    drawn_SU = stimulus_responses(net, arcs, 64, reach=0)
    assert int(centre_U.argmax()) == unit
    assert centre_U[unit] > 1.1 * drawn_SU[:, unit].max()
