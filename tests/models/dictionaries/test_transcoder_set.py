"""A set of transcoders, one a block, writes what its transcoders write."""

import pytest
import torch

from models.dictionaries.architectures.topk import TopKSAE
from models.dictionaries.config import SAESettings
from models.dictionaries.cross_layer_set import features_written_to
from models.dictionaries.transcoder_set import PerLayerTranscoders

SETTINGS = SAESettings(architecture="topk", n_features=24, k=3, output_site="mlp_out.1", skip_connection=True)


@pytest.fixture
def transcoders() -> PerLayerTranscoders:
    chance = torch.Generator().manual_seed(0)
    by_layer = {layer: TopKSAE.build(SETTINGS, 8, chance, d_out=6) for layer in (2, 0)}
    for each in by_layer.values():
        for parameter in (each.W_skip, each.b_dec, each.b_enc):
            assert parameter is not None
            torch.nn.init.normal_(parameter, generator=chance)
    return PerLayerTranscoders(by_layer)


def test_rows_bias_and_skip_make_up_what_the_transcoder_writes(transcoders: PerLayerTranscoders) -> None:
    x_TD = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    for layer in transcoders.layers:
        dense_TF = transcoders.encode(layer, x_TD).dense()
        every_F = torch.arange(transcoders.n_features(layer))
        made = dense_TF @ transcoders.decoder_rows(layer, every_F, layer) + transcoders.bias(layer)
        skip_ED = transcoders.skip(layer)
        assert skip_ED is not None
        made = made + x_TD @ skip_ED.T
        torch.testing.assert_close(made, transcoders.by_layer[layer](x_TD))


def test_pre_activations_are_encoder_rows_times_what_is_read(transcoders: PerLayerTranscoders) -> None:
    x_TD = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    codes = transcoders.encode(2, x_TD)
    tokens_M, features_M, acts_M = codes.fired()
    rows = transcoders.encoder_rows(2, features_M)
    made = (x_TD[tokens_M] * rows).sum(1) + transcoders.by_layer[2].b_enc[features_M]
    torch.testing.assert_close(made, acts_M)


def test_layers_ascend_and_each_writes_itself(transcoders: PerLayerTranscoders) -> None:
    assert transcoders.layers == (0, 2)
    assert [transcoders.written_layers(layer) for layer in transcoders.layers] == [(0,), (2,)]


def test_what_no_feature_writes_is_zero(transcoders: PerLayerTranscoders) -> None:
    codes = {2: transcoders.encode(2, torch.randn(5, 8, generator=torch.Generator().manual_seed(1)))}
    torch.testing.assert_close(features_written_to(transcoders, 0, codes), torch.zeros(5, 6))
    assert features_written_to(transcoders, 2, codes).norm() > 0
