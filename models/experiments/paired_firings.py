"""Two models read with the dictionary of the first, text by text: how often each feature fires, and what is left.

C contexts, F features, P positions, S places, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.sparse import csr_array

from models.experiments.comparison_settings import ComparisonSettings
from models.experiments.kept_results import pieces
from models.experiments.labelled_texts import first_read
from models.experiments.method import ExperimentInput
from models.experiments.other_model import check_same_tokens, read_text
from models.experiments.prompt_encoding import EncodedPrompt
from models.language_model.hooked_model import HookedModel

S = TypeVar("S", bound=ComparisonSettings)
SIDES = ("own", "other")


@dataclass(frozen=True, eq=False)
class PairedFirings:
    """Firings of either model, and its activations."""

    own_CF: csr_array
    other_CF: csr_array
    tokens_C: np.ndarray
    x_SD: np.ndarray
    y_SD: np.ndarray
    fvu: float
    """Of the dictionary on its own model."""
    other_fvu: float


def paired_firings(given: ExperimentInput[S]) -> PairedFirings:
    """Reads every text with both models; some texts at a time are kept, so that a killed run goes on."""
    parts = [
        given.kept.result(f"contexts {piece}", lambda at=at: _read(given, range(*at.indices(len(given.prompts)))))
        for piece, at in pieces(len(given.prompts))
    ]
    shape = (len(given.prompts), given.features.n_features)
    counts, values, fvu = [], [], []
    for side in SIDES:
        context, feature, n = (
            torch.cat([part[f"{side} {name}"] for part in parts]).numpy() for name in ("context", "feature", "n")
        )
        counts.append(csr_array((n.astype(np.float64), (context, feature)), shape=shape))
        values.append(torch.cat([part[f"{side} x"] for part in parts]).numpy())
        fvu.append(_fvu([part[f"{side} error"] for part in parts], values[-1]))
    tokens_C = torch.cat([part["tokens"] for part in parts]).numpy().astype(np.float64)
    return PairedFirings(counts[0], counts[1], tokens_C, values[0], values[1], fvu[0], fvu[1])


@torch.no_grad()
def _read(given: ExperimentInput[S], places: range) -> dict[str, Any]:
    rows: dict[str, list[torch.Tensor]] = {}
    for place in places:
        prompt = given.prompts[place]
        for side, host in zip(SIDES, (given.host, given.compared.host), strict=True):
            for name, each in _of_text(given, host, prompt, place).items():
                rows.setdefault(f"{side} {name}", []).append(each)
        n_read = len(prompt.token_ids) - first_read(prompt, given.settings.skip_tokens)
        rows.setdefault("tokens", []).append(torch.tensor([n_read]))
    return {name: torch.cat(each) for name, each in rows.items()}


def _of_text(
    given: ExperimentInput[S], host: HookedModel, prompt: EncodedPrompt, place: int
) -> dict[str, torch.Tensor]:
    """How often each feature fires in a text, and what the dictionary leaves of it."""
    dictionary = given.features
    reading = read_text(host, dictionary.site, prompt.token_ids, prompt.n_special, prompt.prompt.text)
    x_PD = reading.x_PD[first_read(prompt, given.settings.skip_tokens) - prompt.n_special :]
    codes = dictionary.sae.encode(x_PD)
    features, n = codes.fired()[1].unique(return_counts=True)
    error = (x_PD - dictionary.sae.guess(x_PD, codes)).square().sum()
    context = torch.full((len(features),), place)
    return {
        "context": context,
        "feature": features.cpu(),
        "n": n.cpu(),
        "error": error[None].double().cpu(),
        "x": x_PD.cpu(),
    }


def _fvu(errors: Sequence[torch.Tensor], x_SD: np.ndarray) -> float:
    x_SD = x_SD.astype(np.float64)
    return float(torch.cat(list(errors)).sum()) / max(float(((x_SD - x_SD.mean(0)) ** 2).sum()), 1e-30)


def check_paired(given: ExperimentInput[S]) -> None:
    """The same tokens and widths, before the first pass.

    Raises:
        ValueError: With the method that compares other models.
    """
    other = given.compared
    if given.host.d_model != other.host.d_model:
        raise ValueError(
            f"{other.model_id} is {other.host.d_model} wide and the dictionary is of {given.host.d_model}: compare a "
            "model that was tuned from the other, or ask `universality`"
        )
    check_same_tokens(given.host, other, given.prompts[0].prompt.text)
    given.features.require_autoencoder()
