"""MEMIT's identities on random models: ROME at its limit, least squares, every block its share, no bit left behind."""

import pytest
import torch
from tiny_models import save_tiny

from models.interventions.model_editing.key_covariance import KeyCovariance, key_covariances
from models.interventions.model_editing.memit import memit_edits, spread_keys
from models.interventions.model_editing.rank_one_edit import applied_together
from models.interventions.model_editing.rome import EditContext, EditRequest, ValueSearch, rome_edit
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

SEARCH = ValueSearch(steps=4)
PROMPTS = ((70, 60, 61, 80, 81), (71, 66, 67, 80, 81), (72, 60, 69, 82, 81))


def request(number: int, n_texts: int = 0) -> EditRequest:
    chance, prompt = torch.Generator().manual_seed(number), PROMPTS[number]
    texts = [tuple(torch.randint(5, 350, (5,), generator=chance).tolist()) for _ in range(n_texts)]
    contexts = [EditContext(prompt, 2), *(EditContext((*text, *prompt), 7) for text in texts)]
    return EditRequest(contexts, EditContext((prompt[1], prompt[2], 90), 1), 123 + number)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture(scope="module")
def covariances(host: HookedModel) -> dict[int, KeyCovariance]:
    chance = torch.Generator().manual_seed(9)
    return dict(key_covariances(host, [0, 1], torch.randint(5, 350, (20, 12), generator=chance).tolist()))


def test_one_fact_one_block_one_context_and_no_weight_on_other_keys_is_rome(host: HookedModel, covariances):
    rome = rome_edit(host, 1, request(0), covariances[1], 1e-4, SEARCH).edit
    [[found]] = memit_edits(host, [1], [request(0)], covariances, 0.0, 1e-4, SEARCH)
    torch.testing.assert_close(found.edit.u_E, rome.u_E, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.edit.change_D, rome.change_D, rtol=1e-4, atol=1e-5)


def test_the_change_is_the_least_squares_solution_that_lstsq_finds(covariances):
    """Of rows √λ R with C = Rᵀ R, which are to stay, and of the keys, which are to change."""
    covariance, ridge, weight = covariances[0], 1e-3, 7.0
    n = len(covariance.moment_EE)
    key_NE = torch.randn(3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted_ND = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    matrix_EE = covariance.moment_EE + ridge * covariance.moment_EE.diagonal().mean() * torch.eye(n)
    root_EE = torch.linalg.cholesky(matrix_EE).T
    rows = torch.cat([weight**0.5 * root_EE, key_NE])
    change_ED = torch.linalg.lstsq(rows, torch.cat([torch.zeros(n, 5, dtype=torch.float64), wanted_ND])).solution
    found_ED = spread_keys(key_NE, covariance, weight, ridge).T @ wanted_ND
    torch.testing.assert_close(found_ED, change_ED, rtol=1e-7, atol=1e-9)


def test_blocks_take_their_shares_in_turn_and_the_last_leaves_the_stream_where_it_was_wanted(host, covariances):
    """At λ = 0 and with the prompt alone as the only context each key gets its whole share, so what is missing behind
    the last block ends at 0, whatever the blocks between made of the first's change."""
    requests = [request(number) for number in range(3)]
    before = [stream(host, each) for each in requests]
    weights = {name: p.detach().clone() for name, p in host.model.named_parameters()}
    made = memit_edits(host, [0, 1], requests, covariances, 0.0, 1e-4, SEARCH)
    assert [[each.edit.layer for each in fact] for fact in made] == [[0, 1]] * 3
    with applied_together([each.edit for fact in made for each in fact], host):
        after = [stream(host, each) for each in requests]
    for n, fact in enumerate(made):
        change_D = fact[0].value_D - fact[0].original_D
        assert float(change_D.norm()) > 0.05
        torch.testing.assert_close(fact[0].edit.change_D, (change_D / 2).float(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(after[n] - before[n], change_D, rtol=1e-3, atol=1e-4)
    assert all(torch.equal(weights[name], p) for name, p in host.model.named_parameters())


def test_weight_on_ordinary_keys_makes_the_change_smaller(host: HookedModel, covariances):
    sizes = []
    for weight in (0.0, 10.0, 1000.0):
        [[found]] = memit_edits(host, [0], [request(0, 3)], covariances, weight, 1e-4, SEARCH)
        sizes.append(float(found.edit.u_E.norm()))
    assert sizes[0] > sizes[1] > sizes[2] > 0


def stream(host: HookedModel, asked: EditRequest) -> torch.Tensor:
    site = Site("resid_post", 1)
    with host.capture([site]) as found:
        host.forward(torch.tensor([asked.contexts[0].token_ids]))
    return found[site][0, 2].double()
