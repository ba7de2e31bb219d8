"""Run by a Python that has lucent: images of its parametrisation from given coefficients, and images that it makes.

Arguments: a file of inputs (torch.save), and where the answers go.
"""

# pyright: reportMissingImports=false

import sys
import time

import numpy as np
import torch
from lucent.optvis import objectives, param, render
from lucent.optvis.param import spatial
from lucent.optvis.param.color import to_valid_rgb


class ConvNet(torch.nn.Module):
    """The net that both sides make images for."""

    def __init__(self, weights):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 7, stride=2, padding=3)
        self.second = torch.nn.Conv2d(8, 12, 5, padding=2)
        self.load_state_dict(weights)

    def forward(self, image):
        return self.second(torch.relu(self.first((image - 0.5) / 0.25)))


def main(source, target):
    given = torch.load(source, weights_only=True)
    side = given["spectrum"].shape[-3]
    freqs = spatial.rfft2d_freqs(side, side)
    scale = torch.tensor(1.0 / np.maximum(freqs, 1.0 / side)).float()[None, None, ..., None]
    scaled = torch.view_as_complex((scale * given["spectrum"]).contiguous())
    image = to_valid_rgb(lambda: torch.fft.irfftn(scaled, s=(side, side), norm="ortho") / 4.0, decorrelate=True)()
    net, made, began = ConvNet(given["weights"]).eval(), [], time.process_time()
    for seed in range(4):
        torch.manual_seed(seed)
        np.random.seed(seed)
        images = render.render_vis(
            net,
            objectives.channel("second", given["channel"]),
            lambda: param.image(given["size"]),
            thresholds=(given["steps"],),
            preprocess=False,
            verbose=False,
            show_image=False,
            progress=False,
        )
        made.append(torch.from_numpy(images[-1][0]).permute(2, 0, 1))
    torch.save({"image": image, "made": torch.stack(made), "seconds": time.process_time() - began}, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
