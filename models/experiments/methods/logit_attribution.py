"""Direct logit attribution over a prompt set."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.attribution.dictionary_parts import check_site, feature_parts, with_features
from models.attribution.head_outputs import head_counts
from models.attribution.logit_attribution import logit_attribution
from models.attribution.stream_parts import run_at_last_position, stream_parts
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.logit_attribution import LogitAttributionSettings
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

Given = ExperimentInput[LogitAttributionSettings]


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    readout = StreamReadout.of(given.host)
    return {"logit_attribution": [row for prompt in prompts for row in _rows(given, readout, prompt)]}


def _rows(given: Given, readout: StreamReadout, prompt: EncodedPrompt) -> Iterator[dict[str, Any]]:
    host, dictionary, foil = given.host, given.dictionary, prompt.foil_id
    sites = () if dictionary is None else (dictionary.site, dictionary.written)
    run = run_at_last_position(host, prompt.token_ids, *sites, by_head=given.settings.heads)
    parts = stream_parts(host, run)
    if dictionary is not None:
        written = dictionary.written.resolve(host.n_layers)
        read_D, written_D = (run.values[site] for site in sites)
        features = feature_parts(dictionary.sae, read_D, written_D, written)
        parts = with_features(parts, features, written)
    assert prompt.answer_id is not None, "the settings ask for an answer"
    found = logit_attribution(host, readout, parts, run.values[Site("final_norm_in")], prompt.answer_id, foil)
    for each in found.contributions:
        yield {
            "prompt_id": prompt.prompt_id,
            "position": len(prompt.token_ids) - 1,
            "component": each.component,
            "layer": each.layer,
            "head": each.head,
            "recipe_id": None if dictionary is None else dictionary.recipe_id,
            "feature_id": each.feature_id,
            "contribution": each.contribution,
            "compared_with": "vocabulary" if foil is None else "foil",
            "logit": found.logit,
        }


def _passes(given: Given) -> PassCount:
    """The prompt, the prompt without its tokens' embeddings, and one position for each head."""
    n_heads = head_counts(given.host) if given.settings.heads else []
    return PassCount(forward=len(given.prompts) * (3 + max(n_heads, default=-1)))


def _check(given: Given) -> None:
    StreamReadout.of(given.host)
    if given.dictionary is not None:
        check_site(given.dictionary.written)


METHOD = ExperimentMethod(settings=LogitAttributionSettings, measure=_measure, passes=_passes, check=_check)
