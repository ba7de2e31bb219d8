"""What is stored of attention to a prompt are the model's own eager attentions, the largest of them first."""

import pytest
import torch
from tiny_models import LAYERS, save_tiny

from models.attention.head import Head, heads_of
from models.attention.prompt_patterns import attention_weights
from models.language_model.hooked_model import HookedModel

TOKENS = (5, 9, 17, 30, 2, 44, 61)
EVERY = heads_of([4] * LAYERS)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "qwen3"])
def test_weights_are_the_models_own_attentions(tmp_path, kind: str):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    weights = attention_weights(host, TOKENS, EVERY, threshold=0.1, most=10_000)
    host.model.set_attn_implementation("eager")
    attentions = host.model(input_ids=torch.tensor([TOKENS]), output_attentions=True).attentions
    expected = {
        (Head(layer, head), query, key): float(attentions[layer][0, head, query, key])
        for layer, head in EVERY
        for query in range(len(TOKENS))
        for key in range(query + 1)
        if attentions[layer][0, head, query, key] >= 0.1
    }
    assert {(w.head, w.query_position, w.key_position): w.weight for w in weights} == pytest.approx(expected, abs=1e-6)


def test_named_heads_and_the_largest_weights_only(tmp_path):
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path)), device="cpu")
    every = attention_weights(host, TOKENS, [Head(1, 2)], threshold=0.0, most=10_000)
    assert {weight.head for weight in every} == {Head(1, 2)}
    assert len(every) == len(TOKENS) * (len(TOKENS) + 1) // 2, "what a causal head cannot see is no row"
    few = attention_weights(host, TOKENS, [Head(1, 2)], threshold=0.0, most=5)
    assert sorted(w.weight for w in few) == sorted(w.weight for w in every)[-5:]
    assert few == sorted(few, key=lambda weight: (weight.query_position, weight.key_position))
