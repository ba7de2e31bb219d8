"""Edges are patched as by hand, add up to their source's effect, are exact where all is linear, and find a plan."""

import copy
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import save_tiny
from torch import Tensor, nn

from models.attribution.activation_patching import PatchingSweep
from models.attribution.answer_metric import AnswerMetric
from models.attribution.attribution_patching import attribution_effects
from models.attribution.edge_effects import (
    EdgeSweep,
    circuit_metrics,
    estimated_edges,
    exact_edges,
    strongest_edges,
)
from models.attribution.edge_graph import EdgeSource, EdgeTarget
from models.attribution.edge_pass import EdgePass
from models.attribution.head_outputs import head_counts
from models.attribution.patch import Patch
from models.attribution.patching_runs import contrast_runs
from models.attribution.resumed_pass import ResumedPass
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

CLEAN, CORRUPT = (5, 9, 17, 30, 2, 44), (5, 9, 18, 31, 2, 44)
METRIC = AnswerMetric("logit_difference", 21, 33)


def host_of(kind: str, folder: Path) -> HookedModel:
    """In float64, so that an equality is one."""
    loaded = HookedModel.load(str(save_tiny(kind, folder)), device="cpu")
    host = HookedModel(copy.deepcopy(loaded.model).double(), loaded.tokenizer, True, "", "", "")
    host.prove()
    return host


def sweep_of(host: HookedModel) -> EdgeSweep:
    passes = EdgePass.of(host)
    return EdgeSweep.of(
        passes, METRIC, torch.tensor(CLEAN), *(values_of(host, ids, "resid_pre", 0) for ids in (CLEAN, CORRUPT))
    )


def values_of(host: HookedModel, ids: tuple[int, ...], kind: str, layer: int, edits: Any = None) -> Tensor:
    with torch.no_grad(), host.intervene(edits or {}), host.capture([Site(kind, layer)]) as found:
        host.forward(torch.tensor([ids]))
    return found[Site(kind, layer)][0].clone()


def metric_of(host: HookedModel, edits: Any = None) -> float:
    """Of the corrupt prompt."""
    with torch.no_grad(), host.intervene(edits or {}):
        return float(METRIC(host.model(input_ids=torch.tensor([CORRUPT])).logits[:, -1]))


def put(value: Tensor, width: int | None = None, head: int = 0) -> Any:
    """An edit that puts a value, or one head's part of it, in place."""

    def edit(x: Tensor) -> Tensor:
        where = slice(None) if width is None else slice(head * width, (head + 1) * width)
        x[..., where] = value[..., where]
        return x

    return edit


def patched_by_hand(host: HookedModel, source: EdgeSource, target: EdgeTarget, n_heads: int) -> float:
    """What the target reads is moved by what the source writes otherwise, and only the target's own value is kept."""
    if source.kind == "embed":
        change = values_of(host, CLEAN, "resid_pre", 0) - values_of(host, CORRUPT, "resid_pre", 0)
    elif source.kind == "mlp":
        change = values_of(host, CLEAN, "mlp_out", source.layer or 0) - values_of(
            host, CORRUPT, "mlp_out", source.layer or 0
        )
    else:
        assert source.layer is not None
        assert source.head is not None
        z = values_of(host, CLEAN, "z", source.layer)
        swap = {Site("z", source.layer): put(z, z.shape[-1] // n_heads, source.head)}
        change = values_of(host, CORRUPT, "attn_out", source.layer, swap) - values_of(
            host, CORRUPT, "attn_out", source.layer
        )
    if target.kind == "logits":
        return metric_of(host, {Site("final_norm_in"): lambda x: x + change}) - metric_of(host)
    layer = target.layer or 0
    reads = "resid_mid" if target.kind == "mlp" and "resid_mid" in host.module_map.kinds else "resid_pre"
    site = Site("mlp_out" if target.kind == "mlp" else target.kind, layer)
    moved = values_of(host, CORRUPT, site.kind, layer, {Site(reads, layer): lambda x: x + change})
    if target.kind == "mlp":
        return metric_of(host, {site: put(moved)}) - metric_of(host)
    width = values_of(host, CORRUPT, "z", layer).shape[-1] // n_heads
    return metric_of(host, {site: put(moved, width, target.head or 0)}) - metric_of(host)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox"])
def test_an_edge_is_patched_as_by_hand_and_edges_add_up_to_their_source(tmp_path: Path, kind: str):
    host = host_of(kind, tmp_path)
    sweep = sweep_of(host)
    graph = sweep.passes.graph
    edges = graph.edges_VU.nonzero().flip(1).tolist()
    drawn = [
        tuple(edges[i]) for i in torch.randperm(len(edges), generator=torch.Generator().manual_seed(1))[:24].tolist()
    ]
    wanted = [patched_by_hand(host, graph.sources[u], graph.targets[v], graph.n_heads[0]) for u, v in drawn]
    assert max(map(abs, wanted)) > 1e-4
    rounding = 1e-10 if kind == "gpt2" else 1e-6  # the others' norms and softmax compute in float32
    assert exact_edges(sweep, "denoising", drawn, 40).tolist() == pytest.approx(wanted, abs=rounding)
    sites = [Site(kind, layer) for kind in ("resid_pre", "mlp_out", "z") for layer in range(host.n_layers)]
    runs = contrast_runs(ResumedPass.of(host), METRIC, sites, CLEAN, CORRUPT)
    nodes = PatchingSweep(ResumedPass.of(host), METRIC, runs.token_ids_P, *runs.between("denoising"), head_counts(host))
    places = [_place(source) for source in graph.sources]
    estimated = estimated_edges(sweep, "denoising")
    assert estimated.sum(0).tolist() == pytest.approx(attribution_effects(nodes, places).tolist(), abs=rounding)
    everything, nothing = circuit_metrics(sweep, [[tuple(edge) for edge in edges], []])
    assert float(everything) == pytest.approx(sweep.clean.metric, abs=rounding)
    assert float(nothing) == pytest.approx(sweep.corrupt.metric, abs=rounding)
    assert sweep.corrupt.metric == pytest.approx(metric_of(host), abs=rounding)


def _place(source: EdgeSource) -> Patch:
    if source.kind == "embed":
        return Patch("resid_pre", 0)
    return Patch("z" if source.kind == "head" else "mlp_out", source.layer or 0, head=source.head)


class FixedNorm(nn.Module):
    """A norm that norms nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def linear_host(folder: Path) -> HookedModel:
    """A GPT-2 in float64 without activation function whose norms do not norm."""
    host = host_of("gpt2", folder)
    for block in host.model.transformer.h:
        block.mlp.act, block.ln_1, block.ln_2 = nn.Identity(), FixedNorm(), FixedNorm()
    host.model.transformer.ln_f = FixedNorm()
    linear = HookedModel(host.model, host.tokenizer, True, "", "", "")
    linear.prove()
    return linear


def frozen_patterns(host: HookedModel) -> ExitStack:
    stack = ExitStack()
    for layer in range(host.n_layers):
        pattern = values_of(host, CLEAN, "attn_pattern", layer)[None]
        stack.enter_context(
            host.intervene(
                {Site("attn_pattern", layer): lambda x, it=pattern: it[..., : x.shape[2], : x.shape[3]].expand_as(x)}
            )
        )
    return stack


def test_on_a_linear_transformer_both_estimates_are_exact_on_every_edge(tmp_path: Path):
    host = linear_host(tmp_path)
    with frozen_patterns(host):
        sweep = sweep_of(host)
        edges = [tuple(edge) for edge in sweep.passes.graph.edges_VU.nonzero().flip(1).tolist()]
        exact = exact_edges(sweep, "noising", edges, 200)
        for n_steps in (0, 3):
            near = estimated_edges(sweep, "noising", n_steps)
            assert [float(near[v, u]) for u, v in edges] == pytest.approx(exact.tolist(), abs=1e-12)
    assert float(exact.abs().max()) > 1e-4


def test_planted_edges_are_found_and_suffice(tmp_path: Path):
    """Subspaces of the stream: embeddings write A, head 0.1 takes A to B, MLP 1 takes B to C, head 2.3 takes C to D,
    and the output reads D. All other weights are 0 but those that read what nobody writes."""
    host, width = linear_host(tmp_path), 4
    model: Any = host.model
    a, b, c, d, idle = (slice(start, start + width) for start in range(0, 20, width))
    chance = torch.Generator().manual_seed(0)

    def dense(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    model.lm_head.weight = nn.Parameter(torch.zeros_like(model.lm_head.weight), requires_grad=False)
    for name, parameter in model.named_parameters():
        if "wte" not in name:
            parameter.zero_()
    model.transformer.wte.weight[:, width:] = 0
    n_embd, head_width = host.d_model, host.d_model // 4
    for layer, head, reads, writes in ((0, 1, a, b), (2, 3, c, d), (1, 2, idle, d)):
        attention = model.transformer.h[layer].attn
        values = slice(2 * n_embd + head * head_width, 2 * n_embd + head * head_width + width)
        attention.c_attn.weight[reads, values] = dense(width, width)
        attention.c_proj.weight[head * head_width : head * head_width + width, writes] = dense(width, width)
    mlp = model.transformer.h[1].mlp
    mlp.c_fc.weight[b, :width] = dense(width, width)
    mlp.c_proj.weight[:width, c] = dense(width, width)
    model.lm_head.weight[:, d] = dense(len(model.lm_head.weight), width)
    planted = {
        (EdgeSource("embed"), EdgeTarget("v", 0, 1)),
        (EdgeSource("head", 0, 1), EdgeTarget("mlp", 1)),
        (EdgeSource("mlp", 1), EdgeTarget("v", 2, 3)),
        (EdgeSource("head", 2, 3), EdgeTarget("logits")),
    }
    sweep = sweep_of(host)
    graph = sweep.passes.graph
    for n_steps in (0, 4):
        found = strongest_edges(estimated_edges(sweep, "denoising", n_steps), 100)
        assert {(graph.sources[u], graph.targets[v]) for u, v in found} == planted
    kept, missing = circuit_metrics(sweep, [found, found[1:]])
    assert float(kept) == pytest.approx(sweep.clean.metric, abs=1e-12)
    assert float(missing) == pytest.approx(sweep.corrupt.metric, abs=1e-12)
    assert abs(sweep.clean.metric - sweep.corrupt.metric) > 1e-6


def test_heads_behind_a_norm_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="a norm stands behind attention"):
        EdgePass.of(host_of("gemma2", tmp_path))
