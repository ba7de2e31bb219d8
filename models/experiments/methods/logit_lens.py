"""The logit lens over a prompt set, and the lenses that are fitted first."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.attribution.jacobian_lens import jacobian_sum
from models.attribution.lens_effects import lens_effects, lens_layer
from models.attribution.lens_file import read_lens
from models.attribution.logit_lens import LensLayer, logit_lens
from models.attribution.stream_lens import AS_IT_IS, LensKind, StreamLens
from models.attribution.tuned_lens import TunedLensTraining, fit_tuned_lens
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.fit_texts import fit_texts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.logit_lens import LogitLensSettings
from models.language_model.stream_readout import StreamReadout
from models.language_model.token_strings import TokenStrings

Given = ExperimentInput[LogitLensSettings]

ROWS = 32
"""Rows of a Jacobian that a backward pass gives."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    if "logit" not in given.settings.lenses:
        return {"logit_lens": []}
    return {"logit_lens": _read(given, prompts, AS_IT_IS)}


def _summarize(given: Given, rows: Rows) -> Rows:
    """Beside the logit lens, those that are fitted first."""
    lenses = [_fitted(given, kind) for kind in dict.fromkeys(given.settings.lenses) if kind != "logit"]
    read = [row for lens in lenses for row in _read(given, given.prompts, lens)]
    effects = [row for lens in lenses if lens.kind == "jacobian" for row in _effect_rows(given, lens)]
    return {"logit_lens": [*rows["logit_lens"], *read], "jacobian_effect": effects}


def _effect_rows(given: Given, lens: StreamLens) -> Iterator[dict[str, Any]]:
    """What each feature of the card's dictionary disposes the model to say."""
    dictionary, host = given.dictionary, given.host
    unembedding = host.unembedding()
    if dictionary is None or unembedding is None:
        return
    layer, pieces = lens_layer(dictionary.written.resolve(host.n_layers)), TokenStrings.of(host.tokenizer).texts
    assert layer is not None, "checked before the first pass"
    decoder_FD, n = dictionary.sae.W_dec.detach(), given.settings.effect_tokens
    for first, direction, tokens_BN, effects_BN in lens_effects(decoder_FD, layer, lens, unembedding, len(pieces), n):
        for place, (tokens, effects) in enumerate(zip(tokens_BN.tolist(), effects_BN.tolist(), strict=True)):
            for rank, (token, effect) in enumerate(zip(tokens, effects, strict=True)):
                yield {
                    "recipe_id": dictionary.recipe_id,
                    "feature_id": first + place,
                    "direction": direction,
                    "rank": rank,
                    "token_id": token,
                    "token": pieces[token],
                    "logit_weight": effect,
                }


def _fitted(given: Given, kind: LensKind) -> StreamLens:
    settings, host = given.settings, given.host
    if kind == "jacobian" and settings.jacobian_file is not None:
        return read_lens(Path(settings.jacobian_file), host.d_model, host.n_layers)
    n = settings.fit_texts if kind == "tuned" else settings.jacobian_texts
    texts = fit_texts(host, settings.fit_source, given.prefix, n, settings.fit_length)
    if kind == "jacobian":
        return jacobian_sum(host, texts, settings.skip_first, ROWS).lens
    training = TunedLensTraining(steps=settings.tuned_steps, seed=given.seed)
    return fit_tuned_lens(host, StreamReadout.of(host), texts, training)


def _read(given: Given, prompts: Sequence[EncodedPrompt], lens: StreamLens) -> list[dict[str, Any]]:
    readout = StreamReadout.of(given.host)
    return [row for prompt in prompts for row in _rows(given, readout, prompt, lens)]


def _rows(given: Given, readout: StreamReadout, prompt: EncodedPrompt, lens: StreamLens) -> Iterator[dict[str, Any]]:
    decode, n = given.host.tokenizer.decode, len(prompt.token_ids)
    for read in logit_lens(given.host, readout, prompt.token_ids, lens):
        if read.layer < min(lens.maps_DD, default=-1):  # a published lens leaves out where the stream begins
            continue
        top, entropy_P = read.log_probabilities_PV.topk(given.settings.top_tokens, dim=-1), read.entropy_P
        for position in range(n) if given.settings.positions == "all" else [n - 1]:
            ids = top.indices[position].tolist()
            row = {
                "prompt_id": prompt.prompt_id,
                "position": position,
                "layer": read.layer,
                "lens": lens.kind,
                "token": decode([prompt.token_ids[position]]),
                "top_token_ids": ids,
                "top_tokens": [decode([token]) for token in ids],
                "top_probabilities": top.values[position].exp().tolist(),
                "entropy": float(entropy_P[position]),
                "kl_to_final": float(read.kl_to_final_P[position]),
            }
            yield row | (_asked(read, prompt) if position == n - 1 else {})


def _asked(read: LensLayer, prompt: EncodedPrompt) -> dict[str, Any]:
    """Probability and rank of answer and foil, which follow the last token."""
    here_V, found = read.log_probabilities_PV[-1], dict[str, Any]()
    for name, token in (("answer", prompt.answer_id), ("foil", prompt.foil_id)):
        if token is not None:
            found[f"{name}_probability"] = float(here_V[token].exp())
            found[f"{name}_rank"] = int((here_V > here_V[token]).sum())
    return found


def _check(given: Given) -> None:
    settings = given.settings
    StreamReadout.of(given.host)
    if not settings.lenses:
        raise ValueError("no lens is named: lenses is a list of logit, tuned and jacobian")
    if given.dictionary is not None:
        _check_dictionary(given, given.dictionary)
    if "jacobian" in settings.lenses and settings.jacobian_file is not None:
        read_lens(Path(settings.jacobian_file), given.host.d_model, given.host.n_layers)
    elif "jacobian" in settings.lenses and settings.fit_length <= settings.skip_first:
        raise ValueError(
            f"fit_length {settings.fit_length} leaves no position behind the {settings.skip_first} of skip_first that "
            "the Jacobian lens leaves out: raise the one or lower the other"
        )


def _check_dictionary(given: Given, dictionary: FeatureDictionary) -> None:
    if "jacobian" not in given.settings.lenses:
        raise ValueError(
            f"{dictionary.recipe_id} is named and no lens reads its features: add `jacobian` to `lenses`, or no recipe"
        )
    written = dictionary.written.resolve(given.host.n_layers)
    if lens_layer(written) is None:
        raise ValueError(
            f"{dictionary.recipe_id} writes {written}, where no lens is fitted: name a recipe of resid_pre, resid_post "
            "or mlp_out"
        )


def _passes(given: Given) -> PassCount:
    """A backward pass of the tuned lens goes through the output embedding only, and is not counted."""
    settings, kinds = given.settings, set(given.settings.lenses)
    passes = PassCount(forward=len(kinds) * len(given.prompts))
    if "tuned" in kinds:
        passes += PassCount(forward=settings.fit_texts)
    if "jacobian" in kinds and settings.jacobian_file is None:
        n, width = settings.jacobian_texts, given.host.d_model
        passes += PassCount(forward=n * min(ROWS, width), backward=n * width)
    return passes


METHOD = ExperimentMethod(
    settings=LogitLensSettings, measure=_measure, passes=_passes, check=_check, summarize=_summarize
)
