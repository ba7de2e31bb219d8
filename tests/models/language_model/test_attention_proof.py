"""A model's attention is proven when first asked for; a model whose attention fails loads and says why it has none.

Truth: the model's own eager function is replaced by one that breaks a promise, and passes of the model are counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from tiny_models import LAYERS, save_tiny
from torch import Tensor
from transformers.models.llama import modeling_llama

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(save_tiny("llama", tmp_path_factory.mktemp("llama")))


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


def _load(folder: str) -> HookedModel:
    return HookedModel.load(folder, device="cpu")


def _logits(hooked: HookedModel, token_ids: Tensor) -> Tensor:
    logits = hooked.forward(token_ids)
    assert logits is not None
    return logits


@contextmanager
def _passes(hooked: HookedModel) -> Iterator[list[int]]:
    """The number of positions of every pass of the model."""
    found: list[int] = []
    embed = hooked.model.get_input_embeddings()
    handle = embed.register_forward_pre_hook(lambda _, args: found.append(args[0].shape[1]))
    yield found
    handle.remove()


USES: dict[str, Callable[[HookedModel], object]] = {
    "the list": lambda hooked: hooked.attention_sites,
    "the width": lambda hooked: hooked.width(Site("z", 1)),
    "a capture": lambda hooked: hooked.capture([Site("q", 0)]).__enter__(),
    "an edit": lambda hooked: hooked.intervene({Site("attn_pattern", 2): torch.clone}).__enter__(),
}


@pytest.mark.parametrize("use", USES)
def test_attention_is_proven_once_and_on_first_use(folder, use):
    hooked = _load(folder)
    with _passes(hooked) as passes:
        with hooked.capture(hooked.sites), hooked.intervene({Site("resid_post", 0): torch.clone}):
            assert passes == []
        USES[use](hooked)
        assert passes == [4, 4]
        for again in USES.values():
            again(hooked)
        assert passes == [4, 4]
    assert len(hooked.attention_sites) == 5 * LAYERS


def test_the_proof_is_not_seen_by_what_is_open(folder, token_ids):
    fresh, hooked, seen = _load(folder), _load(folder), []

    def double(x: Tensor) -> Tensor:
        seen.append(x.shape[1])
        return x * 2

    edits, wanted = {Site("resid_mid", 0): double}, [Site("resid_post", 1)]
    assert fresh.attention_sites
    with fresh.intervene(edits), fresh.capture([Site("z", 2)], stop_early=False) as by_fresh:
        fresh.forward(token_ids)
    seen.clear()
    with hooked.intervene(edits), hooked.capture(wanted, stop_early=False) as outer:
        hooked.forward(token_ids)
        before = outer[wanted[0]]
        with hooked.capture([Site("z", 2)], stop_early=False) as found:
            assert torch.equal(outer[wanted[0]], before)
            assert seen == [12]
            hooked.forward(token_ids)
    assert torch.equal(found[Site("z", 2)], by_fresh[Site("z", 2)])
    assert seen == [12, 12]


def test_a_proof_within_a_pass_is_refused_and_made_later(folder, token_ids):
    hooked = _load(folder)

    def ask(x: Tensor) -> Tensor:
        assert hooked.attention_sites
        return x

    with hooked.intervene({Site("resid_post", 0): ask}), pytest.raises(RuntimeError, match="one is under way"):
        hooked.forward(token_ids)
    assert len(hooked.attention_sites) == 5 * LAYERS


def _half(*args, **options) -> tuple[Tensor, Tensor]:
    z, pattern = EAGER(*args, **options)
    return z / 2, pattern


def _none(*args, **options) -> tuple[Tensor, None]:
    return EAGER(*args, **options)[0], None


EAGER = modeling_llama.eager_attention_forward
BROKEN = {_half: r"z\.0 is not attn_pattern\.0 · v\.0", _none: "a pass in which it is read fails"}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_model_whose_attention_is_not_what_it_should_be_loads_and_has_no_attention_sites(
    folder, token_ids, monkeypatch, broken
):
    monkeypatch.setattr(modeling_llama, "eager_attention_forward", broken)
    hooked = _load(folder)
    assert hooked.attention_sites == []
    implementation = hooked.model.config._attn_implementation
    assert implementation != "glasshouse"
    with hooked.capture(hooked.sites, stop_early=False) as found:
        hooked.forward(token_ids)
    assert set(found) == set(hooked.sites)
    with pytest.raises(ValueError, match=BROKEN[broken]):
        hooked.capture([Site("q", 1)]).__enter__()


UNREAD = ("falcon", "bloom", "stablelm", "gpt_neo", "gptj", "codegen", "mpt")


@pytest.mark.parametrize("kind", UNREAD)
def test_a_site_of_attention_that_cannot_be_read_is_refused_before_anything_runs(kind, tmp_path, token_ids):
    hooked = _load(str(save_tiny(kind, tmp_path)))
    uses = (
        lambda site: hooked.width(site),
        lambda site: hooked.capture([Site("resid_post", 0), site]).__enter__(),
        lambda site: hooked.intervene({Site("resid_post", 0): torch.zeros_like, site: torch.zeros_like}).__enter__(),
    )
    plain = _logits(hooked, token_ids)
    said = (
        rf"{hooked.architecture} has no z\.1: its attention cannot be read, because its code .*"
        rf"It has .*resid_pre.*attn_out.*: take one of these, such as attn_out\.1.*or another model"
    )
    with _passes(hooked) as passes:
        for use in uses:
            with pytest.raises(ValueError, match=said):
                use(Site("z", 1))
        assert passes == []
    assert torch.equal(_logits(hooked, token_ids), plain)
