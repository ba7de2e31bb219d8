"""Features of texts of which one is about the label: synthetic codes of mixed rates and scales.

N texts, F latents.
"""

import numpy as np
import torch

from models.probes.codes_by_feature import CodesByFeature


def planted_concept(
    n_texts: int = 400, n_latents: int = 4096, seed: int = 0, recall: float = 0.85, false_alarms: float = 0.01
) -> tuple[CodesByFeature, np.ndarray, int]:
    """Codes of latents whose rates run from 10^-3.5 to 10^-.7 and whose scales from 10^-.5 to 10; one of middling scale
    fires on `recall` of the texts of the label and on `false_alarms` of the others.

    Returns:
        The codes, which texts have the label, and the planted latent.
    """
    chance, planted = np.random.default_rng(seed), n_latents // 3
    y_N = np.arange(n_texts) % 2 == 0
    rate_F, scale_F = 10 ** chance.uniform(-3.5, -0.7, n_latents), 10 ** chance.uniform(-0.5, 1, n_latents)
    fires_NF = chance.random((n_texts, n_latents)) < rate_F
    fires_NF[:, planted] = chance.random(n_texts) < np.where(y_N, recall, false_alarms)
    scale_F[planted] = 10**-0.5
    acts_NF = fires_NF * scale_F * chance.uniform(0.5, 1.5, fires_NF.shape)
    return codes_of(acts_NF), y_N, planted


def codes_of(acts_NF: np.ndarray) -> CodesByFeature:
    text_M, feature_M = (torch.from_numpy(place) for place in np.nonzero(acts_NF))
    acts = torch.from_numpy(acts_NF).float()
    return CodesByFeature.of_entries(text_M, feature_M, acts[text_M, feature_M], acts.shape[1], len(acts))
