"""Where a head attends on a prompt, and what the columns of its score stand for."""

import pytest
import torch
from random_transcoders import random_cross_layer, read_at
from tiny_models import save_tiny

from models.attribution.graphs.attended_position import attended_position
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

TOKENS, N_SPECIAL, HEAD = (0, 9, 17, 30, 12, 44), 1, (2, 3)


def test_the_last_position_and_what_it_attends_to_most(tmp_path_factory: pytest.TempPathFactory) -> None:
    host = HookedModel.load(str(save_tiny("qwen3", tmp_path_factory.mktemp("qwen3"))), device="cpu")
    model = ModelTranscoders(random_cross_layer(host.n_layers, host.d_model), read_at(host))
    found = attended_position(host, model, TOKENS, N_SPECIAL, *HEAD)
    with host.capture([Site("attn_pattern", 2), Site("mlp_in", 1)]) as values:
        host.forward(torch.tensor([TOKENS]))
    weight_K = values[Site("attn_pattern", 2)][0, 3, -1]
    assert (found.query_position, found.key_position) == (5, int(weight_K.argmax()))
    assert found.weight == pytest.approx(float(weight_K.max()), rel=1e-5)
    other = attended_position(host, model, TOKENS, N_SPECIAL, *HEAD, 5, 1)
    ratio = found.score.total - other.score.total
    assert ratio == pytest.approx(float((weight_K.max() / weight_K[1]).log()), abs=1e-4), "the pattern is their softmax"

    codes = model.transcoders.encode(1, values[Site("mlp_in", 1)][0, N_SPECIAL:])
    row_M, feature_M, _ = (x.tolist() for x in codes.fired())
    fired = {("feature", 1, row + N_SPECIAL, feature) for row, feature in zip(row_M, feature_M, strict=True)}
    named = [found.source(column) for column in range(found.sources.n_columns)]
    assert {source for source in named if source.kind == "feature" and source.layer == 1} == fired
    errors = [(source.layer, source.position) for source in named if source.kind == "error"]
    assert errors == [(layer, at) for layer in range(host.n_layers) for at in range(1, 6)]
    assert [source.position for source in named if source.kind == "token"] == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="is of block 9, and there are 0 to"):
        attended_position(host, model, TOKENS, N_SPECIAL, 9, 0)
    with pytest.raises(ValueError, match="name a head of the block"):
        attended_position(host, model, TOKENS, N_SPECIAL, 0, 99)
