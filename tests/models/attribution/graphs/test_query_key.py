"""A head's score split by pairs of sources, against the score of the model itself with one source taken away."""

from collections.abc import Mapping

import pytest
import torch
from random_transcoders import in_float64, random_cross_layer, read_at
from tiny_models import save_tiny

from models.attribution.graphs.query_key import attention_score
from models.attribution.graphs.source_products import SourceProducts
from models.attribution.graphs.transcoded_prompt import ModelTranscoders, TranscodedPrompt
from models.interventions.frozen_norms import frozen_norms
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

TOKENS, LAYER, HEAD, QUERY, KEY = (0, 9, 17, 30, 12, 44), 2, 3, 5, 3


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_a_source_taken_away_takes_its_pairs_with_it(kind: str, tmp_path_factory: pytest.TempPathFactory):
    host = in_float64(HookedModel.load(str(save_tiny(kind, tmp_path_factory.mktemp(kind))), device="cpu"))
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    sources = SourceProducts(TranscodedPrompt.of(host, model, TOKENS, 1), 2**20)
    prompt, active = sources.prompt, sources.prompt.active
    score = attention_score(host, sources, LAYER, HEAD, QUERY, KEY)
    size = score.pairs_SS.abs()
    of_features = size[:, : len(active)].sum(0) + size[: len(active)].sum(1)
    feature = int(of_features.argmax())
    layer, position = int(active.layer_N[feature]), int(active.position_N[feature])

    written = {key: x.clone() for key, x in prompt.written.items()}
    for later in range(layer, host.n_layers):
        [row_D] = model.transcoders.decoder_rows(layer, active.feature_N[[feature]], later)
        written[later][position] -= active.activation_N[feature] * row_D
    with_, without = (score_of_model(host, prompt, values, score.scaling) for values in (prompt.written, written))
    assert score.total == pytest.approx(with_, abs=1e-11)
    kept = [place for place in range(len(score.pairs_SS)) if place != feature]
    assert float(score.pairs_SS[kept][:, kept].sum()) == pytest.approx(without, abs=1e-11)
    assert abs(with_ - without) > 1e-3
    best = next(score.strongest(1))
    assert abs(best.score) == pytest.approx(float(size.max()))


@torch.no_grad()
def score_of_model(
    host: HookedModel, prompt: TranscodedPrompt, written: Mapping[int, torch.Tensor], scaling: float
) -> float:
    """Query times key of the head with given MLP outputs, patterns and norms as they were."""
    edits: dict[Site, Edit] = {site: lambda _, x=x: x for site, x in prompt.pattern.items()}
    edits |= {Site("mlp_out", layer): lambda _, x=x: x[None] for layer, x in written.items()}
    query, key, token_ids = Site("q", LAYER), Site("k", LAYER), torch.tensor([prompt.token_ids])
    with host.capture([query, key], stop_early=False) as values, host.intervene(edits), frozen_norms(host, token_ids):
        host.forward(token_ids)
    n_heads = prompt.pattern[Site("attn_pattern", LAYER)].shape[1]
    width = values[query].shape[-1] // n_heads
    group = n_heads // (values[key].shape[-1] // width)
    query_d = values[query][0, QUERY].unflatten(0, (-1, width))[HEAD]
    return scaling * float(query_d @ values[key][0, KEY].unflatten(0, (-1, width))[HEAD // group])


def test_what_is_no_pair_of_the_head_is_refused(tmp_path_factory: pytest.TempPathFactory):
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    sources = SourceProducts(TranscodedPrompt.of(host, model, TOKENS, 0), 2**20)
    for head, query, key in ((4, 3, 2), (0, 2, 3), (0, 6, 0)):
        with pytest.raises(ValueError, match="a key that is not behind its query"):
            attention_score(host, sources, 1, head, query, key)
