"""SAELens itself, in an environment of its own, loads what we export and sees the same features.

GLASSHOUSE_PEER_PYTHON names a Python that has sae-lens (and not this project): `python3 -m venv peer && peer/bin/pip
install sae-lens`, then `GLASSHOUSE_PEER_PYTHON=peer/bin/python pytest -m peer`.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from planted import Pool, fvu, planted

from models.dictionary import Dictionary
from models.folder import Folder
from models.saelens import export
from models.settings import SAESettings, TrainingSettings
from models.training import train

PEER = os.environ.get("GLASSHOUSE_PEER_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_PYTHON names no Python that has sae-lens"),
]


@pytest.fixture(scope="module")
def x_TD() -> torch.Tensor:
    """Raw activations far from zero mean and unit scale."""
    return planted(12_288, width=64, n_true=200, l0=8)[1] * 4 + torch.linspace(-20, 30, 64)


@pytest.fixture(scope="module")
def home(x_TD: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dictionary]:
    settings = TrainingSettings(tokens=100 * 512, batch=512)
    folder = tmp_path_factory.mktemp("sae")
    sae_settings = SAESettings(n_features=512, k=8)
    trained = train(sae_settings, settings, Pool(x_TD[:8192]), Folder(str(folder / "checkpoint")), lambda row: None)
    export(
        trained, Folder(str(folder)), model_name="toy", hook_name="resid_post.1", context_size=128, dataset="planted"
    )
    return folder, trained.sae


def test_saelens_sees_the_features_that_we_see(
    x_TD: torch.Tensor, home: tuple[Path, Dictionary], tmp_path: Path
) -> None:
    (folder, sae), unseen_TD = home, x_TD[8192:]
    safetensors.torch.save_file({"x_TD": unseen_TD.contiguous()}, tmp_path / "x.safetensors")
    script = Path(__file__).parent / "saelens_encode.py"
    command = [
        str(PEER),
        str(script),
        str(folder),
        str(tmp_path / "x.safetensors"),
        str(tmp_path / "result.safetensors"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with safetensors.safe_open(tmp_path / "result.safetensors", "pt") as result:
        facts, theirs_TF, guess_TD = (
            json.loads(result.metadata()["facts"]), result.get_tensor("acts_TF"), result.get_tensor("guess_TD")
        )  # fmt: skip
    codes = sae.encode(unseen_TD)
    ours_TF = torch.zeros_like(theirs_TF).scatter(1, codes.features_TK, codes.acts_TK)
    assert facts["class"] == "TopKSAE"
    assert facts["hook_name"] == "resid_post.1"
    assert torch.equal(ours_TF > 0, theirs_TF > 0), f"{int(((ours_TF > 0) != (theirs_TF > 0)).sum())} codes differ"
    torch.testing.assert_close(ours_TF, theirs_TF, atol=1e-4, rtol=0)
    torch.testing.assert_close(sae.decode(codes), guess_TD, atol=1e-3, rtol=1e-5)
    assert facts["l0"] == pytest.approx(float((codes.acts_TK > 0).sum(1).float().mean()), abs=1e-3)
    assert facts["fvu"] == pytest.approx(fvu(unseen_TD, sae.decode(codes)), abs=1e-3)
