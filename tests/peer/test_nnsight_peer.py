"""nnsight and repeng themselves, in an environment of their own, read, steer and separate as we do.

GLASSHOUSE_PEER_NNSIGHT_PYTHON names a Python that has both (and not this project): `python3 -m venv nn &&
nn/bin/pip install nnsight==0.8.1 repeng==0.4.0`, then `GLASSHOUSE_PEER_NNSIGHT_PYTHON=nn/bin/python pytest -m peer`.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import save_tiny

from models.interventions.contrast_directions import pca_difference
from models.interventions.edited_completions import Decoding, EditedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

PEER = os.environ.get("GLASSHOUSE_PEER_NNSIGHT_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_NNSIGHT_PYTHON names no Python that has nnsight and repeng"),
]

TOKENS, LAYER, N_NEW = (5, 9, 17, 30, 2, 44), 1, 12
PAIRS = [("def area", "class area"), ("return x", "raise x"), ("for i", "if i"), ("import os", "print os")]


@pytest.fixture(scope="module", params=["gpt2", "llama", "gpt_neox"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    found = HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")
    found.model.generation_config.eos_token_id = None
    return found


@pytest.fixture(scope="module")
def vector_D(host: HookedModel) -> torch.Tensor:
    return 2 * torch.randn(host.d_model, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def theirs(host: HookedModel, vector_D: torch.Tensor) -> dict[str, Any]:
    assert PEER is not None, "the module is skipped where there is no peer"
    asked = {"tokens": TOKENS, "layer": LAYER, "vector": vector_D.tolist(), "n_new": N_NEW, "pairs": PAIRS}
    script = str(Path(__file__).with_name("nnsight_steering.py"))
    ran = subprocess.run(
        [PEER, script, host.source, json.dumps(asked)],
        capture_output=True, text=True, check=False, env={"HF_HUB_OFFLINE": "1", "HOME": host.source},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_stream_behind_a_block_is_theirs(host: HookedModel, theirs: dict[str, Any]):
    site = Site("resid_post", LAYER)
    with host.capture([site]) as found:
        host.forward(torch.tensor([TOKENS]))
    torch.testing.assert_close(found[site][0], torch.tensor(theirs["stream"]), rtol=1e-5, atol=1e-6)


def test_steered_greedy_text_is_theirs(host: HookedModel, vector_D: torch.Tensor, theirs: dict[str, Any]):
    prompt, edits = EditedPrompt(host, TOKENS), {Site("resid_post", LAYER): lambda x_BPD: x_BPD + vector_D}
    [written] = prompt.completions(edits, 1, Decoding(N_NEW))
    assert list(written) == theirs["written"]
    assert [written] != prompt.completions({}, 1, Decoding(N_NEW))


def test_the_principal_direction_of_pairs_is_theirs(host: HookedModel, theirs: dict[str, Any]):
    """repeng's `pca_center`: of the pairs about their own centres, which is of their differences about 0."""
    if not theirs["pca"]:
        pytest.skip(f"repeng does not know {host.architecture}")
    sites = [Site("resid_post", layer) for layer in range(host.n_layers - 1)]
    ends = {site: ([], []) for site in sites}
    with host.capture(sites) as found:
        for pair in PAIRS:
            for side, text in enumerate(pair):
                host.forward(torch.tensor([host.tokenizer(text)["input_ids"]]))
                for site in sites:
                    ends[site][side].append(found[site][0, -1].clone())
    for layer, site in enumerate(sites):
        ours_D = pca_difference(*(torch.stack(side) for side in ends[site]))
        cosine = torch.cosine_similarity(ours_D, torch.tensor(theirs["pca"][str(layer)]), dim=0)
        assert float(cosine.abs()) == pytest.approx(1, abs=1e-4), layer
