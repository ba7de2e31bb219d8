"""The parametrisation: what lucid's is, written anew in numpy, and how its spectrum falls."""

import numpy as np
import pytest
import torch

from models.optimised_images.decorrelated_colour import CORRELATION_ROOT, colour_matrix, rgb_of
from models.optimised_images.image_parameters import ImageParameters


def test_the_image_is_that_of_a_second_implementation():
    images = ImageParameters([3, 4], size=20)
    spectrum = images.parameters_N.detach().double().numpy()
    spectrum = spectrum[..., 0] + 1j * spectrum[..., 1]

    scale = np.empty((20, 11))
    for row in range(20):
        for column in range(11):
            down = row if row < 10 else row - 20
            scale[row, column] = 1 / max(np.hypot(down, column) / 20, 1 / 20)
    # lucid of TensorFlow: an inverse transform without a norm, times the root of the number of pixels; numpy divides
    # by their number
    whole = np.fft.irfft2(spectrum * scale, s=(20, 20)) * 400 / np.sqrt(400) / 4
    root = np.array(CORRELATION_ROOT)
    mixed = np.einsum("oc,nchw->nohw", root / np.sqrt((root**2).sum(0)).max(), whole)

    assert np.allclose(images().detach().numpy(), 1 / (1 + np.exp(-mixed)), atol=1e-6)


def test_an_image_depends_on_its_own_seed_alone():
    alone, together = ImageParameters([7], size=16), ImageParameters([2, 7], size=16)
    assert torch.equal(alone()[0], together()[1])
    assert not torch.equal(together()[0], together()[1])


def test_the_amplitude_of_a_beginning_falls_as_one_over_the_frequency():
    images = ImageParameters(range(40), size=64, decorrelated=False)
    logits = torch.logit(images()).detach()
    power_HK = torch.fft.rfft2(logits).abs().square().mean((0, 1))
    frequencies = (2, 4, 8, 16)
    amplitude = np.array([float(power_HK[0, k]) ** 0.5 for k in frequencies])
    slope = np.polyfit(np.log(frequencies), np.log(amplitude), 1)[0]
    assert slope == pytest.approx(-1, abs=0.08)


def test_colours_are_mixed_by_the_matrix_and_a_grey_axis_makes_grey():
    brightness = torch.zeros(1, 3, 1, 1)
    brightness[0, 0] = 1.0
    assert torch.allclose(torch.logit(rgb_of(brightness))[0, :, 0, 0], colour_matrix()[:, 0])
    assert rgb_of(torch.zeros(1, 3, 1, 1), sigmoid=False)[0, :, 0, 0].tolist() == pytest.approx([0.48, 0.46, 0.41])
    assert rgb_of(9 * torch.ones(1, 3, 1, 1), sigmoid=False).max() == 1
