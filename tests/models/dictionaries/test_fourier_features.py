"""A dictionary of a model that adds modulo 113 by a few frequencies (Nanda et al. 2023) has features of these few.

The key frequencies are read off the embedding, which no dictionary has seen. A feature's activation over all pairs of
summands is a picture of 113 × 113; its share at a frequency w is the part of its variance in products of cos and sin of
0, w, 2w, 3w in either summand: of a rectified wave of one frequency .98 and more.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.dictionaries.config import SAESettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.training.config import TrainingSettings
from models.training.trainer import TrainingJob, train_many
from storage.folder import Folder

FOLDER = Path(__file__).resolve().parents[4] / "shared/data/models"
P, EQUALS, HARMONICS = 113, 113, 3
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"no models of modular addition in {FOLDER}")


def loaded(name: str) -> HookedModel:
    return HookedModel.load(str(FOLDER / name), device="cpu")


def embedding_energy(host: HookedModel) -> Tensor:
    """Share of each frequency from 1 to 56 in the embedding of the numbers."""
    embedding_PD = host.model.get_input_embeddings().weight.detach()[:P]  # type: ignore[union-attr]
    energy_W = torch.fft.rfft(embedding_PD, dim=0).abs().square().sum(1)[1:]
    return energy_W / energy_W.sum()


def neurons(host: HookedModel) -> Tensor:
    """Activations of the MLP's neurons where the sum is to be said, over all pairs of summands."""
    first, second = torch.arange(P).repeat_interleave(P), torch.arange(P).repeat(P)
    site = Site("mlp_act", 0)
    with torch.no_grad(), host.capture([site]) as values:
        host.forward(torch.stack([first, second, torch.full_like(first, EQUALS)], dim=1))
    return values[site][:, -1]


def dominating(acts_NF: Tensor) -> tuple[Tensor, Tensor]:
    """Each feature's strongest frequency with its harmonics, and its share of the variance."""
    energy_FPP = torch.fft.fft2(acts_NF.T.reshape(-1, P, P)).abs().square()
    energy_FPP[:, 0, 0] = 0
    shares = []
    for frequency in range(1, P // 2 + 1):
        waves = [sign * harmonic * frequency % P for harmonic in range(HARMONICS + 1) for sign in (1, -1)]
        own = torch.tensor(sorted(set(waves)))
        shares.append(energy_FPP[:, own][:, :, own].sum((1, 2)))
    share_FW = torch.stack(shares, dim=1) / energy_FPP.sum((1, 2))[:, None]
    share_F, at_F = share_FW.max(dim=1)
    return at_F + 1, share_F


class Pairs:
    """All pairs of summands as a source of activations."""

    def __init__(self, rows_TD: Tensor) -> None:
        self.rows_TD, self.widths, self.n_tokens = rows_TD, (rows_TD.shape[1],), len(rows_TD)

    def chunks(self) -> Iterator[Tensor]:
        yield self.rows_TD

    def batches(self, batch: int, seed: int, start: int = 0) -> Iterator[Tensor]:
        return islice(self._batches(batch, seed), start, None)

    def _batches(self, batch: int, seed: int) -> Iterator[Tensor]:
        chance = torch.Generator().manual_seed(seed)
        while True:
            order = torch.randperm(self.n_tokens, generator=chance)
            yield from (self.rows_TD[some] for some in order.split(batch)[:-1])


@pytest.fixture(scope="module")
def grokked() -> HookedModel:
    return loaded("mod-addition-grokked")


@pytest.fixture(scope="module")
def rows_TD(grokked: HookedModel) -> Tensor:
    return neurons(grokked)


@pytest.fixture(scope="module")
def key_frequencies(grokked: HookedModel) -> set[int]:
    return {int(w) + 1 for w in embedding_energy(grokked).topk(5).indices}


def test_the_grokked_embedding_has_five_frequencies_and_the_other_many(grokked: HookedModel) -> None:
    other = loaded("mod-addition-no-wd")
    few, many = (float(embedding_energy(host).topk(5).values.sum()) for host in (grokked, other))
    assert few > 0.9
    assert many < 0.6


def test_neurons_are_waves_of_the_key_frequencies(rows_TD: Tensor, key_frequencies: set[int]) -> None:
    frequency_F, share_F = dominating(rows_TD)
    assert set(frequency_F.tolist()) <= key_frequencies
    assert share_F.median() > 0.95


@pytest.mark.slow
def test_features_of_a_dictionary_have_the_key_frequencies(
    rows_TD: Tensor, key_frequencies: set[int], tmp_path: Path
) -> None:
    settings = SAESettings(architecture="topk", n_features=64, k=16)
    training = TrainingSettings(tokens=800 * 1024, batch_tokens=1024)
    job = TrainingJob(settings, training, Folder(str(tmp_path)), lambda row: None)
    [trained] = train_many([job], Pairs(rows_TD))
    assert trained.curve[-1].fvu < 0.02
    acts_NF = trained.sae.encode(rows_TD).dense()
    frequency_F, share_F = dominating(acts_NF[:, (acts_NF > 0).sum(0) >= 20])
    assert set(frequency_F.tolist()) <= key_frequencies
    assert len(share_F) >= 60
    chance_F = torch.randn(64, rows_TD.shape[1], generator=torch.Generator().manual_seed(0))
    top_TK = ((rows_TD - rows_TD.mean(0)) @ chance_F.T).topk(16)
    at_random = torch.zeros(len(rows_TD), 64).scatter_(1, top_TK.indices, top_TK.values.relu())
    assert share_F.median() > 0.7
    assert share_F.median() > dominating(at_random)[1].median() + 0.2
