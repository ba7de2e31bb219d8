"""lucent, in an environment of its own, makes the same image of the same coefficients, and images that excite no more.

GLASSHOUSE_PEER_LUCENT_PYTHON names a Python that has lucent: `python3 -m venv lucent && lucent/bin/pip install
torch==2.13.0 numpy torch-lucent==0.1.8 kornia==0.4.1` (later kornia has no `get_rotation_matrix2d`, which it calls),
then `pytest -m peer` with this file.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.optimised_images.image_optimization import OptimisationPlan, optimised_images
from models.optimised_images.image_parameters import ImageParameters
from models.optimised_images.objectives import ChannelObjective

PEER = os.environ.get("GLASSHOUSE_PEER_LUCENT_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_LUCENT_PYTHON names no Python with lucent"),
]


def small_net() -> torch.nn.ModuleDict:
    torch.manual_seed(0)
    return torch.nn.ModuleDict(
        {"first": torch.nn.Conv2d(3, 8, 7, stride=2, padding=3), "second": torch.nn.Conv2d(8, 12, 5, padding=2)}
    ).requires_grad_(False)


@pytest.mark.parametrize("channel", [1, 7])
def test_parametrisation_is_theirs_and_images_excite_as_much_in_less_time(channel: int, tmp_path: Path):
    net, images = small_net(), ImageParameters([5], size=32)

    def site_map(image_NCHW: Tensor) -> Tensor:
        return net["second"](torch.relu(net["first"]((image_NCHW - 0.5) / 0.25)))

    steps, size = 128, 96
    spectrum = images.parameters_N.detach()
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    torch.save(
        {"spectrum": spectrum, "weights": weights, "channel": channel, "steps": steps, "size": size},
        tmp_path / "given.pt",
    )
    assert PEER is not None, "the module is skipped where there is no peer"
    script = str(Path(__file__).with_name("lucent_images.py"))
    command = [PEER, "-W", "ignore", script, str(tmp_path / "given.pt"), str(tmp_path / "made.pt")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    theirs = torch.load(tmp_path / "made.pt", weights_only=True)
    assert torch.allclose(images().detach(), theirs["image"], atol=1e-6)

    began = time.process_time()
    made = optimised_images(site_map, ChannelObjective(channel), OptimisationPlan(size=size, steps=steps), range(4))
    seconds = time.process_time() - began
    own, peers = (site_map(each.float())[:, channel].mean((-2, -1)) for each in (made.rgb_NCHW, theirs["made"]))
    told = f"ours {own.tolist()} in {seconds:.1f} s, lucent's {peers.tolist()} in {theirs['seconds']:.1f} s"
    assert own.mean() > peers.mean() - 0.05 * peers.mean().abs(), told
    assert seconds < theirs["seconds"], told
