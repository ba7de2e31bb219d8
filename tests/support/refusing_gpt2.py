"""A GPT-2 that refuses by construction: harmful tokens carry a direction that attention spreads and the head reads."""

from pathlib import Path

import torch
from tiny_models import save_tiny
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from models.language_model.hooked_model import HookedModel

WIDTH, HARMLESS, HARMFUL, REFUSE, COMPLY, LAST = 32, range(10, 30), range(30, 50), 60, 61, 62


def refusing_gpt2(tmp_path: Path) -> tuple[HookedModel, Tensor]:
    """The model and the direction u. A harmful token is a harmless one with 3 u; a head that looks everywhere alike
    carries u to the last token, whose logits weigh u for refusal against a constant for compliance."""
    folder = save_tiny("gpt2", tmp_path / "weights")
    chance = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.cat([torch.ones(WIDTH, 1), torch.randn(WIDTH, 5, generator=chance)], 1)).Q.T
    u_D, constant_D = basis[1], basis[2]
    config = GPT2Config.from_pretrained(folder, tie_word_embeddings=False, n_layer=3)
    model = GPT2LMHeadModel(config)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        clean = torch.eye(WIDTH) - torch.outer(u_D, u_D) - torch.outer(basis[0], basis[0])
        embedding_VD = torch.randn(config.vocab_size, WIDTH, generator=chance) @ clean
        embedding_VD[list(HARMFUL)] = embedding_VD[list(HARMLESS)] + 3 * u_D
        weights["transformer.wte.weight"].copy_(embedding_VD)
        weights["transformer.wpe.weight"].copy_(0.1 * torch.randn(config.n_positions, WIDTH, generator=chance) @ clean)
        for name, weight in weights.items():
            if ".attn." in name or ".mlp." in name:
                weight.zero_()
            # The same for every token, a part of it along u: biases and projections must be cleared of it too.
            if ".mlp.c_proj" in name or name.endswith(".mlp.c_fc.bias"):
                weight.copy_((1 if "c_fc" in name else 0.03) * torch.randn(weight.shape, generator=chance))
        weights["transformer.h.0.attn.c_attn.weight"][:, 2 * WIDTH :] = torch.outer(u_D, u_D)
        weights["transformer.h.0.attn.c_proj.weight"].copy_(4 * torch.eye(WIDTH))
        weights["transformer.ln_f.bias"].copy_(constant_D)
        weights["lm_head.weight"].zero_()
        weights["lm_head.weight"][REFUSE], weights["lm_head.weight"][COMPLY] = 6 * u_D, 8 * constant_D
    model.save_pretrained(folder)
    return HookedModel.load(str(folder), device="cpu"), u_D


def instructions(kinds: range) -> list[tuple[int, ...]]:
    return [(5, 7, token, 8, LAST) for token in kinds]
