"""Heads that were written by hand have the scores and the worth that they were written for."""

import pytest
import torch
from induction_gpt2 import VOCABULARY, induction_gpt2
from tiny_models import save_tiny

from models.attention.attention_scores import attention_scores
from models.attention.copy_loss import copy_loss
from models.attention.head import Head, head_counts
from models.attention.head_ablation import HeadAblator
from models.attention.head_circuits import circuit_scores
from models.attention.repeated_sequences import SequenceLengths, ordinary_tokens, repeated_sequences
from models.language_model.hooked_model import HookedModel

LENGTHS = SequenceLengths(shortest_period=5, longest_period=11, longest_prefix=5)
EVERY = [Head(0, 0), Head(0, 1), Head(1, 0), Head(1, 1)]


@pytest.fixture(scope="module")
def host() -> HookedModel:
    return induction_gpt2()


@pytest.fixture(scope="module")
def sequences():
    return repeated_sequences(torch.arange(VOCABULARY), (), LENGTHS, n=12, seed=1)


def by_head(scores, name: str) -> dict:
    return {score.head: score for score in scores if score.name == name}


def test_a_sequence_says_a_piece_twice_and_its_shuffled_form_leaves_no_token_in_place(sequences):
    assert len({each.period for each in sequences}) > 3
    assert len({each.start for each in sequences}) > 2
    for each in sequences:
        n = each.period
        first, second = each.token_ids[each.start : each.start + n], each.token_ids[each.start + n :]
        assert first == second
        assert len(set(each.token_ids)) == each.start + n, "nothing else is repeated"
        shuffled = each.shuffled_ids[each.start + n :]
        assert sorted(shuffled) == sorted(second)
        assert not any(a == b for a, b in zip(shuffled, second, strict=True))
    assert repeated_sequences(torch.arange(VOCABULARY), (), LENGTHS, n=12, seed=1) == sequences


def test_the_heads_score_as_they_were_written(host, sequences):
    scores = attention_scores(host, [2, 2], sequences)
    induction, previous, duplicate = (by_head(scores, n) for n in ("induction", "previous_token", "duplicate_token"))
    assert (induction[Head(1, 0)].value, induction[Head(1, 0)].standard_error) == (1.0, 0.0)
    assert previous[Head(0, 0)].value == 1.0
    assert [head for head in EVERY if induction[head].is_above(0.3)] == [Head(1, 0)]
    assert [head for head in EVERY if previous[head].is_above(0.3)] == [Head(0, 0)]
    assert [head for head in EVERY if duplicate[head].is_above(0.3)] == []
    assert induction[Head(1, 0)].baseline < 0.01
    for quiet in (Head(0, 1), Head(1, 1)):
        even = [float((1 / (each.second_copy + 1.0)).mean()) for each in sequences]
        assert induction[quiet].value == pytest.approx(sum(even) / len(even), rel=1e-4)
        assert induction[quiet].standard_error == pytest.approx(float(torch.tensor(even).std()) / 12**0.5, rel=1e-4)


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_without_the_two_heads_the_model_knows_nothing_and_the_others_are_worth_nothing(host, sequences, mode):
    ablator = HeadAblator.of(host, [2, 2], sequences)
    accuracy = {head: ablator.ablated(str(head), [head], mode).ablated.accuracy_S for head in EVERY}
    assert copy_loss(host, sequences).accuracy_S.eq(1).all()
    assert accuracy[Head(0, 1)].eq(1).all()
    assert accuracy[Head(1, 1)].eq(1).all()
    assert accuracy[Head(0, 0)].eq(0).all()
    assert accuracy[Head(1, 0)].eq(0).all()
    joint = ablator.ablated("both", [Head(0, 0), Head(1, 0)], mode)
    assert joint.change > 1
    without = ablator.ablated("0.0", [Head(0, 0)], mode)
    interval = without.interval(seed=0)
    assert interval is not None
    assert 1 < interval[0] < without.change < interval[1]
    assert ablator.ablated("none", [], mode).change == 0


def test_the_losses_are_those_of_the_bare_model(host, sequences):
    loss = copy_loss(host, sequences)
    for row, each in enumerate(sequences):
        logits = host.model(input_ids=torch.tensor([each.token_ids])).logits[0].log_softmax(-1)
        for copy, found in ((0, loss.first_S), (each.period, loss.second_S)):
            places = range(each.start + copy, each.start + copy + each.period - 1)
            by_hand = -sum(float(logits[place, each.token_ids[place + 1]]) for place in places) / len(places)
            assert float(found[row]) == pytest.approx(by_hand, abs=1e-4)


def test_a_head_that_looks_back_by_position_is_no_induction_head():
    host = induction_gpt2(fixed_offset=7)
    tokens = torch.arange(VOCABULARY)
    one_period = SequenceLengths(8, 9, 0)
    fixed = [each for each in repeated_sequences(tokens, (), one_period, 40, seed=0) if each.period == 8]
    deceived = by_head(attention_scores(host, [2, 2], fixed), "induction")[Head(0, 1)]
    assert deceived.value == 1.0, "under one period it looks where an induction head would"
    assert not deceived.is_above(0.3), "and does so whatever stands there"
    varied = repeated_sequences(tokens, (), LENGTHS, 40, seed=0)
    score = by_head(attention_scores(host, [2, 2], varied), "induction")[Head(0, 1)]
    assert score.value < 0.4
    assert not score.is_above(0.3)


def test_circuits_of_the_hand_built_heads(host):
    scores = circuit_scores(host, [2, 2], torch.arange(VOCABULARY))
    copying, matching = by_head(scores, "ov_copying"), by_head(scores, "qk_matching")
    assert {head: copying[head].value for head in EVERY} == {
        Head(0, 0): 0.0, Head(0, 1): 0.0, Head(1, 0): 1.0, Head(1, 1): 0.0,
    }  # fmt: skip
    positivity = by_head(scores, "ov_positivity")
    assert positivity[Head(1, 0)].value == pytest.approx(1, abs=1e-4)
    assert positivity[Head(1, 1)].value == 0
    behind_first = by_head(scores, "effective_ov_copying")
    assert [behind_first[head].value for head in EVERY if head.layer] == [1.0, 0.0], "MLP 0 adds nothing"
    assert all("embeddings as they are" in str(behind_first[head].lack) for head in EVERY if not head.layer)
    assert all(matching[head].value == 0 for head in EVERY), "no head looks for the token itself"
    query, key = (host.model.transformer.h[1].attn.c_attn.weight[:, 96 * part + 48 :][:, :16] for part in (0, 1))
    query[:16], key[:16] = torch.eye(16), torch.eye(16)
    try:
        assert by_head(circuit_scores(host, [2, 2], torch.arange(VOCABULARY)), "qk_matching")[Head(1, 1)].value == 1.0
    finally:
        query.zero_()
        key.zero_()


def test_what_the_first_mlp_makes_of_a_token_is_what_later_heads_copy():
    """MLP 0 writes the letter after a token where its own stands, and more of it."""
    host = induction_gpt2()
    mlp, tokens = host.model.transformer.h[0].mlp, torch.arange(VOCABULARY)
    mlp.c_fc.nf = 96
    mlp.c_fc.weight, mlp.c_proj.weight = (torch.nn.Parameter(torch.zeros(96, 96), requires_grad=False) for _ in "ab")
    mlp.c_fc.bias = torch.nn.Parameter(torch.zeros(96), requires_grad=False)
    mlp.act = torch.nn.Identity()
    mlp.c_fc.weight[tokens, tokens] = 1
    mlp.c_proj.weight[tokens, (tokens + 1) % VOCABULARY] = 3
    scores = circuit_scores(host, [2, 2], tokens)
    assert by_head(scores, "ov_copying")[Head(1, 0)].value == 1.0
    assert by_head(scores, "effective_ov_copying")[Head(1, 0)].value == 0.0, "it says the letter after"


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama", "gemma2"])
def test_random_weights_score_as_their_baselines(tmp_path, kind):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), device="cpu")
    sequences = repeated_sequences(ordinary_tokens(host), (), SequenceLengths(10, 20, 5), n=12, seed=0)
    scores = [score for score in attention_scores(host, head_counts(host), sequences) if score.name == "induction"]
    assert len(scores) == 12
    for score in scores:
        assert score.value == pytest.approx(score.baseline, abs=0.08)
        assert not score.is_above(0.3)


def test_periods_that_do_not_vary_or_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="wanted several"):
        SequenceLengths(8, 8, 0).check(0, None, 100)
    with pytest.raises(ValueError, match="has 41 tokens and the model reads 40: lower longest_period"):
        SequenceLengths(5, 18, 4).check(1, 40, 100)
    with pytest.raises(ValueError, match="22 different tokens and the model knows 16"):
        SequenceLengths(5, 18, 4).check(1, 100, 16)


def test_an_encoder_and_a_model_whose_attention_cannot_be_read_are_refused(tmp_path):
    encoder = HookedModel.load(str(save_tiny("bert", tmp_path / "bert")), device="cpu")
    with pytest.raises(ValueError, match=r"predicts no next token.*take a causal language model"):
        head_counts(encoder)
    closed = HookedModel.load(str(save_tiny("gpt_neo", tmp_path / "gpt_neo")), device="cpu")
    with pytest.raises(ValueError, match="its attention cannot be read, because"):
        head_counts(closed)
