"""The places in a transformer where activations are read and edited, as words that fit any model."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

SITE_KINDS = {
    "resid_pre": "the residual stream that enters block L",
    "resid_mid": "the residual stream between attention and MLP",
    "resid_post": "the residual stream that leaves block L",
    "attn_out": "what attention adds to the residual stream",
    "mlp_in": "what the MLP reads, after its norm",
    "mlp_act": "the MLP's neurons: what its down projection reads",
    "mlp_out": "what the MLP adds to the residual stream",
    "attn_in": "what attention reads, after its norm",
    "q": "queries of all heads, side by side, as they meet the keys",
    "k": "keys of all key heads, side by side, as they meet the queries",
    "v": "values of all key heads, side by side",
    "attn_pattern": "how much of each value each query takes",
    "z": "what the heads say, side by side, before their output projection",
    "embed": "the token embeddings, before positions and norms",
    "final_norm_in": "what the final norm reads",
    "logits": "what the model says of the next token",
}
"""Every kind of site. All but those of OUTSIDE are said with a block."""

OUTSIDE = ("embed", "final_norm_in", "logits")
"""The kinds of site that a model has once."""

_WRITTEN = re.compile(r"(?P<kind>[a-z_]+)(?:\.(?:(?P<layer>[0-9]{1,4})|@(?P<fraction>[01](?:\.[0-9]{1,6})?)))?")


@dataclass(frozen=True, slots=True)
class Site:
    """A kind of site at a block, or at a fraction of a depth that is not known yet.

    `@f` means the block in which the fraction f of the depth is reached: L = max(ceil(f × n_layers) − 1, 0). So
    `resid_post.@0.5` reads after 3 of 6 blocks (L = 2) and after 3 of 5, `@1` is the last block and `@0` the first.
    Every kind follows the same rule: `mlp_out.@0.5` and `resid_post.@0.5` are of one block.

    `str(site)` is the canonical text, which `Site.parse` reads back; it is safe as a file name.
    """

    kind: str
    layer: int | None = None
    fraction: Decimal | None = None

    @classmethod
    def parse(cls, text: str) -> "Site":
        """Reads `resid_post.6`, `mlp_out.@0.5` or `embed`.

        Raises:
            ValueError: If the text is none of these.
        """
        written = _WRITTEN.fullmatch(text)
        kind, layer, fraction = written.groups() if written else ("", None, None)
        placed = layer is not None or fraction is not None
        if kind not in SITE_KINDS or placed == (kind in OUTSIDE) or (fraction and Decimal(fraction) > 1):
            kinds = ", ".join(f"{kind}.L" for kind in SITE_KINDS if kind not in OUTSIDE)
            raise ValueError(
                f"site {text!r} is not one: write {kinds}, {', '.join(OUTSIDE[:-1])} or {OUTSIDE[-1]}, L a block "
                "counted from 0 or a fraction of the depth such as @0.5, between @0 and @1"
            )
        return cls(kind, int(layer) if layer else None, Decimal(fraction).normalize() if fraction else None)

    def resolve(self, n_layers: int) -> "Site":
        """The same site with its block as a number, in a model of this many blocks.

        Raises:
            ValueError: If the model has no such block.
        """
        if self.fraction is not None:
            return Site(self.kind, max(math.ceil(self.fraction * n_layers) - 1, 0))
        if self.layer is not None and self.layer >= n_layers:
            raise ValueError(
                f"site {self} asks for block {self.layer}, but the model has blocks 0 to {n_layers - 1}: "
                f"name one of these, or a fraction of the depth such as {self.kind}.@0.5"
            )
        return self

    def __str__(self) -> str:
        if self.fraction is not None:
            return f"{self.kind}.@{self.fraction:f}"
        return self.kind if self.layer is None else f"{self.kind}.{self.layer}"
