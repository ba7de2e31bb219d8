"""The logit lens over a prompt set."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.attribution.logit_lens import LensLayer, logit_lens
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.logit_lens import LogitLensSettings
from models.language_model.stream_readout import StreamReadout

Given = ExperimentInput[LogitLensSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    readout = StreamReadout.of(given.host)
    return {"logit_lens": [row for prompt in prompts for row in _rows(given, readout, prompt)]}


def _rows(given: Given, readout: StreamReadout, prompt: EncodedPrompt) -> Iterator[dict[str, Any]]:
    decode, n = given.host.tokenizer.decode, len(prompt.token_ids)
    for lens in logit_lens(given.host, readout, prompt.token_ids):
        top, entropy_P = lens.log_probabilities_PV.topk(given.settings.top_tokens, dim=-1), lens.entropy_P
        for position in range(n) if given.settings.positions == "all" else [n - 1]:
            ids = top.indices[position].tolist()
            row = {
                "prompt_id": prompt.prompt_id,
                "position": position,
                "layer": lens.layer,
                "token": decode([prompt.token_ids[position]]),
                "top_token_ids": ids,
                "top_tokens": [decode([token]) for token in ids],
                "top_probabilities": top.values[position].exp().tolist(),
                "entropy": float(entropy_P[position]),
                "kl_to_final": float(lens.kl_to_final_P[position]),
            }
            yield row | (_asked(lens, prompt) if position == n - 1 else {})


def _asked(lens: LensLayer, prompt: EncodedPrompt) -> dict[str, Any]:
    """Probability and rank of answer and foil, which follow the last token."""
    here_V, found = lens.log_probabilities_PV[-1], dict[str, Any]()
    for name, token in (("answer", prompt.answer_id), ("foil", prompt.foil_id)):
        if token is not None:
            found[f"{name}_probability"] = float(here_V[token].exp())
            found[f"{name}_rank"] = int((here_V > here_V[token]).sum())
    return found


def _check(given: Given) -> None:
    StreamReadout.of(given.host)


METHOD = ExperimentMethod(
    settings=LogitLensSettings,
    measure=_measure,
    passes=lambda given: PassCount(forward=len(given.prompts)),
    check=_check,
)
