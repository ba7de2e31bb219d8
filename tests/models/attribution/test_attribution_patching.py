"""Approximations of patching are exact where the model is linear, and good on one that learned something."""

import copy
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from tiny_models import save_tiny
from torch import Tensor, nn

from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects, site_path_effects, stream_path_effects
from models.attribution.head_outputs import head_counts
from models.attribution.patch import Patch, patch_grid
from models.attribution.patching_agreement import PatchingAgreement
from models.attribution.patching_runs import contrast_runs
from models.attribution.resumed_pass import ResumedPass
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CLEAN, CORRUPT = (5, 9, 17, 30, 2, 44), (5, 9, 18, 31, 2, 44)
METRIC = AnswerMetric("logit_difference", 21, 33)
KINDS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z")


class FixedNorm(nn.Module):
    """A norm whose scale is 1 whatever it norms."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight + self.bias


def linear_host(folder: Path) -> HookedModel:
    """A GPT-2 in float64 without activation function whose norms do not norm."""
    loaded = HookedModel.load(str(save_tiny("gpt2", folder)), device="cpu")
    model = copy.deepcopy(loaded.model).double()
    for block in model.transformer.h:
        block.mlp.act, block.ln_1, block.ln_2 = nn.Identity(), FixedNorm(block.ln_1), FixedNorm(block.ln_2)
    model.transformer.ln_f = FixedNorm(model.transformer.ln_f)
    host = HookedModel(model, loaded.tokenizer, True, "", "", "")
    host.prove()
    return host


def sweep_of(
    host: HookedModel,
    kinds: tuple[str, ...],
    metric: AnswerMetric = METRIC,
    clean: tuple[int, ...] = CLEAN,
    corrupt: tuple[int, ...] = CORRUPT,
) -> PatchingSweep:
    passes = ResumedPass.of(host)
    sites = [Site(kind, layer) for kind in kinds for layer in range(host.n_layers)]
    runs = contrast_runs(passes, metric, sites, clean, corrupt)
    return PatchingSweep(passes, metric, runs.token_ids_P, *runs.between("denoising"), head_counts(host))


def test_on_a_linear_transformer_all_three_are_exact_on_every_site(tmp_path: Path):
    host = linear_host(tmp_path)
    patterns = [Site("attn_pattern", layer) for layer in range(host.n_layers)]
    with torch.no_grad(), host.capture(patterns) as recorded:
        host.forward(torch.tensor([CLEAN]))
    recorded = {site: x.clone() for site, x in recorded.items()}
    with ExitStack() as frozen:
        for site, pattern in recorded.items():
            frozen.enter_context(
                host.intervene({site: lambda x, it=pattern: it[..., : x.shape[2], : x.shape[3]].expand_as(x)})
            )
        sweep = sweep_of(host, KINDS)
        patches = list(patch_grid(KINDS, host.n_layers, sweep.n_heads, len(CLEAN)))
        exact = patching_effects(sweep, patches)
        near = [along(sweep, patches) for along in (attribution_effects, site_path_effects, stream_path_effects)]
    assert len(patches) == 5 * 3 * 6 + 3 * 4
    largest = float(exact.abs().max())
    assert largest > 1e-2
    for effects in near:
        assert float((effects - exact).abs().max()) < 1e-10 * largest
    first = [number for number, patch in enumerate(patches) if (patch.kind, patch.layer) == ("resid_pre", 0)]
    assert float(exact[first].sum()) == pytest.approx(sweep.source.metric - sweep.base.metric, rel=1e-9)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2", "gpt_neox"])
def test_attribution_is_the_limit_of_a_small_exchange(tmp_path: Path, kind: str):
    """In float64: a thousandth of the change has a thousandth of the attributed effect; heads' patterns included."""
    loaded = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    host = HookedModel(copy.deepcopy(loaded.model).double(), loaded.tokenizer, True, "", "", "")
    host.prove()
    kinds = ("resid_pre", "attn_out", "mlp_out", "z", "attn_pattern")
    whole, share = sweep_of(host, kinds), 1e-3
    near = {site: x + share * whole.difference(site) for site, x in whole.base.values.items()}
    small = PatchingSweep(
        whole.passes, METRIC, whole.token_ids_P, whole.base, type(whole.base)(near, whole.base.metric_S), whole.n_heads
    )
    patches = list(patch_grid(kinds, host.n_layers, whole.n_heads, len(CLEAN)))
    exact, attributed = patching_effects(small, patches) / share, attribution_effects(whole, patches)
    largest = float(attributed.abs().max())
    assert largest > 1e-3
    torch.testing.assert_close(exact, attributed, rtol=0, atol=2e-2 * largest)


def test_the_site_s_own_path_adds_up_to_patching_all_of_it(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("llama", tmp_path)), device="cpu")
    sweep = sweep_of(host, ("mlp_out",))
    places = [Patch("mlp_out", 1, position) for position in range(len(CLEAN))]
    parts = site_path_effects(sweep, places, n_steps=64, rows_per_pass=10)
    [whole] = patching_effects(sweep, [Patch("mlp_out", 1)]).tolist()
    assert float(parts.sum()) == pytest.approx(whole, rel=1e-2)
    assert float(attribution_effects(sweep, places).sum()) != pytest.approx(whole, rel=1e-2)


@pytest.mark.parametrize(("clean", "corrupt"), [("name", "data"), pytest.param("size", "name", marks=pytest.mark.slow)])
def test_on_the_bundled_model_the_approximations_agree_with_patching(clean: str, corrupt: str):
    host, kinds = HookedModel.load("models/demo", device="cpu"), ("resid_pre", "attn_out", "mlp_out", "z")
    ids = [tuple(_cut(host, f"def set(self, {name}):\n        self.{name} =")) for name in (clean, corrupt)]
    metric = AnswerMetric("logit_difference", *_cut(host, f" {clean}"), *_cut(host, f" {corrupt}"))
    sweep = sweep_of(host, kinds, metric, *ids)
    patches = list(patch_grid(kinds, host.n_layers, sweep.n_heads, len(ids[0])))
    exact = patching_effects(sweep, patches)
    attributed, *integrated = [
        PatchingAgreement.of(exact, along(sweep, patches)).pearson or 0
        for along in (attribution_effects, site_path_effects, stream_path_effects)
    ]
    assert sweep.source.metric - sweep.base.metric > 5
    assert 0.5 < attributed < integrated[0]
    assert min(integrated) > 0.9


def _cut(host: HookedModel, text: str) -> list[int]:
    return host.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_agreement_of_known_numbers():
    exact = torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = PatchingAgreement.of(exact, torch.tensor([1.0, 4.0, 9.0, 16.0]))
    assert (found.n, found.spearman, found.top_ten_share) == (4, pytest.approx(1.0), None)
    assert found.pearson == pytest.approx(0.9843740387)
    assert PatchingAgreement.of(exact, torch.tensor([2.0, 1.0, 1.0, 5.0])).spearman == pytest.approx(0.3162277660)
    assert PatchingAgreement.of(exact, torch.ones(4)).pearson is None
    many = torch.arange(40.0)
    moved = many.clone()
    moved[:3] = 1000 + torch.arange(3.0)  # three strangers push the weakest three of the ten out
    assert PatchingAgreement.of(many, moved).top_ten_share == pytest.approx(0.7)
