"""Feature circuits against known answers: a planted readout, exact effects, and the whole as the sum of parts."""

import numpy as np
import pytest
import torch
from complete_dictionary import complete_dictionary
from tiny_models import save_tiny

from models.attribution.answer_metric import AnswerMetric
from models.attribution.feature_attribution import (
    ERROR,
    DecomposedSite,
    exact_effects,
    mean_gradient,
    node_effects,
    site_values,
)
from models.attribution.feature_circuit import SiteMask, circuit_metric, edge_effects
from models.dictionaries.architectures.topk import TopKSAE
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CLEAN, CORRUPT = (5, 9, 17, 30), (5, 11, 17, 31)
ANSWER, FOIL = 40, 41
METRIC = AnswerMetric("logit_difference", ANSWER, FOIL)
LAST, EARLY = Site("resid_post", 2), Site("resid_post", 0)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    """A random GPT-2 whose answer reads coordinate 3 of the last stream and whose foil reads coordinate 7."""
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")
    head = torch.nn.Linear(host.d_model, host.vocab_size, bias=False)
    head.weight.data = host.model.lm_head.weight.detach().clone()
    head.weight.data[[ANSWER, FOIL]] = 0
    head.weight.data[ANSWER, 3] = head.weight.data[FOIL, 7] = 5.0
    host.model.lm_head = head.requires_grad_(False)
    return host


def decomposed(
    host: HookedModel, site: Site, sae: TopKSAE, n_special: int = 0
) -> tuple[DecomposedSite, DecomposedSite]:
    values = [site_values(host, [site], ids, METRIC)[0][site] for ids in (CLEAN, CORRUPT)]
    return DecomposedSite.of(sae, values[0], n_special), DecomposedSite.of(sae, values[1], n_special)


def part_of(host: HookedModel) -> TopKSAE:
    """A dictionary of a third of the coordinates: the rest is its error."""
    whole = complete_dictionary(host.d_model)
    kept = torch.arange(0, 2 * host.d_model, 3)
    tensors = {"W_enc": whole.W_enc[:, kept].detach(), "W_dec": whole.W_dec[kept].detach()}
    tensors |= {"b_enc": torch.zeros(len(kept)), "b_dec": torch.zeros(host.d_model)}
    return TopKSAE(tensors, {"k": len(kept)})


def test_a_complete_dictionary_leaves_no_error_and_a_part_of_it_the_rest(host: HookedModel):
    clean, _ = decomposed(host, LAST, complete_dictionary(host.d_model))
    assert float(clean.error_PD.abs().max()) < 1e-5
    clean, _ = decomposed(host, LAST, part_of(host), n_special=1)
    rebuilt_PD = clean.codes_PF @ clean.sae.W_dec + clean.sae.b_dec
    torch.testing.assert_close((rebuilt_PD + clean.error_PD)[1:], clean.x_PD[1:])
    assert not clean.codes_PF[0].any(), "special tokens are not read"


@pytest.mark.parametrize("site", [LAST, EARLY])
def test_integrated_gradients_of_all_nodes_sum_to_the_change_of_the_answer(host: HookedModel, site: Site):
    """The stream at every position decides the answer: its nodes share the whole change."""
    values = [site_values(host, [site], ids, METRIC) for ids in (CLEAN, CORRUPT)]
    clean, corrupt = decomposed(host, site, part_of(host))
    gradient_PD = mean_gradient(host, site, CLEAN, clean.x_PD, corrupt.x_PD, METRIC, 64)
    features_F, error = node_effects(clean, corrupt, gradient_PD)
    wanted = values[1][1] - values[0][1]
    assert abs(wanted) > 0.05
    assert float(features_F.sum()) + error == pytest.approx(wanted, rel=0.01, abs=1e-3)


def test_the_planted_readout_is_the_circuit(host: HookedModel):
    sae = complete_dictionary(host.d_model)
    clean, corrupt = decomposed(host, LAST, sae)
    gradient_PD = mean_gradient(host, LAST, CLEAN, clean.x_PD, corrupt.x_PD, METRIC, 32)
    effects_F, _ = node_effects(clean, corrupt, gradient_PD)
    planted = {3, 7, host.d_model + 3, host.d_model + 7}
    strongest = effects_F.abs().topk(int((effects_F[sorted(planted)] != 0).sum())).indices.tolist()
    assert set(strongest) <= planted
    n = 2 * host.d_model
    whole, none, found = (
        circuit_metric(host, CLEAN, {LAST: corrupt}, {LAST: SiteMask.of(nodes, n)}, METRIC)
        for nodes in ([*range(n), ERROR], [], strongest)
    )
    assert whole == pytest.approx(site_values(host, [LAST], CLEAN, METRIC)[1], abs=1e-4)
    assert none == pytest.approx(site_values(host, [LAST], CORRUPT, METRIC)[1], abs=1e-4)
    assert (found - none) / (whole - none) == pytest.approx(1.0, abs=0.15), "but for the norm's scale"
    rest = SiteMask.of(strongest, n).complement
    without = circuit_metric(host, CLEAN, {LAST: corrupt}, {LAST: rest}, METRIC)
    assert (without - none) / (whole - none) == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize("site", [LAST, EARLY])
def test_what_a_dictionary_leaves_out_is_a_node_of_its_own(host: HookedModel, site: Site):
    """With every feature and the error inside nothing changes, with neither the other prompt answers; each counts."""
    clean, corrupt = decomposed(host, site, part_of(host))
    n = clean.sae.n_features
    whole, none, features, error = (
        circuit_metric(host, CLEAN, {site: corrupt}, {site: SiteMask.of(nodes, n)}, METRIC)
        for nodes in ([*range(n), ERROR], [], range(n), [ERROR])
    )
    assert whole == pytest.approx(site_values(host, [site], CLEAN, METRIC)[1], abs=1e-4)
    assert none == pytest.approx(site_values(host, [site], CORRUPT, METRIC)[1], abs=1e-4)
    assert min(abs(features - whole), abs(features - none), abs(error - whole), abs(error - none)) > 1e-3


def test_exact_effects_are_those_of_a_model_that_is_edited_by_hand(host: HookedModel):
    clean, corrupt = decomposed(host, EARLY, part_of(host))
    nodes = [4, 9, ERROR]
    measured = exact_effects(host, EARLY, CLEAN, clean, corrupt, nodes, METRIC)
    for node, effect in zip(nodes, measured.tolist(), strict=True):
        by_hand = clean.x_PD.clone()
        if node == ERROR:
            by_hand += corrupt.error_PD - clean.error_PD
        else:
            by_hand += (corrupt.codes_PF - clean.codes_PF)[:, [node]] * clean.sae.W_dec[[node]].detach()
        with torch.no_grad(), host.intervene({EARLY: lambda x, new=by_hand: new[None]}):
            logits = host.forward(torch.tensor([CLEAN]))
        assert logits is not None
        edited = METRIC(logits[:, -1])
        plain = site_values(host, [EARLY], CLEAN, METRIC)[1]
        assert effect == pytest.approx(float(edited) - plain, abs=1e-5)


def test_edges_into_all_later_nodes_sum_to_the_effect_of_the_earlier_ones(host: HookedModel):
    """With gradients at the clean point the chain rule holds: what an earlier feature does comes through the later."""
    sae = complete_dictionary(host.d_model)
    (clean, corrupt), (later, later_corrupt) = decomposed(host, EARLY, sae), decomposed(host, LAST, sae)
    early_PD = mean_gradient(host, EARLY, CLEAN, clean.x_PD, corrupt.x_PD, METRIC, 0)
    late_PD = mean_gradient(host, LAST, CLEAN, later.x_PD, later_corrupt.x_PD, METRIC, 0)
    wanted_F, _ = node_effects(clean, corrupt, early_PD)
    firing = [*torch.nonzero(later.codes_PF.sum(dim=0)).flatten().tolist(), ERROR]
    edges = [edge_effects(host, CLEAN, (EARLY, clean, corrupt), (LAST, later), node, late_PD)[0] for node in firing]
    np.testing.assert_allclose(torch.stack(edges).sum(dim=0).numpy(), wanted_F.numpy(), atol=2e-5)
