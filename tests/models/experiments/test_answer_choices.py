"""Choices between two answers, read in batches, and directions behind each block, against passes made one by one."""

import pytest
import torch
from tiny_models import save_tiny

from models.experiments.answer_choices import Choice, choice_log_probabilities, matching_share
from models.experiments.contrast_prompts import ContrastPrompts
from models.experiments.kept_results import NothingKept
from models.experiments.layer_directions import layer_directions
from models.interventions import shifted_prediction
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("choices") / "weights")), device="cpu")


def test_each_choice_is_asked_for_its_own_tokens_in_whatever_batch(host: HookedModel, monkeypatch: pytest.MonkeyPatch):
    choices = [Choice((3, 9 + n, 17)[: 2 + n % 2], 20 + n, 40 + n, f"g{n}") for n in range(5)]
    monkeypatch.setattr(shifted_prediction, "MOST_LOGITS", 2 * 3 * host.vocab_size)
    log_NK = choice_log_probabilities(host, choices)
    for log_K, choice in zip(log_NK, choices, strict=True):
        logits = host.forward(torch.tensor([choice.token_ids]))
        assert logits is not None
        wanted_K = logits[0, -1].log_softmax(-1)[[choice.matching, choice.other]]
        torch.testing.assert_close(log_K, wanted_K.double(), rtol=0, atol=1e-5)
    share_N = matching_share(log_NK)
    torch.testing.assert_close(torch.from_numpy(share_N), (log_NK.exp() / log_NK.exp().sum(1, keepdim=True))[:, 0])


def test_each_block_has_the_direction_of_its_own_stream(host: HookedModel):
    positive, negative = [(3, 9, 17), (3, 11, 17)], [(3, 9, 30), (3, 11, 30)]
    prompts = ContrastPrompts(positive, negative, 0, True, [])
    found = {each.layer: each for each in layer_directions(host, prompts, ["caa"], [0, 2], 0, NothingKept())}
    assert list(found) == [0, 2]
    for layer, direction in found.items():
        ends = []
        for token_ids in (*positive, *negative):
            with host.capture([Site("resid_post", layer)]) as stream:
                host.forward(torch.tensor([token_ids]))
            ends.append(stream[Site("resid_post", layer)][0, -1])
        wanted_D = torch.stack(ends[:2]).mean(0) - torch.stack(ends[2:]).mean(0)
        torch.testing.assert_close(direction.vector_D, wanted_D, rtol=0, atol=1e-5)
        assert direction.stream_norm == pytest.approx(float(torch.stack(ends).norm(dim=1).mean()), rel=1e-5)
