"""Views of an image: exact where nothing is interpolated, and as wide, moved and turned as was drawn."""

import numpy as np
import pytest
import torch

from models.optimised_images.robust_transforms import RobustTransforms

STILL = RobustTransforms(pad=0, jitter=0, scales=(1.0,), angles=(0,), final_jitter=0)


def noise(size: int = 24, n: int = 1) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_jitter_cuts_out_a_window_to_the_pixel():
    image, moved = noise(), RobustTransforms(pad=0, jitter=4, scales=(1.0,), angles=(0,), final_jitter=0)
    windows = {}
    for seed in range(40):
        view = moved.views(image, [chance(seed)])[0]
        assert view.shape == (3, 20, 20)
        same = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if torch.allclose(view, image[0, :, y : y + 20, x : x + 20], atol=1e-5)
        ]
        assert len(same) == 1
        windows[same[0]] = True
    assert len(windows) > 15, "nearly all of 25 windows are drawn"


def test_padding_is_grey():
    view = RobustTransforms(pad=3, jitter=0, scales=(1.0,), angles=(0,), final_jitter=0).views(noise(), [chance()])[0]
    assert view.shape[-1] == 30
    assert torch.allclose(view[:, 3:27, 3:27], noise()[0], atol=1e-5)
    assert torch.allclose(view[:, :3], torch.full_like(view[:, :3], 0.5))


def test_a_quarter_turn_turns_the_pixels():
    turned = RobustTransforms(pad=0, jitter=0, scales=(1.0,), angles=(90,), final_jitter=0).views(noise(), [chance()])
    either = [torch.allclose(turned, torch.rot90(noise(), k, (-2, -1)), atol=1e-4) for k in (1, -1)]
    assert sum(either) == 1


def test_a_larger_scale_enlarges_what_is_seen():
    size, wave = 96, np.cos(2 * np.pi * np.arange(96) / 8)
    image = torch.tensor(0.5 + 0.4 * wave, dtype=torch.float32).expand(1, 3, size, size)
    for scale in (0.8, 1.25):
        view = RobustTransforms(pad=0, jitter=0, scales=(scale,), angles=(0,), final_jitter=0).views(image, [chance()])
        inner = view[0, 0, 48, 12:84] - 0.5
        spectrum = torch.fft.rfft(inner * torch.hann_window(72), n=720).abs()
        assert int(spectrum.argmax()) / 720 == pytest.approx(1 / (8 * scale), rel=0.04)


def test_a_view_depends_on_the_draws_of_its_own_image_alone():
    images = noise(n=2)
    together = RobustTransforms().views(images, [chance(5), chance(6)])
    alone = RobustTransforms().views(images[1:], [chance(6)])
    assert torch.allclose(together[1], alone[0])
    assert STILL.views(images, [chance(), chance()]) is images


def test_every_draw_comes_up():
    seen = [RobustTransforms()._drawn_map(128, each) for each in [chance()] * 400]
    scales = {round(float((140 / 128) / linear[:, :2].det().sqrt()), 2) for linear in seen}
    angles = {round(float(torch.rad2deg(torch.atan2(linear[1, 0], linear[0, 0])))) for linear in seen}
    assert scales == {round(0.9 + 0.02 * k, 2) for k in range(11)}
    assert angles == set(range(-10, 11))


def test_the_last_jitter_moves_along_the_axes_of_the_turned_view():
    """A quarter turn and a last jitter of 4 places are a window of the image, turned."""
    still = RobustTransforms(pad=0, jitter=0, scales=(1.0,), angles=(90,), final_jitter=0)
    moved, image, windows = RobustTransforms(0, 0, (1.0,), (90,), 4), noise(), set()
    turned = still.views(image, [chance()])[0]
    for seed in range(20):
        # the same draws as of a view that is not turned, which says where the window lies in the view
        upright = RobustTransforms(0, 0, (1.0,), (0,), 4).views(image, [chance(seed)])[0]
        [(y, x)] = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if torch.allclose(upright, image[0, :, y : y + 20, x : x + 20], atol=1e-5)
        ]
        view = moved.views(image, [chance(seed)])[0]
        assert torch.allclose(view, turned[:, y : y + 20, x : x + 20], atol=1e-4)
        windows.add((y, x))
    assert len(windows) > 8
