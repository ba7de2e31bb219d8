"""The texts of a set as features can be taken out of them."""

from typing import TypeVar

from models.evaluation.latent_ablation import AblatableTexts
from models.experiments.labelled_texts import labelled_texts
from models.experiments.method import ExperimentInput
from models.experiments.pooled_texts import pooled_texts
from models.experiments.text_set_settings import TextSetSettings
from models.probes.probe_task import ProbeTask

S = TypeVar("S", bound=TextSetSettings)


def ablatable_texts(given: ExperimentInput[S], ridge: float) -> tuple[AblatableTexts, ProbeTask]:
    """Every text read once, and how they are split."""
    texts = labelled_texts(given)
    pooled, task = pooled_texts(given, texts), texts.task
    W_dec = given.features.sae.W_dec.detach().float().cpu()
    found = AblatableTexts(pooled.x_ND, pooled.codes, W_dec, task.group_numbers_N, task.is_test_N, ridge, given.seed)
    return found, task


def check_ablatable(given: ExperimentInput[S]) -> None:
    """Refuses what cannot be taken out of a pooled activation, before the first pass.

    Raises:
        ValueError: If the dictionary writes another site than it reads, or the pool is no sum over tokens.
    """
    given.features.require_autoencoder()
    if given.settings.pool == "max":
        raise ValueError("features cannot be taken out of a largest activation: say `pool: mean`, or last")
