"""What the host reads is what the plain model computes; what it edits is what a change of the model itself would do.

Truth comes from the plain model: its hidden states, its modules called by hand, its weights set to zero.
"""

import copy
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import pytest
import torch
from tiny_models import LAYERS, NEURONS, WIDTH, save_tiny
from torch import Tensor

from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site


class Parts(NamedTuple):
    """Where a kind keeps its blocks, and what a block computes between its sites, by its own modules."""

    blocks: str
    attention_output: str
    norm: Callable[[Any, Tensor], Tensor]
    mlp: Callable[[Any, Tensor], Tensor]
    down: Callable[[Any, Tensor], Tensor]
    down_projection: str


def _llama(**changes: Any) -> Parts:
    llama = Parts(
        blocks="model.layers",
        attention_output="self_attn.o_proj",
        norm=lambda block, x: block.post_attention_layernorm(x),
        mlp=lambda block, x: block.mlp(x),
        down=lambda block, x: block.mlp.down_proj(x),
        down_projection="mlp.down_proj",
    )
    return llama._replace(**changes)


def _bert(blocks: str) -> Parts:
    return Parts(
        blocks,
        attention_output="attention.output.dense",
        norm=lambda _, x: x,
        mlp=lambda block, x: block.output.dense(block.intermediate(x)),
        down=lambda block, x: block.output.dense(x),
        down_projection="output.dense",
    )


LLAMA = _llama()
NEOX = _llama(
    blocks="gpt_neox.layers",
    attention_output="attention.dense",
    down=lambda block, x: block.mlp.dense_4h_to_h(x),
    down_projection="mlp.dense_4h_to_h",
)
GEMMA = _llama(
    norm=lambda block, x: block.pre_feedforward_layernorm(x),
    mlp=lambda block, x: block.post_feedforward_layernorm(block.mlp(x)),
    down=lambda block, x: block.post_feedforward_layernorm(block.mlp.down_proj(x)),
)
PARTS = {
    "gpt2": _llama(
        blocks="transformer.h",
        attention_output="attn.c_proj",
        norm=lambda block, x: block.ln_2(x),
        down=lambda block, x: block.mlp.c_proj(x),
        down_projection="mlp.c_proj",
    ),
    "gpt_neox": NEOX,
    "gpt_neox_sequential": NEOX,
    **dict.fromkeys(["llama", "gemma", "qwen2", "qwen3", "mistral", "phi3", "mixtral"], LLAMA),
    "qwen3_moe": LLAMA,  # dense and sparse blocks in turn
    "starcoder2": _llama(down=lambda block, x: block.mlp.c_proj(x), down_projection="mlp.c_proj"),
    **dict.fromkeys(["gemma2", "gemma3"], GEMMA),
    "bert": _bert("bert.encoder.layer"),
    "roberta": _bert("roberta.encoder.layer"),
    "distilbert": Parts(
        blocks="distilbert.transformer.layer",
        attention_output="attention.out_lin",
        norm=lambda _, x: x,
        mlp=lambda block, x: block.ffn(x),
        down=lambda block, x: block.ffn.lin2(x),
        down_projection="ffn.lin2",
    ),
    "modernbert": _llama(
        attention_output="attn.Wo",
        norm=lambda block, x: block.mlp_norm(x),
        down=lambda block, x: block.mlp.Wo(x),
        down_projection="mlp.Wo",
    ),
}
POST_NORMED = ("bert", "roberta", "distilbert")
CAUSAL = tuple(kind for kind in PARTS if "bert" not in kind)
ALIKE = ("gemma", "qwen2", "mistral", "phi3", "roberta", "starcoder2", "qwen3_moe")
"""Kinds whose map and block are another kind's: they are read in full, and edited through that other kind."""
STEP = torch.linspace(-2, 2, WIDTH)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory) -> Callable[[str], HookedModel]:
    """Loads each kind once; a fresh copy is not needed, for nothing may change a host."""
    loaded: dict[str, HookedModel] = {}

    def load(kind: str) -> HookedModel:
        if kind not in loaded:
            loaded[kind] = HookedModel.load(str(save_tiny(kind, tmp_path_factory.mktemp(kind))), device="cpu")
        return loaded[kind]

    return load


@pytest.fixture(params=PARTS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def host(kind, hosts) -> HookedModel:
    return hosts(kind)


each_block = pytest.mark.parametrize("kind", [kind for kind in PARTS if kind not in ALIKE])


@pytest.fixture(params=[True, False], ids=["padded", "whole"])
def batch(request) -> tuple[Tensor, Tensor | None]:
    """Three rows of token ids; the second ends early when padded."""
    token_ids_BP = torch.randint(5, 200, (3, 14), generator=torch.Generator().manual_seed(1))
    mask_BP = torch.ones_like(token_ids_BP)
    mask_BP[1, 9:] = 0
    return token_ids_BP, mask_BP if request.param else None


@pytest.fixture
def token_ids() -> Tensor:
    return torch.randint(5, 200, (2, 12), generator=torch.Generator().manual_seed(2))


def _plain(host: HookedModel, token_ids: Tensor, mask: Tensor | None = None, **options: Any) -> Any:
    """The model as transformers runs it, its mask spelled out as a tokenizer does."""
    return host.model(input_ids=token_ids, attention_mask=mask, **options)


def _blocks(host: HookedModel, kind: str) -> Any:
    return attrgetter(PARTS[kind].blocks)(host.model)


def _site(text: str) -> Site:
    return Site.parse(text)


def _read(host: HookedModel, token_ids: Tensor, *texts: str) -> list[Tensor]:
    with host.capture([_site(text) for text in texts], stop_early=False) as found:
        host.forward(token_ids)
    return [found[_site(text)] for text in texts]


def test_a_host_knows_its_sizes(host, kind):
    assert (host.n_layers, host.d_model, host.is_causal) == (LAYERS, WIDTH, kind in CAUSAL)
    assert host.architecture == type(host.model).__name__
    assert host.vocab_size == len(host.tokenizer)
    assert host.n_parameters == sum(w.numel() for w in {id(w): w for w in host.model.parameters()}.values())
    widths = {site: host.width(site) for site in host.sites}
    wide = {"mlp_act": NEURONS, "logits": host.vocab_size}
    assert widths == {site: wide.get(site.kind, WIDTH) for site in host.sites}
    lacking = kind in ("gpt_neox", "mixtral", "qwen3_moe")
    assert len(host.sites) == 2 + (kind in CAUSAL or kind == "modernbert") + (8 - lacking) * LAYERS
    assert len(host.attention_sites) == 5 * LAYERS


def test_reading_every_site_leaves_the_logits_as_they_were_bit_for_bit(host, batch):
    plain = _plain(host, *batch).logits
    with host.capture(host.sites, stop_early=False) as found:
        logits = host.forward(*batch)
    assert torch.equal(logits, plain)
    assert torch.equal(host.forward(*batch), plain)
    assert set(found) == set(host.sites)
    assert all(x.shape == (*batch[0].shape, host.width(site)) for site, x in found.items())
    assert not any(x.requires_grad for x in (logits, *found.values()))


def test_the_residual_stream_is_the_plain_models_hidden_states(host, batch, kind):
    states = _plain(host, *batch, output_hidden_states=True).hidden_states
    with host.capture(host.sites, stop_early=False) as found:
        host.forward(*batch)
    for layer in range(LAYERS):
        assert torch.equal(found[Site("resid_pre", layer)], states[layer])
        if layer:
            assert torch.equal(found[Site("resid_post", layer - 1)], found[Site("resid_pre", layer)])
    last = found[Site("resid_post", LAYERS - 1)]
    norm = host.module_map.final_norm
    assert torch.equal(last if norm is None else norm(last), states[-1])


def test_embed_is_the_token_embedding_and_the_first_stream_where_nothing_is_between(host, token_ids, kind):
    embed, first = _read(host, token_ids, "embed", "resid_pre.0")
    weight = host.model.get_input_embeddings().weight
    scale = WIDTH**0.5 if kind.startswith("gemma") else 1
    assert torch.equal(embed, weight[token_ids] * torch.tensor(scale))
    if kind == "gpt2":
        assert torch.equal(first, embed + host.model.transformer.wpe.weight[: token_ids.shape[1]])
    elif kind in CAUSAL:
        assert torch.equal(first, embed)


def test_the_stream_is_the_sum_of_what_is_added_to_it(host, token_ids, kind):
    for layer in range(LAYERS):
        names = ("resid_pre", "attn_out", "mlp_out", "resid_post")
        pre, attn, mlp, post = _read(host, token_ids, *(f"{name}.{layer}" for name in names))
        if kind == "gpt_neox":
            assert torch.equal(mlp + attn + pre, post)
            continue
        (mid,) = _read(host, token_ids, f"resid_mid.{layer}")
        if kind in POST_NORMED:
            moments = {"mean": mid.mean(-1).abs().max(), "post": post.mean(-1).abs().max()}
            block = _blocks(host, kind)[layer]
            norms = (block.sa_layer_norm, block.output_layer_norm) if kind == "distilbert" else (
                block.attention.output.LayerNorm, block.output.LayerNorm)  # fmt: skip
            assert torch.equal(norms[0](attn + pre), mid), moments
            assert torch.equal(norms[1](mlp + mid), post), moments
        else:
            assert torch.equal(pre + attn, mid)
            assert torch.equal(mid + mlp, post)


def test_the_mlps_sites_follow_from_each_other_by_its_own_modules(host, token_ids, kind):
    parts = PARTS[kind]
    for layer, block in enumerate(_blocks(host, kind)):
        before = "resid_pre" if kind == "gpt_neox" else "resid_mid"
        stream, mlp_in, mlp_out = _read(host, token_ids, *(f"{name}.{layer}" for name in (before, "mlp_in", "mlp_out")))
        assert torch.equal(parts.norm(block, stream), mlp_in)
        assert torch.equal(parts.mlp(block, mlp_in), mlp_out)
        if kind not in ("mixtral", "qwen3_moe"):
            (mlp_act,) = _read(host, token_ids, f"mlp_act.{layer}")
            assert torch.equal(parts.down(block, mlp_act), mlp_out)


def test_a_stopped_pass_reads_the_same_and_never_enters_later_blocks(host, batch, kind):
    entered: list[int] = []
    blocks = _blocks(host, kind)
    handles = [b.register_forward_pre_hook(lambda *_, i=i: entered.append(i)) for i, b in enumerate(blocks)]
    head = host.model.get_output_embeddings().register_forward_pre_hook(lambda *_: entered.append(-1))
    wanted = [_site("attn_out.1"), _site("embed"), _site("resid_pre.1")]
    with host.capture(wanted) as found:
        assert host.forward(*batch) is None
        assert entered == [0, 1]
    entered.clear()
    with host.capture(wanted, stop_early=False) as all_found:
        assert torch.equal(host.forward(*batch), _plain(host, *batch).logits)
    assert entered == [*range(LAYERS), -1] * 2
    assert all(torch.equal(found[site], all_found[site]) for site in wanted)
    for handle in (*handles, head):
        handle.remove()


@each_block
def test_no_hook_is_left_behind_after_a_stop_or_an_error(host, token_ids):
    def fail(x_BPD: Tensor) -> Tensor:
        raise ZeroDivisionError

    def hooks() -> list[int]:  # transformers keeps hooks of its own there
        return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in host.model.modules()]

    before = hooks()
    with host.capture([_site("resid_post.0")]):
        host.forward(token_ids)
    last, edits = [_site("resid_post.2")], {_site("mlp_in.1"): fail}
    with pytest.raises(ZeroDivisionError), host.capture(last), host.intervene(edits):
        host.forward(token_ids)
    assert hooks() == before
    assert torch.equal(host.forward(token_ids), _plain(host, token_ids).logits)


def test_an_inner_reading_does_not_cut_the_outer_one_short(hosts, token_ids):
    host = hosts("llama")
    with host.capture([_site("resid_post.1")]) as outer, host.capture([_site("resid_post.0")]) as inner:
        assert host.forward(token_ids) is None
        assert (len(outer), len(inner)) == (1, 1)
    with host.capture([_site("resid_post.1")], stop_early=False) as outer, host.capture([_site("resid_post.0")]):
        assert host.forward(token_ids) is not None
        assert len(outer) == 1


def test_a_reading_holds_the_latest_pass(hosts, token_ids):
    host = hosts("gpt2")
    with host.capture([_site("resid_post.@0.5")]) as found:
        for some in (token_ids, token_ids[:, :5]):
            host.forward(some)
            assert torch.equal(found[_site("resid_post.@0.5")], _read(host, some, "resid_post.1")[0])


@each_block
def test_edits_that_change_nothing_leave_the_logits_as_they_were_bit_for_bit(host, batch):
    plain = host.forward(*batch)
    for site in host.sites:
        with host.intervene({site: lambda x_BPD: x_BPD}):
            assert torch.equal(host.forward(*batch), plain), site


@each_block
@pytest.mark.parametrize("layer", [0, LAYERS - 1])
def test_setting_what_is_added_to_zero_is_setting_the_projections_weights_to_zero(host, batch, kind, layer):
    wanted = {"attn_out": PARTS[kind].attention_output, "mlp_out": PARTS[kind].down_projection}
    if kind == "mixtral":
        wanted.pop("mlp_out")
    for site, projection in wanted.items():
        silenced = copy.deepcopy(host.model)
        block = attrgetter(PARTS[kind].blocks)(silenced)[layer]
        for weight in attrgetter(projection)(block).parameters():
            weight.zero_()
        with host.intervene({Site(site, layer): torch.zeros_like}):
            logits = host.forward(*batch)
        assert torch.equal(logits, silenced(input_ids=batch[0], attention_mask=batch[1]).logits), site
        assert not torch.equal(logits, host.forward(*batch))


@each_block
@pytest.mark.parametrize("layer", [0, LAYERS - 1])
def test_adding_to_a_blocks_output_is_a_block_that_adds(host, batch, kind, layer, monkeypatch):
    logits = []
    for site in (Site("resid_post", layer), Site("resid_pre", layer + 1)):
        if site.layer != LAYERS:
            with host.intervene({site: lambda x_BPD: x_BPD + STEP}):
                logits.append(host.forward(*batch))
    block = _blocks(host, kind)[layer]
    forward = block.forward
    monkeypatch.setattr(block, "forward", lambda *args, **kwargs: forward(*args, **kwargs) + STEP)
    assert all(torch.equal(found, _plain(host, *batch).logits) for found in logits)


def test_adding_to_the_last_stream_moves_the_logits_as_norm_and_head_say(hosts, token_ids):
    for kind in CAUSAL:
        host = hosts(kind)
        (last,) = _read(host, token_ids, f"resid_post.{LAYERS - 1}")
        with host.intervene({Site("resid_post", LAYERS - 1): lambda x_BPD: x_BPD + STEP}):
            logits = host.forward(token_ids)
        norm = host.module_map.final_norm
        assert norm is not None
        wanted = host.model.get_output_embeddings()(norm(last + STEP))
        cap = getattr(host.model.config, "final_logit_softcapping", None)
        assert torch.equal(logits, wanted if cap is None else torch.tanh(wanted / cap) * cap), kind


def test_adding_to_embed_is_feeding_other_embeddings(hosts, token_ids):
    for kind in CAUSAL:
        host = hosts(kind)
        with host.intervene({_site("embed"): lambda x_BPD: x_BPD + STEP}):
            logits = host.forward(token_ids)
        embeds = host.model.get_input_embeddings()(token_ids) + STEP
        assert torch.equal(logits, host.model(inputs_embeds=embeds).logits), kind


@each_block
def test_an_edit_between_attention_and_mlp_reaches_the_stream_and_one_before_the_mlp_does_not(host, token_ids, kind):
    block, parts = _blocks(host, kind)[1], PARTS[kind]
    chosen = torch.randn(*token_ids.shape, WIDTH, generator=torch.Generator().manual_seed(3))
    with host.intervene({_site("mlp_in.1"): lambda _: chosen}):
        attn, pre, post, mlp_out = _read(host, token_ids, "attn_out.1", "resid_pre.1", "resid_post.1", "mlp_out.1")
    assert torch.equal(mlp_out, parts.mlp(block, chosen))
    if kind == "gpt_neox":
        assert torch.equal(post, mlp_out + attn + pre)
        return
    norm_after = (lambda x: x) if kind not in POST_NORMED else (
        block.output_layer_norm if kind == "distilbert" else block.output.LayerNorm)  # fmt: skip
    (mid,) = _read(host, token_ids, "resid_mid.1")
    assert torch.equal(post, norm_after(mid + mlp_out))
    with host.intervene({_site("resid_mid.1"): lambda _: chosen}):
        read, post = _read(host, token_ids, "resid_mid.1", "resid_post.1")
    assert torch.equal(read, chosen)
    assert torch.equal(post, norm_after(chosen + parts.mlp(block, parts.norm(block, chosen))))


@each_block
def test_an_edited_site_is_read_as_edited_whichever_began_first(host, token_ids):
    for site in host.sites:
        with (
            host.capture([site], stop_early=False) as outer,
            host.intervene({site: torch.ones_like}),
            host.capture([site]) as inner,
        ):
            host.forward(token_ids)
        assert outer[site].eq(1).all(), site
        assert inner[site].eq(1).all(), site


def test_of_two_edits_of_a_site_the_inner_one_comes_first(hosts, token_ids):
    host = hosts("qwen3")
    for text in ("resid_mid.1", "resid_post.1", "resid_pre.1"):
        with host.intervene({_site(text): lambda x: x * 3}), host.intervene({_site(text): torch.ones_like}):
            assert _read(host, token_ids, text)[0].eq(3).all()


def test_an_edit_may_write_into_what_it_is_given_and_answer_in_another_dtype(hosts, token_ids):
    host = hosts("llama")

    def write(x_BPD: Tensor) -> Tensor:
        x_BPD[:, -1] = 7
        return x_BPD.double()

    (before,) = _read(host, token_ids, "resid_post.0")
    first = [_site("resid_post.0")]
    with host.capture(first, stop_early=False) as found, host.intervene({_site("resid_pre.1"): write}):
        host.forward(token_ids)
        assert torch.equal(found[_site("resid_post.0")], before)
        (after,) = _read(host, token_ids, "resid_pre.1")
    assert after[:, -1].eq(7).all()
    assert torch.equal(after[:, :-1], before[:, :-1])


GENERATED = [(kind, "resid_post.1") for kind in CAUSAL if kind not in ALIKE]
GENERATED += [("gpt2", "resid_mid.1"), ("gemma3", "resid_mid.1"), ("llama", "mlp_out.2"), ("gpt_neox", "attn_out.1")]


@pytest.mark.parametrize(("kind", "text"), GENERATED)
def test_steered_generation_is_the_same_with_and_without_a_cache_and_by_hand(hosts, kind, text):
    host, seen, steer = hosts(kind), [], 3 * torch.linspace(-1, 1, WIDTH)
    prompt = torch.randint(5, 200, (1, 6), generator=torch.Generator().manual_seed(4))
    options = {"max_new_tokens": 10, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    options |= {"attention_mask": torch.ones_like(prompt)}

    def add(x_BPD: Tensor) -> Tensor:
        seen.append(x_BPD.shape[1])
        return x_BPD + steer

    plain = host.model.generate(prompt, **options)
    with host.intervene({_site(text): add}):
        cached = host.model.generate(prompt, use_cache=True, **options)
        assert seen == [6] + [1] * 9
        uncached = host.model.generate(prompt, use_cache=False, **options)
        by_hand = prompt
        for _ in range(10):
            logits = host.forward(by_hand)
            assert logits is not None
            by_hand = torch.cat([by_hand, logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(cached, uncached)
    assert torch.equal(cached, by_hand)
    assert not torch.equal(cached, plain)
    assert torch.equal(host.model.generate(prompt, **options), plain)


SLOPES = [
    (kind, text)
    for kind in ("gpt2", "bert")
    for text in ("resid_post.1", "resid_mid.0", "mlp_in.2", "embed", "mlp_act.1")
]
SLOPES += [("gpt_neox", "attn_out.0"), ("gpt_neox_sequential", "resid_mid.1")]


@pytest.mark.parametrize(("kind", "text"), SLOPES)
def test_the_gradient_of_what_an_edit_adds_agrees_with_a_finite_difference(hosts, kind, text):
    host = hosts(kind)
    model = copy.deepcopy(host.model).double()
    double = HookedModel(model, host.tokenizer, host.is_causal, "", "", "")
    double.prove()
    token_ids = torch.randint(5, 200, (1, 6), generator=torch.Generator().manual_seed(5))
    step = torch.zeros(host.width(_site(text)), dtype=torch.float64, requires_grad=True)
    ahead = torch.randn(len(step), generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def metric(step: Tensor) -> Tensor:
        with double.intervene({_site(text): lambda x_BPD: x_BPD + step}):
            logits = double.forward(token_ids)
        assert logits is not None
        return logits[0, -1].log_softmax(-1)[7]

    metric(step).backward()
    assert step.grad is not None
    with torch.no_grad():
        slope = (metric(1e-5 * ahead) - metric(-1e-5 * ahead)) / 2e-5
    torch.testing.assert_close(step.grad @ ahead, slope, rtol=1e-6, atol=1e-9)


def test_an_edit_of_another_shape_is_refused(hosts, token_ids):
    host = hosts("gpt2")
    said = r"edit of resid_post\.1 was given \(2, 12, 32\) and returned \(2, 11, 32\): return the same shape"
    with host.intervene({_site("resid_post.1"): lambda x_BPD: x_BPD[:, 1:]}), pytest.raises(ValueError, match=said):
        host.forward(token_ids)


def test_a_site_that_a_model_does_not_have_is_refused_with_those_it_has(hosts):
    wanted = {
        ("gpt_neox", "resid_mid.1"): "has no resid_mid.1: its attention and MLP read the same stream side by side",
        ("mixtral", "mlp_act.0"): "has no mlp_act.0: not every block's MLP has one down projection",
        ("gpt2", "resid_post.3"): "asks for block 3, but the model has blocks 0 to 2",
    }
    for (kind, text), said in wanted.items():
        host = hosts(kind)
        for use in (
            lambda h, s: h.width(s),
            lambda h, s: h.capture([s]).__enter__(),
            lambda h, s: h.intervene({s: abs}).__enter__(),
        ):
            with pytest.raises(ValueError, match=said):
                use(host, _site(text))
