"""A planted attention sink is found and handled by the token that takes it on, or by leaving its position out."""

import numpy as np
import pytest
import torch
from tiny_models import TEXT, save_tiny

from models.activations.attention_sinks import choose_frame, sample_contents, try_frames, untried_frames
from models.corpora.context_frame import SpecialTokens, candidates
from models.language_model.hooked_model import HookedModel

KINDS = {"gpt2": "none", "gpt_neox": "none", "qwen2": "none", "llama": "<bos>", "gemma": "<bos>", "bert": "[CLS]"}


def contents(host, room: int = 20) -> list[np.ndarray]:
    return sample_contents(host.tokenizer(TEXT, add_special_tokens=False)["input_ids"], room)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))))


@pytest.fixture
def sink(gpt2):
    """A GPT-2 whose position 0 is far from all others, whatever stands there: a norm of 60 beside some 3."""
    weight = gpt2.model.transformer.wpe.weight
    before = weight.data[0].clone()
    weight.data[0] = before * (60 / before.norm())
    yield gpt2
    weight.data[0] = before


@pytest.mark.parametrize("kind", KINDS)
def test_models_without_sinks_keep_their_tokenizers_habit(kind, tmp_path):
    host = HookedModel.load(str(save_tiny(kind, tmp_path)))
    choice = choose_frame(try_frames(host, contents(host), candidates(host.tokenizer)))
    assert (choice.trial.name, choice.frame.skip_first) == (KINDS[kind], 0)
    assert choice.frame == SpecialTokens.of(host.tokenizer)


def test_a_token_before_the_text_takes_the_sink_on(sink):
    trials = {trial.name: trial for trial in try_frames(sink, contents(sink), candidates(sink.tokenizer))}
    assert (trials["none"].skip, trials["<|endoftext|>"].skip) == (1, 0)
    assert (trials["none"].position, trials["none"].n_tokens) == (0, sum(map(len, contents(sink))))
    assert (trials["none"].share or 0) > 0.5
    assert (trials["none"].outlier_share or 0) > (trials["<|endoftext|>"].outlier_share or 0)
    choice = choose_frame(list(trials.values()))
    assert choice.frame == SpecialTokens((0,), ())
    assert "'none' has 1 attention sinks in the text" in choice.decision
    rows = choice.rows().to_pylist()
    assert [(row["candidate"], row["n_sinks"], row["is_chosen"]) for row in rows] == [
        ("none", 1, False),
        ("<|endoftext|>", 0, True),
    ]


def test_without_a_token_before_it_the_sink_is_skipped(sink):
    trials = try_frames(sink, contents(sink), {"none": SpecialTokens((), ())})
    assert choose_frame(trials).frame == SpecialTokens((), (), 1)
    assert choose_frame(trials, 0).frame == SpecialTokens((), (), 0), "what a card says is done"


def test_two_sinks_in_a_row_are_skipped_and_a_far_position_behind_others_is_none(sink):
    weight = sink.model.transformer.wpe.weight
    before = weight.data[1:4].clone()
    weight.data[1] *= 40 / before[0].norm()
    weight.data[3] *= 40 / before[2].norm()
    found = choose_frame(try_frames(sink, contents(sink), {"none": SpecialTokens((), ())})).frame.skip_first
    weight.data[1:4] = before
    assert found == 2, "position 3 comes after one that is no sink"


def test_a_token_that_is_long_by_chance_makes_no_sink(gpt2):
    pieces = contents(gpt2)
    weight = gpt2.model.transformer.wte.weight
    before, token = weight.data.clone(), int(pieces[0][0])
    assert sum(int(piece[0]) == token for piece in pieces) < len(pieces) / 2
    weight.data[token] *= 50
    skip = choose_frame(try_frames(gpt2, pieces, {"none": SpecialTokens((), ())})).frame.skip_first
    weight.data.copy_(before)
    assert skip == 0


def test_pieces_come_from_every_document_in_turn():
    encoded = [list(range(10)), [], list(range(100, 105)), [7]]
    pieces = sample_contents(encoded, 4)
    assert [piece.tolist() for piece in pieces[:3]] == [[0, 1, 2, 3], [100, 101, 102, 103], [7]]
    assert sorted(np.concatenate(pieces).tolist()) == [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 100, 101, 102, 103, 104]
    assert len(sample_contents([list(range(10_000))], 4)) == 128
    assert sample_contents([], 4) == []


def test_what_was_not_tried_has_no_numbers():
    choice = choose_frame(untried_frames({"none": SpecialTokens((), ())}), 3)
    assert choice.frame.skip_first == 3
    [row] = choice.rows().to_pylist()
    assert {name for name, value in row.items() if value is None} == {
        "n_sinks",
        "variance_share",
        "position",
        "layer",
        "outlier_share",
        "n_tokens",
    }
    assert "as the card and the tokenizer have it" in choice.decision


def test_contexts_of_three_tokens_can_be_tried(gpt2):
    pieces = sample_contents(gpt2.tokenizer(TEXT, add_special_tokens=False)["input_ids"], 2)
    trial = try_frames(gpt2, pieces, {"none": SpecialTokens((), ())})[0]
    assert trial.n_tokens == sum(map(len, pieces))
    assert torch.isfinite(torch.tensor(trial.share))
