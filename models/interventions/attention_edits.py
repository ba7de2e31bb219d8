"""Edits of attention for `HookedModel.intervene`: a value frozen, a value of another pass, heads ablated.

    with hooked.intervene({Site("attn_pattern", 3): freeze, Site("z", 5): ablate_heads([1], n_heads=9)}):
        logits = hooked.forward(token_ids)

Each is a function of a site's value that returns what takes its place. B rows, P positions, D all heads side by side,
H heads, d width of one head.
"""

from collections.abc import Callable, Sequence

from torch import Tensor


def freeze(x: Tensor) -> Tensor:
    """The same value, of any site and shape, through which no gradient flows.

    With every `attn_pattern` frozen, gradients flow through values and outputs only (the OV circuits of Elhage et al.
    2021, A Mathematical Framework for Transformer Circuits), as attribution graphs want it (Ameisen et al. 2025,
    Circuit Tracing).
    """
    return x.detach()


def replay(recorded: Tensor) -> Callable[[Tensor], Tensor]:
    """The value of another pass at the same site, as `capture` recorded it: activation patching (Vig et al. 2020,
    Investigating Gender Bias in Language Models Using Causal Mediation Analysis; Meng et al. 2022, Locating and Editing
    Factual Associations in GPT). The other pass must have as many rows and positions.

    Args:
        recorded: Of the shape of the site's value: (B, P, width), of `attn_pattern` (B, H, P, key positions).
    """
    return lambda x: recorded


def ablate_heads(heads: Sequence[int], n_heads: int, mean_D: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """An edit of `z.L` (B, P, D) under which heads say nothing, or what they say on average.

    To say nothing is head pruning (Michel et al. 2019, Are Sixteen Heads Really Better than One?), to say the average
    mean ablation (Wang et al. 2022, Interpretability in the Wild).

    Args:
        heads: Which, counted from 0.
        n_heads: How many the block has; D is n_heads · d.
        mean_D: What all heads of the block say on average, side by side; 0 if None.

    Raises:
        ValueError: If the block has no such head.
    """
    beyond = [head for head in heads if not 0 <= head < n_heads]
    if beyond:
        raise ValueError(f"head {', '.join(map(str, beyond))} of {n_heads}: name heads from 0 to {n_heads - 1}")

    def edit(z_BPD: Tensor) -> Tensor:
        z_BPHd = z_BPD.unflatten(-1, (n_heads, -1))
        z_BPHd[:, :, list(heads)] = 0 if mean_D is None else mean_D.to(z_BPD).unflatten(-1, (n_heads, -1))[list(heads)]
        return z_BPD

    return edit
