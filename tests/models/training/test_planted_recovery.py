"""Training finds the directions that the data were made of, with the L0 that was asked for."""

from pathlib import Path

import pytest
from planted import Pool, fvu, planted, recovery, silent_fraction

from models.dictionaries.config import SAESettings
from models.training.config import TrainingSettings
from models.training.threshold_calibration import Calibration, calibrate
from models.training.trainer import train
from storage.folder import Folder

SMALL = {"topk": 0.95, "batchtopk": 0.9, "jumprelu": 0.9, "gated": 0.8}
"""Mean best cosine that each architecture reaches in 500 steps, at least."""
FULL = {
    "topk": (0.98, 0.01, 0.19),
    "batchtopk": (0.95, 0.01, 0.21),
    "jumprelu": (0.95, 0.05, 0.21),
    "matryoshka_batchtopk": (0.9, 0.01, 0.25),
    "standard": (0.95, 0.05, 0.7),
    "p_anneal": (0.95, 0.1, 0.3),
    "gated": (0.95, 0.05, 0.25),
}
"""Mean best cosine at least, distance of L0 from k in training and FVU at most."""


def learn(pool: Pool, folder: Path, name: str, n_features: int, k: int, steps: int, batch: int, unseen) -> Calibration:
    settings = TrainingSettings(tokens=steps * batch, batch_tokens=batch)
    asked = SAESettings(architecture=name, n_features=n_features, k=k)  # type: ignore[arg-type]
    trained = train(asked, settings, pool, Folder(str(folder)), lambda row: None)
    return calibrate(trained.sae, unseen.split(batch), k)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("topk", "jumprelu") else pytest.mark.slow) for name in SMALL]
)
def test_a_small_dictionary_recovers_the_planted_directions(name: str, tmp_path: Path) -> None:
    directions_FD, x_TD = planted(16_384 + 4096, width=16, n_true=32, l0=3)
    made = learn(Pool(x_TD[:16_384]), tmp_path, name, 64, 3, 500, 256, x_TD[16_384:])
    best_F = recovery(directions_FD, made.sae.W_dec)
    assert best_F.mean() > SMALL[name], f"mean best cosine {best_F.mean():.4f}, worst {best_F.min():.3f}"
    assert abs(made.exported.l0 / 3 - 1) < (0.02 if name != "gated" else 0.1), f"exported L0 {made.exported.l0:.3f}"


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_the_full_size_dictionary_beats_the_peers(name: str, tmp_path: Path) -> None:
    """Peers at the same size: see docs/log.md."""
    directions_FD, x_TD = planted(131_072 + 32_768)
    unseen_TD = x_TD[131_072:]
    made = learn(Pool(x_TD[:131_072]), tmp_path, name, 1024, 16, 1500, 1024, unseen_TD)
    cosine, l0_error, most_fvu = FULL[name]
    codes, best_F = made.sae.encode(unseen_TD), recovery(directions_FD, made.sae.W_dec)
    assert best_F.mean() >= cosine, f"mean best cosine {best_F.mean():.4f}"
    assert abs(made.trained.l0 / 16 - 1) <= l0_error, f"L0 {made.trained.l0:.2f} in training"
    assert silent_fraction(codes) <= 0.5, "half of the latents have no direction to find"
    assert fvu(unseen_TD, made.sae.guess(unseen_TD, codes)) < most_fvu
