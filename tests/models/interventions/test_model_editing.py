"""ROME's identities on random models of three families, what an edit leaves behind, and what is refused."""

from pathlib import Path

import pytest
import torch
from tiny_models import save_tiny

from models.interventions.model_editing.down_projection import DownProjection, InvalidEdit
from models.interventions.model_editing.edit_measures import mean_loss, next_token_probabilities, ngram_entropy
from models.interventions.model_editing.key_covariance import KeyCovariance, key_covariances
from models.interventions.model_editing.patched_checkpoint import save_patched
from models.interventions.model_editing.rank_one_edit import RankOneEdit
from models.interventions.model_editing.rome import EditContext, EditRequest, RomeEdit, ValueSearch, rome_edit
from models.interventions.suffix_passes import SuffixPasses
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

PROMPT, POSITION, NEW = (70, 60, 61, 80, 81), 2, 123
MODULES = {
    "gpt2": "transformer.h.0.mlp.c_proj",
    "llama": "model.layers.0.mlp.down_proj",
    "gpt_neox": "gpt_neox.layers.0.mlp.dense_4h_to_h",
    "opt": "model.decoder.layers.0.fc2",
}


def texts(n: int, length: int) -> list[tuple[int, ...]]:
    chance = torch.Generator().manual_seed(n)
    return [tuple(torch.randint(5, 350, (length,), generator=chance).tolist()) for _ in range(n)]


REQUEST = EditRequest(
    [
        EditContext(PROMPT, POSITION),
        *(EditContext((*text, *PROMPT), length + POSITION) for length in (5, 9) for text in texts(2, length)),
    ],
    EditContext((60, 61, 90), 1),
    NEW,
)


@pytest.fixture(scope="module", params=list(MODULES))
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    """OPT among them because its MLP reads the positions of all rows as one axis."""
    return HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))), device="cpu")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> HookedModel:
    return HookedModel.load(str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))), device="cpu")


def edited(host: HookedModel, request: EditRequest = REQUEST, **search: float) -> RomeEdit:
    covariance = key_covariances(host, [0], texts(20, 12))[0]
    return rome_edit(host, 0, request, covariance, 1e-4, ValueSearch(**{"steps": 4} | search))  # type: ignore[arg-type]


def test_the_change_has_rank_one_gives_the_key_its_value_and_leaves_no_bit_behind(host: HookedModel):
    found = edited(host)
    module = host.model.get_submodule(found.edit.module)
    assert found.edit.module == MODULES[host.model.config.model_type]
    before = module.weight.detach().clone()
    with found.edit.applied(host):
        change = (module.weight - before).double()
        value_D = module(found.key_E.float()[None])[0].double()
    singular = torch.linalg.svdvals(change)
    assert singular[1] < 1e-5 * singular[0]
    assert float((value_D - found.value_D).abs().max()) <= 2e-6
    assert torch.equal(module.weight, before)


def test_the_new_object_becomes_likelier_behind_a_prompt_that_is_the_only_context(host: HookedModel):
    before = next_token_probabilities(host, [PROMPT])[0, NEW]
    with edited(host, EditRequest(REQUEST.contexts[:1], REQUEST.essence, NEW)).edit.applied(host):
        assert next_token_probabilities(host, [PROMPT])[0, NEW] > before


def test_the_key_is_what_the_down_projection_reads_averaged_over_the_contexts(host: HookedModel):
    """Seen by a torch hook of its own, which knows nothing of the map."""
    found, keys = edited(host, steps=1), list[torch.Tensor]()
    module = host.model.get_submodule(found.edit.module)
    for context in REQUEST.contexts:
        hook = module.register_forward_pre_hook(lambda _, args, at=context.position: keys.append(_rows(args[0])[at]))
        with torch.no_grad():
            host.model(input_ids=torch.tensor([context.token_ids]))
        hook.remove()
    torch.testing.assert_close(found.key_E, torch.stack(keys).double().mean(0), atol=1e-6, rtol=1e-5)
    assert float(found.edit.u_E.double() @ found.key_E) == pytest.approx(1, abs=1e-6)


def _rows(x: torch.Tensor) -> torch.Tensor:
    return x[0] if x.ndim == 3 else x


def test_the_value_that_is_searched_for_is_the_one_that_gradient_descent_by_hand_finds(gpt2: HookedModel):
    """One step of Adam moves each number of v0 by the learning rate against the sign of the loss's gradient, here by
    whole passes of the plain model."""
    found = edited(gpt2, steps=1, weight_decay=0, kl_factor=0, learning_rate=0.1)
    change_D = torch.zeros(32, requires_grad=True)
    losses = []
    for context in REQUEST.contexts:

        def add(_: object, __: object, output: torch.Tensor, at: int = context.position) -> torch.Tensor:
            return output + torch.nn.functional.one_hot(torch.tensor(at), output.shape[1])[None, :, None] * change_D

        hook = gpt2.model.get_submodule(found.edit.module).register_forward_hook(add)
        losses.append(-gpt2.model(input_ids=torch.tensor([context.token_ids])).logits[0, -1].log_softmax(-1)[NEW])
        hook.remove()
    [gradient_D] = torch.autograd.grad(torch.stack(losses).mean(), [change_D])
    step = 0.1 * found.original_D.norm() / 32**0.5
    wanted_D = -step * gradient_D.double().sign()
    torch.testing.assert_close(found.value_D - found.original_D, wanted_D, atol=1e-4, rtol=1e-3)


def test_passes_that_remember_the_beginning_say_what_whole_passes_say(host: HookedModel):
    ids_BP = torch.tensor(texts(3, 9))
    passes = SuffixPasses.of(host, ids_BP, 6)
    assert passes.start == 6
    for _ in range(2):  # the cache is not used up
        torch.testing.assert_close(passes.logits(), host.model(input_ids=ids_BP).logits[:, -1], atol=1e-5, rtol=1e-5)


def test_a_long_change_is_cut(gpt2: HookedModel):
    found = edited(gpt2, learning_rate=5.0, largest_change=0.5)
    change = (found.value_D - found.original_D).norm()
    assert float(change / found.original_D.norm()) == pytest.approx(0.5, abs=1e-4)


def test_the_covariance_is_the_second_moment_of_what_the_down_projection_reads(gpt2: HookedModel):
    batch = texts(20, 12)
    found = key_covariances(gpt2, [1, 2], batch, n_special=1)
    with gpt2.capture([Site("mlp_act", 1)]) as seen:
        gpt2.forward(torch.tensor(batch))
    key_NE = seen[Site("mlp_act", 1)][:, 1:].flatten(0, 1).double()
    torch.testing.assert_close(found[1].moment_EE, key_NE.T @ key_NE / len(key_NE), atol=1e-6, rtol=1e-5)
    assert (found[1].n_tokens, sorted(found)) == (20 * 11, [1, 2])


def test_a_covariance_that_is_not_invertible_says_what_to_do(gpt2: HookedModel):
    few = key_covariances(gpt2, [0], texts(2, 12))[0]
    with pytest.raises(InvalidEdit, match=r"48 neurons over 24 tokens is not invertible with a ridge of 0: read more"):
        few.solve(torch.ones(48), 0)
    assert few.solve(torch.ones(48), 1e-3).isfinite().all()
    with pytest.raises(InvalidEdit, match="not invertible"):
        KeyCovariance(torch.zeros(4, 4, dtype=torch.float64), 9).solve(torch.ones(4), 1e-3)


def test_an_edit_is_kept_in_a_file_and_refused_by_another_model(gpt2: HookedModel, tmp_path: Path):
    found = edited(gpt2).edit
    found.save(tmp_path / "edit.safetensors")
    loaded = RankOneEdit.load(tmp_path / "edit.safetensors")
    with found.applied(gpt2):
        wanted = next_token_probabilities(gpt2, [PROMPT])
    with loaded.applied(gpt2):
        assert torch.equal(next_token_probabilities(gpt2, [PROMPT]), wanted)
    other = HookedModel.load(str(save_tiny("gpt_neox", tmp_path / "other")), device="cpu")
    with pytest.raises(InvalidEdit, match="was made on weights"), loaded.applied(other):
        pass
    (tmp_path / "edit.safetensors").write_bytes(b"no")
    with pytest.raises(InvalidEdit, match="cannot be read as safetensors"):
        RankOneEdit.load(tmp_path / "edit.safetensors")


def test_a_patched_checkpoint_is_the_edited_model(gpt2: HookedModel, tmp_path: Path):
    with edited(gpt2).edit.applied(gpt2):
        save_patched(gpt2, tmp_path / "patched")
        wanted = next_token_probabilities(gpt2, [PROMPT])
    again = HookedModel.load(str(tmp_path / "patched"), device="cpu")
    assert torch.equal(next_token_probabilities(again, [PROMPT]), wanted)
    assert not torch.equal(next_token_probabilities(gpt2, [PROMPT]), wanted)
    with pytest.raises(InvalidEdit, match="is not empty"):
        save_patched(gpt2, tmp_path / "patched")


def test_what_has_no_single_down_projection_in_float32_is_refused(gpt2: HookedModel, tmp_path: Path):
    mixed = HookedModel.load(str(save_tiny("mixtral", tmp_path / "mixtral")), device="cpu")
    with pytest.raises(InvalidEdit, match="a mixture of experts has several"):
        DownProjection.of(mixed, 1)
    half = HookedModel.load(gpt2.source, dtype="bfloat16", device="cpu")
    with pytest.raises(InvalidEdit, match=r"is held in bfloat16, .* set `dtype: float32`"):
        DownProjection.of(half, 1)
    with pytest.raises(ValueError, match="asks for block 3, but the model has blocks 0 to 2"):
        DownProjection.of(gpt2, 3)


def test_measures_of_prompts_of_unequal_length_are_those_of_each_alone(gpt2: HookedModel):
    prompts = [PROMPT, *texts(2, 3)]
    together = next_token_probabilities(gpt2, prompts)
    for row, prompt in zip(together, prompts, strict=True):
        torch.testing.assert_close(row, next_token_probabilities(gpt2, [prompt])[0], atol=1e-7, rtol=1e-5)
    logits = gpt2.model(input_ids=torch.tensor([PROMPT])).logits[0, 1:-1]
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor(PROMPT[2:]))
    assert mean_loss(gpt2, [PROMPT], n_special=2) == pytest.approx(float(wanted), rel=1e-5)


def test_the_entropy_of_grams():
    assert ngram_entropy([1, 1, 1, 1]) == 0
    # Four bigrams and three trigrams, all different: (2/3 · 2 + 4/3 · log2 3) / 2.
    assert ngram_entropy([1, 2, 3, 4, 5]) == pytest.approx((4 / 3 + 4 / 3 * 1.584962500721156) / 2)
    assert ngram_entropy([1]) == 0
