"""Circuits of heads are products of the weights themselves, whatever the family calls, groups or fuses them.

Truth comes from the projections' own matrices, taken apart here family by family.
"""

from typing import Any

import pytest
import torch
from attention_hosts import HEADS
from tiny_models import LAYERS, WIDTH, save_tiny
from torch import Tensor

from models.attention.head import Head, head_counts, heads_of
from models.attention.head_circuits import circuit_scores
from models.language_model.hooked_model import HookedModel

D = WIDTH // HEADS
TOKENS = torch.arange(5, 125)


def projections(model, kind: str, layer: int) -> tuple[Tensor, ...]:
    """Norm's gain and W_Q [H, d, D], W_K, W_V [H, d, D], W_O [D, H · d] of a block."""
    if kind == "gpt2":
        block = model.transformer.h[layer]
        q, k, v = (part.T.unflatten(0, (HEADS, D)) for part in block.attn.c_attn.weight.split(WIDTH, dim=1))
        return block.ln_1.weight, q, k, v, block.attn.c_proj.weight.T
    if kind == "gpt_neox":  # fused head by head: query, key and value of one head, then of the next
        block = model.gpt_neox.layers[layer]
        q, k, v = block.attention.query_key_value.weight.unflatten(0, (HEADS, 3, D)).unbind(1)
        return block.input_layernorm.weight, q, k, v, block.attention.dense.weight
    block = model.model.layers[layer]
    attention = block.self_attn
    q = attention.q_proj.weight.unflatten(0, (HEADS, D))
    k, v = (part.weight.unflatten(0, (-1, D)).repeat_interleave(2, 0) for part in (attention.k_proj, attention.v_proj))
    return block.input_layernorm.weight, q, k, v, attention.o_proj.weight


def normed(x_ND: Tensor, centred: bool) -> Tensor:
    x_ND = x_ND - x_ND.mean(-1, keepdim=True) if centred else x_ND
    return x_ND / (x_ND.square().mean(-1, keepdim=True) + 1e-6).sqrt()


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama"])
def test_scores_are_those_of_the_weights(tmp_path, kind: str):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    tie_readout_to_embedding(host, kind)
    found = {(score.name, score.head): score for score in circuit_scores(host, head_counts(host), TOKENS)}
    centred = kind != "llama"
    norm: Any = host.module_map.final_norm
    norm, readout = norm.weight, host.model.get_output_embeddings().weight
    embedded = normed(host.module_map.embedding(TOKENS), centred)
    seen = set()
    for layer in range(LAYERS):
        gain, q, k, v, out = projections(host.model, kind, layer)
        for head in range(HEADS):
            x = embedded * gain
            said = x @ v[head].T @ out[:, head * D : (head + 1) * D].T
            said = said - said.mean(-1, keepdim=True) if centred else said
            copies = ((said * norm) @ readout.T).argmax(-1) == TOKENS
            matches = ((x @ q[head].T) @ (x @ k[head].T).T).argmax(-1) == torch.arange(len(TOKENS))
            rows = (said * norm) @ readout[TOKENS].T  # the trace, and the sizes by another decomposition
            sizes = torch.linalg.eigvals(rows.double()).abs().sum()
            assert found["ov_positivity", Head(layer, head)].value == pytest.approx(
                float(rows.trace() / sizes), abs=1e-3
            )
            for name, by_hand in (("ov_copying", copies), ("qk_matching", matches)):
                value = found[name, Head(layer, head)].value
                assert value == pytest.approx(float(by_hand.float().mean()), abs=1.5 / len(TOKENS)), (name, layer, head)
                seen.add(value)
    assert len(seen) > 3, "scores that differ"


def tie_readout_to_embedding(host: HookedModel, kind: str) -> None:
    """Makes two heads of each block copy and look for equal tokens, so that not all scores are near 0."""
    with torch.no_grad():
        host.model.get_output_embeddings().weight.copy_(host.module_map.embedding.weight)
        for layer in range(LAYERS):
            _, q, k, v, out = projections(host.model, kind, layer)
            if kind == "llama":
                attention = host.model.model.layers[layer].self_attn
                attention.q_proj.weight[D : 2 * D] = attention.k_proj.weight[:D]
                attention.o_proj.weight[:, 3 * D :] = attention.v_proj.weight[D:].T
            else:
                q[1] = k[1]
                out[:, 3 * D :] = v[3].T


def test_every_head_has_both_scores_under_a_norm_behind_attention(tmp_path):
    host = HookedModel.load(str(save_tiny("gemma2", tmp_path)), device="cpu")
    scores = circuit_scores(host, [HEADS] * LAYERS, TOKENS)
    assert sorted((score.name, score.head) for score in scores) == sorted(
        (name, head)
        for name in ("ov_copying", "ov_positivity", "effective_ov_copying", "effective_ov_positivity", "qk_matching")
        for head in heads_of([HEADS] * LAYERS)
    )
    without = [score for score in scores if score.value is None]
    assert {(score.name, score.head.layer) for score in without} == {
        ("effective_ov_copying", 0), ("effective_ov_positivity", 0),
    }  # fmt: skip


def test_a_model_whose_final_norm_is_of_no_known_kind_says_why_there_is_no_copying_score(tmp_path, monkeypatch):
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path)), device="cpu")
    monkeypatch.setattr(host.module_map.final_norm, "forward", lambda x: x.tanh())
    copying = [score for score in circuit_scores(host, [HEADS] * LAYERS, TOKENS) if score.name == "ov_copying"]
    assert len(copying) == HEADS * LAYERS
    assert all(score.value is None for score in copying)
    assert all("norms neither as LayerNorm nor as RMSNorm" in str(score.lack) for score in copying)
