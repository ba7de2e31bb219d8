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
from dictionaries import D, activations, random_dictionary
from planted import Pool, fvu, planted

from models.dictionaries.architectures.neurons import NeuronDictionary
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.dictionaries.saelens_format import Provenance, export
from models.training.config import TrainingSettings
from models.training.threshold_calibration import calibrate
from models.training.trainer import train
from storage.folder import Folder

PEER = os.environ.get("GLASSHOUSE_PEER_PYTHON")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not PEER, reason="GLASSHOUSE_PEER_PYTHON names no Python that has sae-lens"),
]


TRAINED = ("topk", "batchtopk", "matryoshka_batchtopk", "jumprelu", "standard", "gated")
RANDOM = {
    "p_anneal": ("p_anneal", False, False, "StandardSAE"),
    "transcoder": ("standard", True, False, "Transcoder"),
    "skip transcoder": ("standard", True, True, "SkipTranscoder"),
    "jumprelu transcoder": ("batchtopk", True, False, "JumpReLUTranscoder"),
    "jumprelu skip transcoder": ("jumprelu", True, True, "JumpReLUSkipTranscoder"),
}
"""Dictionaries of random weights: architecture, whether it crosses and skips, and the class that SAELens has for it."""


def theirs(tokens: torch.Tensor, folders: list[Path], where: Path) -> None:
    """Has SAELens encode the tokens with the dictionary of each folder."""
    safetensors.torch.save_file({"x_TD": tokens.contiguous()}, where / "x.safetensors")
    script = Path(__file__).parent / "saelens_encode.py"
    command = [str(PEER), str(script), str(where / "x.safetensors"), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def agree(sae: SparseDictionary, folder: Path, x_TD: torch.Tensor) -> dict:
    """Holds our codes and reconstruction against theirs; returns what they say besides."""
    with safetensors.safe_open(folder / "theirs.safetensors", "pt") as result:
        facts, theirs_TF, guess_TE = (
            json.loads(result.metadata()["facts"]), result.get_tensor("acts_TF"), result.get_tensor("guess_TE")
        )  # fmt: skip
    codes = sae.encode(x_TD)
    ours_TF = torch.zeros_like(theirs_TF).scatter_add(1, codes.features_TK, codes.acts_TK)
    assert torch.equal(ours_TF > 0, theirs_TF > 0), f"{int(((ours_TF > 0) != (theirs_TF > 0)).sum())} codes differ"
    torch.testing.assert_close(ours_TF, theirs_TF, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(sae.guess(x_TD, codes), guess_TE, atol=1e-3, rtol=1e-4)
    return facts


@pytest.fixture(scope="module")
def x_TD() -> torch.Tensor:
    """Raw activations far from zero mean and unit scale."""
    return planted(12_288, width=64, n_true=200, l0=8)[1] * 4 + torch.linspace(-20, 30, 64)


@pytest.fixture(scope="module")
def trained(x_TD: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, SparseDictionary]]:
    """Every architecture, trained, calibrated, exported and coded by SAELens."""
    settings, found = TrainingSettings(tokens=100 * 512, batch_tokens=512), {}
    for name in TRAINED:
        folder = tmp_path_factory.mktemp(name)
        asked = SAESettings(architecture=name, n_features=512, k=8)  # type: ignore[arg-type]
        made = train(asked, settings, Pool(x_TD[:8192]), Folder(str(folder / "checkpoint")), lambda row: None)
        sae = calibrate(made.sae, x_TD[:8192].split(512), 8).sae
        export(sae, Folder(str(folder)), Provenance(hook_name="resid_post.1", architecture=name), made.density_F)
        found[name] = (folder, sae)
    theirs(x_TD[8192:], [folder for folder, _ in found.values()], tmp_path_factory.mktemp("tokens"))
    return found


@pytest.mark.parametrize("name", TRAINED)
def test_saelens_sees_the_features_that_we_see(
    name: str, x_TD: torch.Tensor, trained: dict[str, tuple[Path, SparseDictionary]]
) -> None:
    (folder, sae), unseen_TD = trained[name], x_TD[8192:]
    facts = agree(sae, folder, unseen_TD)
    codes = sae.encode(unseen_TD)
    assert facts["class"].lower().removesuffix("sae") == sae.architecture
    assert facts["hook_name"] == "resid_post.1"
    assert facts["l0"] == pytest.approx(float((codes.acts_TK > 0).sum(1).float().mean()), abs=1e-3)
    assert facts["fvu"] == pytest.approx(fvu(unseen_TD, sae.decode(codes)), abs=1e-3)


def test_saelens_reads_transcoders_and_neurons(tmp_path: Path) -> None:
    made: dict[str, tuple[SparseDictionary, str]] = {"neurons": (NeuronDictionary.of(D), "StandardSAE")}
    for title, (name, crosses, skip, kind) in RANDOM.items():
        made[title] = (random_dictionary(name, crosses=crosses, skip=skip).exported().requires_grad_(False), kind)
    folders = {title: tmp_path / title.replace(" ", "-") for title in made}
    for title, (sae, _) in made.items():
        export(sae, Folder(str(folders[title])), Provenance(hook_name="mlp_in.1", hook_name_out="mlp_out.1"))
    theirs(activations(), list(folders.values()), tmp_path)
    for title, (sae, kind) in made.items():
        assert agree(sae, folders[title], activations())["class"] == kind, title
