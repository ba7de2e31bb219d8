"""A crosscoder of two models' sites, and to which of them each of its features belongs.

T tokens of a text, E width of both sides together, F features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.activations.held_activations import HeldActivations
from models.comparison.crosscoder_features import crosscoder_kinds, evened_norms, relative_norms
from models.comparison.crosscoder_training import TrainedCrosscoder, train_crosscoder
from models.comparison.latent_scaling import LatentSums, latent_scaling
from models.dictionaries.normalization import Normalization
from models.experiments.fit_texts import fit_windows
from models.experiments.held_sites import check_held, read_windows
from models.experiments.labelled_texts import first_read
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.other_model import check_same_tokens
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.crosscoder import CrosscoderSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.numerics.stable_topk import stable_topk
from models.training.config import TrainingSettings

Given = ExperimentInput[CrosscoderSettings]
KEPT = ("encoder", "b_enc", "levels", "decoder", "centre")
"""Of a crosscoder, beside its scalings."""


@dataclass(frozen=True, slots=True)
class _Side:
    host: HookedModel
    site: Site
    prefix: tuple[int, ...]


def _sides(given: Given) -> tuple[_Side, _Side]:
    settings, other = given.settings, given.compared
    sites = (settings.site, settings.other_site or settings.site)
    hosts = ((given.host, given.prefix), (other.host, other.prefix))
    own, others = (
        _Side(host, Site.parse(site).resolve(host.n_layers), prefix)
        for site, (host, prefix) in zip(sites, hosts, strict=True)
    )
    return own, others


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """Learned on the corpus, measured on the texts, all of them together."""
    kept = given.kept.result("crosscoder", lambda: _learned(given))
    encoder_FE, b_enc_F, levels_F, decoder_FE, centre_E = (kept[name] for name in KEPT)
    crosscoder = TrainedCrosscoder(
        encoder_FE,
        b_enc_F,
        levels_F,
        decoder_FE,
        centre_E,
        (Normalization(kept["mean 0"], kept["scale 0"]), Normalization(kept["mean 1"], kept["scale 1"])),
    )
    n, width = crosscoder.n_features, crosscoder.widths[0]
    sums, strongest = LatentSums.zero(n, width), _Strongest.zero(n, given.settings.examples)
    for prompt in prompts:
        x_TE = _read(given, prompt)
        sums = sums + LatentSums.of(crosscoder, x_TE)
        strongest = strongest.with_text(crosscoder, x_TE, prompt, first_read(prompt, given.settings.skip_tokens))
    return {
        "crosscoder": [_row(given, crosscoder, sums)],
        "crosscoder_feature": list(_feature_rows(crosscoder, sums)),
        "crosscoder_example": list(_example_rows(given, strongest)),
    }


def _learned(given: Given) -> dict[str, Any]:
    """The trained crosscoder as numbers that can be kept."""
    settings = given.settings
    read = []
    for side in _sides(given):
        windows = fit_windows(side.host, settings.fit_source, side.prefix, settings.fit_tokens, settings.fit_length)
        read.append(read_windows(side.host, side.site, windows, len(side.prefix)))
    source = HeldActivations(torch.cat(read, dim=1), (read[0].shape[1], read[1].shape[1]))
    training = TrainingSettings(
        tokens=settings.training_tokens,
        batch_tokens=settings.batch_tokens,
        learning_rate=settings.learning_rate,
        seed=given.seed,
    )
    made = train_crosscoder(source, settings.activation, settings.n_features, settings.k, training)
    scalings = {f"mean {n}": scaling.mean_D.cpu() for n, scaling in enumerate(made.scalings)}
    scalings |= {f"scale {n}": scaling.scale for n, scaling in enumerate(made.scalings)}
    tensors = (made.encoder_FE, made.b_enc_F, made.levels_F, made.decoder_FE, made.centre_E)
    return scalings | {name: tensor.cpu() for name, tensor in zip(KEPT, tensors, strict=True)}


@torch.no_grad()
def _read(given: Given, prompt: EncodedPrompt) -> Tensor:
    """What both sides hold of a text's tokens, side by side."""
    own_ids = prompt.token_ids[prompt.n_special :]
    skipped = first_read(prompt, given.settings.skip_tokens) - prompt.n_special
    parts = []
    for side in _sides(given):
        with side.host.capture([side.site]) as found:
            side.host.forward(torch.tensor([[*side.prefix, *own_ids]]))
        parts.append(found[side.site][0, len(side.prefix) + skipped :].float().cpu())
    return torch.cat(parts, dim=1)


@dataclass(frozen=True, slots=True)
class _Strongest:
    """The strongest place of each feature in a text, of the texts where it is strongest; N texts."""

    acts_FN: Tensor
    prompt_FN: Tensor
    position_FN: Tensor
    share_FN: Tensor
    """Of the second side in the pre-activation."""

    @classmethod
    def zero(cls, n_features: int, n: int) -> "_Strongest":
        none = torch.full((n_features, n), -1)
        return cls(torch.zeros(n_features, n), none, none, torch.zeros(n_features, n))

    def with_text(self, crosscoder: TrainedCrosscoder, x_TE: Tensor, prompt: EncodedPrompt, first: int) -> "_Strongest":
        scaled_TE = crosscoder.scaled(x_TE)
        codes = crosscoder.encode(scaled_TE)
        acts_F, place_F = codes.dense().max(dim=0)
        of_side = [
            torch.linalg.vecdot(centred[place_F], rows)
            for centred, rows in zip(
                (scaled_TE - crosscoder.centre_E).split(crosscoder.widths, dim=1),
                crosscoder.encoder_FE.split(crosscoder.widths, dim=1),
                strict=True,
            )
        ]
        columns = (acts_F, torch.full_like(place_F, prompt.prompt_id), place_F + first, of_side[1] / sum(of_side))
        held = (self.acts_FN, self.prompt_FN, self.position_FN, self.share_FN)
        joined = [torch.cat([old, new[:, None]], dim=1) for old, new in zip(held, columns, strict=True)]
        order_FN = stable_topk(joined[0], self.acts_FN.shape[1])[1]
        return _Strongest(*(column.gather(1, order_FN) for column in joined))


def _row(given: Given, crosscoder: TrainedCrosscoder, sums: LatentSums) -> dict[str, Any]:
    settings, (own, other) = given.settings, _sides(given)
    fvu, alive_F = sums.fvu_S(), sums.firings_F > 0
    delta_F = relative_norms(crosscoder.norms_SF())
    return {
        "other_model_id": given.compared.model_id,
        "site": str(own.site),
        "other_site": str(other.site),
        "activation": settings.activation,
        "n_features": crosscoder.n_features,
        "n_alive": int(alive_F.sum()),
        "l0": float(sums.firings_F.sum()) / max(sums.n_tokens, 1),
        "fvu": fvu[0],
        "other_fvu": fvu[1],
        "scale": crosscoder.scalings[0].scale,
        "other_scale": crosscoder.scalings[1].scale,
        "median_delta": float(delta_F[alive_F].median()) if alive_F.any() else None,
        "n_tokens": sums.n_tokens,
        "n_training_tokens": settings.training_tokens,
    }


def _feature_rows(crosscoder: TrainedCrosscoder, sums: LatentSums) -> Iterator[dict[str, Any]]:
    norm_SF, alive_F = crosscoder.norms_SF(), sums.firings_F > 0
    delta_F, evened_F = relative_norms(norm_SF), evened_norms(norm_SF, alive_F)
    scaling = latent_scaling(sums, crosscoder)
    kinds = crosscoder_kinds(evened_F, scaling)
    cosine_F = torch.nn.functional.cosine_similarity(*crosscoder.decoder_SFD, dim=1)
    for feature in alive_F.nonzero()[:, 0].tolist():
        yield {
            "latent_id": feature,
            "norm": float(norm_SF[0, feature]),
            "other_norm": float(norm_SF[1, feature]),
            "delta": float(delta_F[feature]),
            "evened_delta": float(evened_F[feature]),
            "cosine": max(-1.0, min(1.0, float(cosine_F[feature]))),
            "rate": int(sums.firings_F[feature]) / sums.n_tokens,
            "n_firings": int(sums.firings_F[feature]),
            "nu_error": float(scaling.nu_error_F[feature]),
            "nu_reconstruction": float(scaling.nu_reconstruction_F[feature]),
            "nu_vector": float(scaling.nu_vector_F[feature]),
            "nu_vector_chance": float(scaling.nu_vector_chance_F[feature]),
            "kind": kinds.kinds[feature],
            "is_believed": bool(kinds.is_believed_F[feature]),
        }


def _example_rows(given: Given, strongest: _Strongest) -> Iterator[dict[str, Any]]:
    tokens = {prompt.prompt_id: prompt.token_ids for prompt in given.prompts}
    decode = given.host.tokenizer.decode
    for feature, rank in (strongest.acts_FN > 0).nonzero().tolist():
        prompt_id, position = int(strongest.prompt_FN[feature, rank]), int(strongest.position_FN[feature, rank])
        yield {
            "latent_id": feature,
            "rank": rank,
            "prompt_id": prompt_id,
            "position": position,
            "token": decode([tokens[prompt_id][position]]),
            "activation": float(strongest.acts_FN[feature, rank]),
            "other_share": float(strongest.share_FN[feature, rank]),
        }


def _check(given: Given) -> None:
    """Two sides of one width that read the same tokens, before the first pass."""
    own, other = _sides(given)
    widths = [side.host.width(side.site) for side in (own, other)]
    if widths[0] != widths[1]:
        raise ValueError(
            f"{own.site} is {widths[0]} wide and {other.site} of {given.compared.model_id} {widths[1]}: a feature's "
            "row of one side is looked for in the other, so name sites of one width"
        )
    if given.host.weights_sha256 == given.compared.host.weights_sha256 and own.site == other.site:
        raise ValueError(
            f"both sides are {own.site} of the same weights, and every feature would be of both: name another "
            "`other_model` or `other_site`"
        )
    check_same_tokens(given.host, given.compared, given.prompts[0].prompt.text)
    if given.settings.k > given.settings.n_features:
        raise ValueError(f"k={given.settings.k} must lie in 1..n_features={given.settings.n_features}")
    check_held(given.settings.fit_tokens, sum(widths), "fit_tokens")


def _passes(given: Given) -> PassCount:
    """Every text and every piece of the corpus is read once by either model."""
    settings = given.settings
    each = settings.fit_length - len(given.prefix)
    return PassCount(forward=2 * (len(given.prompts) + -(-settings.fit_tokens // max(each, 1))))


METHOD = ExperimentMethod(settings=CrosscoderSettings, measure=_measure, passes=_passes, check=_check)
