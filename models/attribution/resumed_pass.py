"""A forward pass that begins at a block, from a residual stream that is known.

What lies before a patch is the same in every row of a sweep, so blocks before it need not run: each hands on what it is
given, and the stream is put in place where the patch's block begins. Whether that is the model itself is tried on a few
tokens; where it is not, as with blocks that pass more than the stream, all blocks run and the stream is put in all the
same.

B rows, P positions, D width of the stream, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.language_model.hooked_model import HookedModel
from models.language_model.hooks import entering
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.self_test import probe_tokens
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout

FINAL = Site("final_norm_in")


@dataclass(frozen=True, slots=True)
class ResumedAnswer:
    """What a resumed pass said."""

    logits_BV: Tensor
    """Of the token behind the last position."""
    values: Mapping[Site, Tensor]
    """Of the sites whose gradient is wanted."""


@dataclass(frozen=True, slots=True)
class ResumedPass:
    """Passes of one model that begin at any block."""

    host: HookedModel
    readout: StreamReadout
    skips: bool
    """Whether blocks before the start are left out."""
    n_returned: int | None = None
    """How many values a block returns, the stream first; None where it returns the stream itself."""

    @classmethod
    def of(cls, host: HookedModel) -> "ResumedPass":
        """Tries on a few tokens whether blocks can be left out.

        Raises:
            ValueError: If the model is an encoder, or its logits are not those of its final stream.
        """
        found = cls(host, StreamReadout.of(host), skips=True, n_returned=_n_returned(host))
        return found if found._holds() else replace(found, skips=False)

    @torch.no_grad()
    def _holds(self) -> bool:
        """Passes from a middle block and from the last say what the whole pass says."""
        ids_BP = probe_tokens(self.host.model, self.host.tokenizer)
        starts = {self.host.n_layers // 2, self.host.n_layers - 1}
        with self.host.capture([*(Site("resid_pre", layer) for layer in starts), FINAL]) as whole:
            self.host.forward(ids_BP)
        streams, wanted_BV = dict(whole), self.readout(whole[FINAL][:, -1])
        try:
            return all(
                equal_up_to_rounding(self(ids_BP[0], layer, streams[Site("resid_pre", layer)]).logits_BV, wanted_BV)
                for layer in starts
            )
        except (TypeError, IndexError, AttributeError, ValueError):  # blocks that hand on more than the stream
            return False

    def __call__(
        self,
        token_ids_P: Tensor,
        layer: int,
        stream_BPD: Tensor,
        edits: Mapping[Site, Edit] | None = None,
        gradient_at: Sequence[Site] = (),
    ) -> ResumedAnswer:
        """Runs the blocks from one on.

        Args:
            token_ids_P: The tokens of every row; only positions and masks are made from them.
            layer: The block that is run first.
            stream_BPD: What enters it; where it requires a gradient, the logits have one.
            edits: Edits of sites from that block on.
            gradient_at: Sites whose values are kept with their graph.
        """
        start, more = Site("resid_pre", layer), dict(edits or {})
        with ExitStack() as hooks:
            if self.skips:
                hooks.enter_context(_handing_on(list(self.host.module_map.blocks)[:layer], self.n_returned))
            hooks.enter_context(self.host.intervene({start: lambda _: stream_BPD} | more))
            wanted = bool(gradient_at) or stream_BPD.requires_grad
            values = hooks.enter_context(self.host.capture([FINAL, *gradient_at], detach=not wanted))
            self.host.forward(token_ids_P[None].expand(len(stream_BPD), -1))
        return ResumedAnswer(self.readout(values[FINAL][:, -1]), {site: values[site] for site in gradient_at})


@contextmanager
def _handing_on(blocks: Sequence[nn.Module], n_returned: int | None) -> Iterator[None]:
    """Blocks return what they are given, in the form in which they return what they made of it."""

    def hand_on(*args: Any, **kwargs: Any) -> Any:
        stream = entering(args, kwargs)
        return stream if n_returned is None else (stream, *[None] * (n_returned - 1))

    before = [block.__dict__.get("forward") for block in blocks]
    for block in blocks:
        block.forward = hand_on
    try:
        yield
    finally:
        for block, own in zip(blocks, before, strict=True):
            del block.forward
            if own is not None:
                block.forward = own


@torch.no_grad()
def _n_returned(host: HookedModel) -> int | None:
    returned: list[Any] = []
    hook = host.module_map.blocks[0].register_forward_hook(lambda _, __, output: returned.append(output))
    try:
        host.forward(probe_tokens(host.model, host.tokenizer))
    finally:
        hook.remove()
    return len(returned[0]) if isinstance(returned[0], tuple) else None
