"""Steering by features: exact where nothing changes, the formula where something does, the same with a cache."""

import math
from collections.abc import Sequence

import pytest
import torch
from tiny_models import save_tiny
from torch import Tensor

from models.dictionaries.base import SparseDictionary
from models.dictionaries.registry import architecture
from models.interventions.edited_completions import (
    NO_EDITS,
    Decoding,
    EditedPrompt,
    InvalidStrength,
    log_probability_of_tokens,
    repetition,
    surprise,
)
from models.interventions.steering import EditKind, FeatureEdit, steering_edits
from models.language_model.forward_pass import Tokens
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

SITE = Site("resid_post", 1)
TOKENS = (5, 9, 17, 30, 2, 44)
N_FEATURES = 24


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")


def dictionary(d_out: int | None = None, width: int = 32) -> SparseDictionary:
    chance = torch.Generator().manual_seed(1)
    W_enc = torch.randn(width, N_FEATURES, generator=chance)
    tensors = {
        "W_enc": W_enc,
        "W_dec": torch.randn(N_FEATURES, d_out or width, generator=chance),
        "b_enc": torch.zeros(N_FEATURES),
        "b_dec": torch.randn(d_out or width, generator=chance),
    }
    return architecture("topk")(tensors, {"k": 6, "crosses": d_out is not None})


def dense(sae: SparseDictionary, x_TD: Tensor) -> Tensor:
    """Codes with every feature in its place (T, F)."""
    codes = sae.encode(x_TD)
    acts_TF = torch.zeros(len(x_TD), N_FEATURES)
    for t in range(len(x_TD)):
        for act, feature in zip(codes.acts_TK[t].tolist(), codes.features_TK[t].tolist(), strict=True):
            acts_TF[t, feature] += act
    return acts_TF


def applied(sae: SparseDictionary, x_BPD: Tensor, rows: Sequence[Sequence[FeatureEdit]]) -> Tensor:
    return steering_edits(sae, SITE, SITE, rows)[SITE](x_BPD.clone())


def logits(host: HookedModel) -> Tensor:
    found_BPV = host.forward(torch.tensor([TOKENS]))
    assert found_BPV is not None
    return found_BPV


def strongest(sae: SparseDictionary, x_TD: Tensor) -> int:
    return int(dense(sae, x_TD).sum(0).argmax())


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("clamp", 3.0, lambda f: torch.full_like(f, 3.0)),
        ("clamp", -2.0, lambda f: torch.full_like(f, -2.0)),
        ("min_clamp", 1.5, lambda f: f.clamp(min=1.5)),
        ("add", 2.0, lambda f: f + 2),
        ("scale", 2.5, lambda f: 2.5 * f),
        ("ablate", 0.0, lambda f: torch.zeros_like(f)),
    ],
)
def test_each_kind_is_the_decoding_of_edited_codes_and_what_the_dictionary_left(kind: EditKind, value: float, wanted):
    sae, x_TD = dictionary(), torch.randn(40, 32, generator=torch.Generator().manual_seed(0)) * 3
    acts_TF = dense(sae, x_TD)
    edited_TF = acts_TF.clone()
    edited_TF[:, 4] = wanted(acts_TF[:, 4])
    edited_TF[:, 7] = 0
    left_TD = x_TD - (acts_TF @ sae.W_dec + sae.b_dec)
    by_formula_TD = edited_TF @ sae.W_dec + sae.b_dec + left_TD
    [by_edit_TD] = applied(sae, x_TD[None], [[FeatureEdit(4, kind, value), FeatureEdit(7, "ablate")]])
    torch.testing.assert_close(by_edit_TD, by_formula_TD, rtol=0, atol=1e-5 * float(x_TD.abs().max()))
    assert (acts_TF[:, 4] > 0).any()
    assert (acts_TF[:, 4] == 0).any()


def test_each_row_has_edits_of_its_own():
    sae, x_BPD = dictionary(), torch.randn(3, 5, 32)
    rows = [[FeatureEdit(1, "clamp", 2.0)], [], [FeatureEdit(2, "add", 1.0), FeatureEdit(1, "scale", 0.5)]]
    together_BPD = applied(sae, x_BPD, rows)
    for row, edits in enumerate(rows):
        torch.testing.assert_close(together_BPD[row], applied(sae, x_BPD[row : row + 1], [edits])[0])
    with pytest.raises(ValueError, match="edits of 3 rows and a batch of 2"):
        applied(sae, x_BPD[:2], rows)


def test_a_feature_that_is_set_to_what_it_is_changes_no_bit(host: HookedModel):
    sae = dictionary()
    with host.capture([SITE], stop_early=False) as stream:
        plain_BPV = logits(host)
    x_PD = stream[SITE][0]
    feature = strongest(sae, x_PD)
    acts_P = sae.feature_activations(torch.tensor([feature]))(x_PD[None])[0]
    here = int(acts_P.argmax())
    same = [FeatureEdit(feature, "clamp", float(acts_P[here]))]
    with host.intervene(steering_edits(sae, SITE, SITE, [same]), positions=[here]):
        assert torch.equal(logits(host), plain_BPV)
    with host.intervene(steering_edits(sae, SITE, SITE, [[FeatureEdit(feature, "scale", 1.0)]])):
        assert torch.equal(logits(host), plain_BPV)
    with host.intervene(steering_edits(sae, SITE, SITE, [[FeatureEdit(feature, "scale", 2.0)]])):
        assert not torch.equal(logits(host), plain_BPV)


def test_a_transcoder_s_feature_is_read_at_one_site_and_written_at_another(host: HookedModel):
    sae, read, written = dictionary(d_out=32), Site("mlp_in", 1), Site("mlp_out", 1)
    with host.capture([read, written]) as values:
        host.forward(torch.tensor([TOKENS]))
    feature = strongest(sae, values[read][0])
    acts_P = dense(sae, values[read][0])[:, feature]
    edits = steering_edits(sae, read, written, [[FeatureEdit(feature, "clamp", 4.0)]])
    with host.intervene(edits), host.capture([written]) as after:
        host.forward(torch.tensor([TOKENS]))
    wanted_PD = values[written][0] + (4.0 - acts_P)[:, None] * sae.W_dec[feature]
    torch.testing.assert_close(after[written][0], wanted_PD, rtol=1e-4, atol=1e-5)


def test_no_edits_write_what_the_plain_model_writes(host: HookedModel):
    prompt = EditedPrompt(host, TOKENS)
    plain = host.model.generate(torch.tensor([TOKENS]), max_new_tokens=12, do_sample=False, pad_token_id=0)
    end = host.model.generation_config.eos_token_id
    [written] = prompt.completions(NO_EDITS, 1, Decoding(12))
    wanted = plain[0, len(TOKENS) :].tolist()
    assert list(written) == wanted[: wanted.index(end) + 1 if end in wanted else None]
    assert prompt.completions(steering_edits(dictionary(), SITE, SITE, [[]]), 1, Decoding(12)) == [written]


@pytest.mark.parametrize("tokens", ["all", "prompt", "generated"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_cache_changes_no_token(host: HookedModel, tokens, temperature: float):
    sae = dictionary()
    rows = [[FeatureEdit(4, "clamp", 30.0)], [FeatureEdit(9, "min_clamp", 25.0), FeatureEdit(2, "add", -9.0)]]
    edits, prompt = steering_edits(sae, SITE, SITE, rows), EditedPrompt(host, TOKENS, 1, tokens)
    cached, plain = (
        prompt.completions(edits, 2, Decoding(14, temperature, seed=3, uses_cache=uses)) for uses in (True, False)
    )
    assert cached == plain
    assert cached != prompt.completions(NO_EDITS, 2, Decoding(14, temperature, seed=3))


def test_what_is_drawn_depends_on_the_seed_only(host: HookedModel):
    prompt = EditedPrompt(host, TOKENS)
    first, again, other = (prompt.completions(NO_EDITS, 2, Decoding(14, 1.0, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_only_the_part_that_is_named_is_edited(host: HookedModel):
    sae, continuation = dictionary(), (7, 8, 9)
    ids, edits = [*TOKENS, *continuation], steering_edits(sae, SITE, SITE, [[FeatureEdit(4, "add", 30.0)]])
    with host.capture([SITE]) as plain:
        host.forward(torch.tensor([ids]))
    parts: dict[Tokens, range] = {"all": range(1, 9), "prompt": range(1, 6), "generated": range(6, 9)}
    for tokens, wanted in parts.items():
        prompt = EditedPrompt(host, TOKENS, 1, tokens)
        with host.capture([SITE], stop_early=False) as edited:
            prompt.log_probabilities(edits, [continuation])
        changed_P = (edited[SITE] != plain[SITE])[0].any(-1)
        assert changed_P.nonzero()[:, 0].tolist() == list(wanted)


def test_the_target_grows_with_the_strength_of_a_direction_that_writes_it(host: HookedModel):
    """The last block's stream is read by a linear map but for its norm: W_U's row is the direction of its token."""
    last, token, sae = Site("resid_post", host.n_layers - 1), 33, dictionary()
    norm = host.module_map.final_norm
    assert norm is not None
    row_D = host.model.get_output_embeddings().weight[token].detach()
    assert isinstance(norm.weight, Tensor)
    sae.W_dec.data[5] = torch.nn.functional.normalize(row_D / norm.weight.detach(), dim=0)
    prompt, before, found = EditedPrompt(host, TOKENS), -math.inf, []
    for strength in (0, 1, 3, 5, 10):
        edits = steering_edits(sae, last, last, [[FeatureEdit(5, "clamp", 4.0 * strength)]])
        [found_NV] = prompt.log_probabilities(edits, [(1, 2, 3)])
        here = log_probability_of_tokens(found_NV, [token])
        assert here > before
        before = here
        found.append(here)
    assert found[-1] - found[0] > 2


def test_a_strength_that_overflows_is_said(host: HookedModel):
    edits = steering_edits(dictionary(), SITE, SITE, [[FeatureEdit(4, "add", 1e38)]])
    with pytest.raises(InvalidStrength, match="take smaller strengths"):
        EditedPrompt(host, TOKENS).log_probabilities(edits, [(1, 2)])


def test_the_surprise_of_a_text_is_the_model_s_own_loss(host: HookedModel):
    prompt, text = EditedPrompt(host, TOKENS), (7, 8, 9, 11)
    longer_BNV = prompt.log_probabilities(NO_EDITS, [text, (1, 2, 3, 4, 5, 6)])
    labels = torch.tensor([[-100] * len(TOKENS) + list(text)])
    loss = host.model(input_ids=torch.tensor([[*TOKENS, *text]]), labels=labels).loss
    assert surprise(longer_BNV[0], text) == pytest.approx(float(loss), abs=1e-5)


def test_repetition_is_the_share_of_trigrams_that_stood_before():
    assert repetition([1, 2, 3, 4, 5]) == 0
    assert repetition([1, 1, 1, 1, 1]) == pytest.approx(2 / 3)
    assert repetition([1, 2, 3, 1, 2, 3]) == pytest.approx(1 / 4)
    assert repetition([1, 2]) == 0
