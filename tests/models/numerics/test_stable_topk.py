"""The largest of a row equal a stable full sort, ties at the edge included."""

import pytest
import torch

from models.numerics.stable_topk import stable_topk


@pytest.mark.parametrize("n", [1, 3, 7, 20, 30])
@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_largest_equals_a_stable_full_sort(n, levels):
    chance = torch.Generator().manual_seed(n * levels)
    values = torch.randint(0, levels, (50, 20), generator=chance).float()
    wanted = values.sort(dim=1, descending=True, stable=True)
    found, columns = stable_topk(values, n)
    assert torch.equal(found, wanted.values[:, :n])
    assert torch.equal(columns, wanted.indices[:, :n])
