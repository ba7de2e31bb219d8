"""A text's pooled features are those of its dense codes."""

import pytest
import torch
from dictionaries import random_dictionary

from models.experiments.pooled_texts import Pool, pooled_codes


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
@torch.no_grad()
def test_pooled_codes_are_those_of_dense_ones(pool: Pool):
    sae = random_dictionary("topk").eval()
    codes = sae.encode(torch.randn(9, sae.d_in, generator=torch.Generator().manual_seed(0)))
    dense_PF = codes.dense()
    wanted_F = {"mean": dense_PF.mean(0), "max": dense_PF.amax(0), "last": dense_PF[-1]}[pool]
    feature_M, act_M = pooled_codes(codes, pool)
    assert feature_M.tolist() == torch.nonzero(wanted_F)[:, 0].tolist()
    torch.testing.assert_close(act_M, wanted_F[feature_M])
