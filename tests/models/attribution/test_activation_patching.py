"""Patched copies in one batch, from the patched block on, say what one pass for each patch says; identities hold."""

from itertools import cycle
from pathlib import Path

import pytest
import torch
from tiny_models import save_tiny
from torch import Tensor

from models.attribution.activation_patching import PatchingSweep, patching_effects
from models.attribution.answer_metric import AnswerMetric
from models.attribution.head_outputs import head_counts
from models.attribution.patch import Patch, patch_grid
from models.attribution.patching_runs import contrast_runs, embedding_noise, noised_runs
from models.attribution.resumed_pass import ResumedPass
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CLEAN, CORRUPT = (5, 9, 17, 30, 2, 44), (5, 9, 18, 31, 2, 44)
METRIC = AnswerMetric("logit_difference", 21, 33)
STREAM = ("resid_pre", "resid_post", "attn_out", "mlp_out")
HEADED = ("gpt2", "llama", "gpt_neox", "gemma2", "granite", "qwen3_moe", "olmo2")
HEADLESS = ("falcon", "gptj", "bloom")


def host_of(kind: str, folder: Path) -> HookedModel:
    return HookedModel.load(str(save_tiny(kind, folder)), device="cpu")


def sites_of(host: HookedModel, *kinds: str) -> list[Site]:
    return [Site(kind, layer) for kind in kinds for layer in range(host.n_layers)]


def sweep_of(host: HookedModel, kinds: tuple[str, ...], direction: str = "denoising") -> PatchingSweep:
    passes = ResumedPass.of(host)
    runs = contrast_runs(passes, METRIC, sites_of(host, *kinds), CLEAN, CORRUPT)
    return PatchingSweep(passes, METRIC, runs.token_ids_P, *runs.between(direction), head_counts(host))  # type: ignore[arg-type]


def logits_by_hand(host: HookedModel, ids: tuple[int, ...]) -> Tensor:
    with torch.no_grad():
        return host.model(input_ids=torch.tensor([ids])).logits[:, -1]


def effect_by_hand(host: HookedModel, patch: Patch, base: tuple[int, ...], source: tuple[int, ...]) -> float:
    """One whole pass with one edit."""
    site = Site(patch.kind, patch.layer)
    with torch.no_grad(), host.capture([site]) as values:
        host.forward(torch.tensor([source]))
    other = values[site].clone()

    def edit(x: Tensor) -> Tensor:
        if patch.kind == "attn_pattern":
            x[:, patch.head] = other[:, patch.head]
        elif patch.head is not None:
            width = x.shape[-1] // 4
            x[..., patch.head * width : (patch.head + 1) * width] = other[
                ..., patch.head * width : (patch.head + 1) * width
            ]
        else:
            x[:, patch.position] = other[:, patch.position]
        return x

    with host.intervene({site: edit}):
        patched = logits_by_hand(host, base)
    return float(METRIC(patched) - METRIC(logits_by_hand(host, base)))


@pytest.mark.parametrize(
    ("kind", "direction"),
    [
        *(
            pytest.param(*case, marks=[] if case[0] in ("gpt2", "llama", "gemma2", "bloom") else pytest.mark.slow)
            for case in zip((*HEADED, *HEADLESS), cycle(("denoising", "noising")))
        ),
        ("gpt2", "noising"),
    ],
)
def test_a_sweep_is_one_pass_for_each_place(tmp_path: Path, kind: str, direction: str):
    host = host_of(kind, tmp_path)
    kinds = (*STREAM, "z", "attn_pattern") if kind in HEADED else STREAM
    sweep = sweep_of(host, kinds, direction)
    patches = list(patch_grid(kinds, host.n_layers, sweep.n_heads, len(CLEAN)))
    base, source = (CORRUPT, CLEAN) if direction == "denoising" else (CLEAN, CORRUPT)
    wanted = [effect_by_hand(host, patch, base, source) for patch in patches]
    assert sweep.passes.skips
    largest = max(map(abs, wanted))
    assert largest > 1e-3
    for rows_per_pass in (64, 5):
        found = patching_effects(sweep, patches, rows_per_pass).tolist()
        assert found == pytest.approx(wanted, abs=1e-4 * max(1, largest))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "gemma2"])
def test_all_of_the_stream_is_all_of_the_difference_and_its_own_value_is_none(tmp_path: Path, kind: str):
    host = host_of(kind, tmp_path)
    sweep, last = sweep_of(host, STREAM), host.n_layers - 1
    difference = sweep.source.metric - sweep.base.metric
    whole = [Patch("resid_pre", 0), Patch("resid_post", last, position=len(CLEAN) - 1), Patch("resid_pre", last)]
    assert (patching_effects(sweep, whole) / difference).tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    own = PatchingSweep(sweep.passes, METRIC, sweep.token_ids_P, sweep.base, sweep.base, sweep.n_heads)
    patches = list(patch_grid(STREAM, host.n_layers, sweep.n_heads, len(CLEAN)))
    assert float(patching_effects(own, patches).abs().max()) < 1e-5
    before = [patch for patch in patches if patch.position is not None and patch.position < 2]
    assert float(patching_effects(sweep, before).abs().max()) < 1e-5


def test_blocks_that_cannot_be_left_out_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host = host_of("llama", tmp_path)
    sweep = sweep_of(host, STREAM)
    patches = list(patch_grid(STREAM, host.n_layers, [], len(CLEAN)))
    monkeypatch.setattr(ResumedPass, "_holds", lambda passes: False)
    whole = sweep_of(host, STREAM)
    assert not whole.passes.skips
    torch.testing.assert_close(patching_effects(whole, patches), patching_effects(sweep, patches), rtol=0, atol=1e-5)


def test_blocks_are_as_they_were_after_a_pass(tmp_path: Path):
    host = host_of("gpt2", tmp_path)
    before = logits_by_hand(host, CLEAN)
    sweep = sweep_of(host, STREAM)
    with pytest.raises(RuntimeError, match="broken"):
        sweep.passes(sweep.token_ids_P, 2, sweep.base.values[Site("resid_pre", 2)], {Site("mlp_out", 2): _broken})
    assert torch.equal(logits_by_hand(host, CLEAN), before)


def _broken(x: Tensor) -> Tensor:
    raise RuntimeError("broken")


def test_causal_tracing_averages_over_seeds_and_restores_windows(tmp_path: Path):
    host, subject = host_of("gpt2", tmp_path), (1, 2)
    passes, metric = ResumedPass.of(host), AnswerMetric("probability", 21)
    noise_SPD = embedding_noise(host, 3, len(CLEAN), 3.0, seed=7)
    assert float(noise_SPD.std()) == pytest.approx(3 * float(host.model.transformer.wte.weight.std()), rel=0.05)
    runs = noised_runs(passes, metric, sites_of(host, "mlp_out", "resid_pre"), CLEAN, subject, noise_SPD)
    assert runs.first_changed == 1

    def noised(seed: int, edits: dict[Site, Tensor]) -> float:
        def embed(x: Tensor) -> Tensor:
            x[0, list(subject)] += noise_SPD[seed, list(subject)]
            return x

        restored = {site: _restoring(clean) for site, clean in edits.items()}
        with host.intervene({Site("embed"): embed} | restored):
            return float(logits_by_hand(host, CLEAN).softmax(-1)[0, 21])

    patch = Patch("mlp_out", 1, position=2, window=2)
    assert patch.sites(3) == [Site("mlp_out", 0), Site("mlp_out", 1)]
    with torch.no_grad(), host.capture(patch.sites(3)) as clean:
        host.forward(torch.tensor([CLEAN]))
    clean = {site: x.clone() for site, x in clean.items()}
    wanted = [noised(seed, clean) - noised(seed, {}) for seed in range(3)]
    sweep = PatchingSweep(passes, metric, runs.token_ids_P, *runs.between("denoising"), [])
    found = patching_effects(sweep, [patch, Patch("resid_pre", 0)])
    assert float(found[0]) == pytest.approx(sum(wanted) / 3, abs=1e-6)
    assert float(found[1]) == pytest.approx(runs.clean.metric - runs.corrupt.metric, abs=1e-6)
    assert abs(float(found[1])) > 1e-4


def _restoring(clean: Tensor):
    def edit(x: Tensor) -> Tensor:
        x[:, 2] = clean[:, 2]
        return x

    return edit


def test_runs_that_cannot_be_exchanged_are_refused(tmp_path: Path):
    host = host_of("gpt_neox", tmp_path)
    passes = ResumedPass.of(host)
    with pytest.raises(ValueError, match="clean has 6 tokens and corrupt 5"):
        contrast_runs(passes, METRIC, [], CLEAN, CORRUPT[:-1])
    with pytest.raises(ValueError, match="the same tokens"):
        contrast_runs(passes, METRIC, [], CLEAN, CLEAN)
    with pytest.raises(ValueError, match=r"has no resid_mid\.0"):
        contrast_runs(passes, METRIC, sites_of(host, "resid_mid"), CLEAN, CORRUPT)
    with pytest.raises(ValueError, match="give the prompt one, or measure `probability`"):
        AnswerMetric("logit_difference", 21)
    with pytest.raises(ValueError, match="take a causal language model"):
        ResumedPass.of(host_of("bert", tmp_path / "encoder"))
