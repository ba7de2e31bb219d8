"""A two-layer GPT-2 whose weights are written by hand, so that which head does what is known.

The stream (width 96) is a one-hot token (16), a one-hot position (48), the token before (16) and the one to come (16).
Head 0.0 looks at the position before and copies its token; head 1.0 looks for the token whose predecessor equals the
current one and copies it to the last part, which the output reads. Heads 0.1 and 1.1 look everywhere alike and say
nothing, and so do the MLPs. A fixed head that looks back by position can be put in the place of 0.1.
"""

from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from models.language_model.hooked_model import HookedModel

VOCABULARY, POSITIONS, WIDTH, HEAD_WIDTH = 16, 48, 96, 48
TOKEN, POSITION, BEFORE, NEXT = 0, 16, 64, 80
"""Where each part of the stream begins."""
SHARPNESS = 1_000.0
"""So large that a softmax is 1 and 0 in float32."""


def induction_gpt2(fixed_offset: int | None = None) -> HookedModel:
    """The model, proven as every other; with a head 0.1 that always looks as far back, if an offset is given."""
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=POSITIONS,
        n_embd=WIDTH,
        n_layer=2,
        n_head=2,
        n_inner=8,
        bos_token_id=None,
        eos_token_id=None,
        tie_word_embeddings=False,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    model: Any = GPT2LMHeadModel(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.zero_()
    _embed(model)
    for n_ones, block in zip((2, 3), model.transformer.h, strict=True):
        _undo_norm(block.ln_1, n_ones, config.layer_norm_epsilon)
        block.ln_2.weight.fill_(1)
    _look_back(model.transformer.h[0].attn, head=0, offset=1)
    _copy(model.transformer.h[0].attn, head=0, to=BEFORE)
    if fixed_offset is not None:
        _look_back(model.transformer.h[0].attn, head=1, offset=fixed_offset)
    _look_for_predecessor(model.transformer.h[1].attn, head=0)
    _copy(model.transformer.h[1].attn, head=0, to=NEXT)
    model.transformer.ln_f.weight.fill_(1)
    tokens = torch.arange(VOCABULARY)
    model.lm_head.weight[tokens, NEXT + tokens] = 10
    model.lm_head.weight[tokens, TOKEN + tokens] = 1  # where nothing is known of what comes, the token itself
    host = HookedModel(model, letters(), True, "induction_gpt2", "", "")
    host.prove()
    return host


def letters() -> PreTrainedTokenizerFast:
    """A tokenizer of sixteen letters, without special tokens."""
    words = Tokenizer(models.WordLevel({chr(97 + i): i for i in range(VOCABULARY)}, unk_token="a"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=words)


def _embed(model: Any) -> None:
    model.transformer.wte.weight[:, TOKEN : TOKEN + VOCABULARY] = torch.eye(VOCABULARY)
    model.transformer.wpe.weight[:, POSITION : POSITION + POSITIONS] = torch.eye(POSITIONS)


def _undo_norm(norm: Any, n_ones: int, epsilon: float) -> None:
    """Gives the norm a gain and a bias with which it returns a stream of so many ones as it is."""
    mean = n_ones / WIDTH
    norm.weight.fill_((mean - mean**2 + epsilon) ** 0.5)
    norm.bias.fill_(mean)


def _parts(attention: Any, head: int) -> tuple[torch.Tensor, ...]:
    """The parts of the fused projection [in, out] that are a head's query, key and value."""
    weight = attention.c_attn.weight
    return tuple(weight[:, part * WIDTH + head * HEAD_WIDTH :][:, :HEAD_WIDTH] for part in range(3))


def _look_back(attention: Any, head: int, offset: int) -> None:
    query, key, _ = _parts(attention, head)
    places = torch.arange(POSITIONS)
    query[POSITION + places, places] = SHARPNESS
    key[POSITION + places[:-offset], places[offset:]] = 1


def _look_for_predecessor(attention: Any, head: int) -> None:
    query, key, _ = _parts(attention, head)
    tokens = torch.arange(VOCABULARY)
    query[TOKEN + tokens, tokens] = SHARPNESS
    key[BEFORE + tokens, tokens] = 1
    key[POSITION, :VOCABULARY] = -1  # the first position looks at itself, so that no token stands before it


def _copy(attention: Any, head: int, to: int) -> None:
    tokens = torch.arange(VOCABULARY)
    _parts(attention, head)[2][TOKEN + tokens, tokens] = 1
    attention.c_proj.weight[head * HEAD_WIDTH + tokens, to + tokens] = 1
