"""Prompts that are run again and again with a site edited: from the block on that the edit reaches, nothing padded.

N prompts, B rows of a batch, P positions, D width of the site or the stream, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from models.attribution.resumed_pass import ResumedPass
from models.experiments.prompt_encoding import EncodedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

SitePut = Callable[[Tensor, Tensor], Tensor]
"""What stands at the site in rows of one length (B, P, D), and their places in the batch (B): what takes its place."""


@dataclass(frozen=True, eq=False)
class ResumedPrompts:
    """Some prompts, read once."""

    resumed: ResumedPass
    site: Site
    token_ids: Sequence[Sequence[int]]
    values: Sequence[Tensor]
    """What stands at the site, of each prompt (P, D)."""
    streams: Sequence[Tensor]
    """What enters the block that is run first."""

    @classmethod
    @torch.no_grad()
    def of(cls, host: HookedModel, site: Site, prompts: Sequence[EncodedPrompt]) -> Self:
        start = Site("resid_pre", _first_block(host, site)[0])
        values, streams = [], []
        for prompt in prompts:
            with host.capture([site, start]) as found:
                host.forward(torch.tensor([prompt.token_ids]))
            values.append(found[site][0])
            streams.append(found[start][0])
        return cls(ResumedPass.of(host), site, [prompt.token_ids for prompt in prompts], values, streams)

    def logits(self, rows_B: Tensor, put: SitePut) -> Tensor:
        """Of the token behind each prompt (B, V); they have a gradient where what is put has one."""
        lengths_B = torch.tensor([len(self.token_ids[row]) for row in rows_B.tolist()])
        places = [torch.nonzero(lengths_B == length)[:, 0] for length in lengths_B.unique().tolist()]
        parts = [self._of_one_length(rows_B[some].tolist(), some, put) for some in places]
        return torch.cat(parts)[torch.cat(places).argsort()]

    def batches(self, rows: Tensor, size: int) -> Iterator[Tensor]:
        """Some of the prompts, those of like length together."""
        lengths = torch.tensor([len(self.token_ids[row]) for row in rows.tolist()])
        return iter(rows[lengths.argsort(stable=True)].split(size))

    def _of_one_length(self, rows: Sequence[int], places_B: Tensor, put: SitePut) -> Tensor:
        layer, is_stream = _first_block(self.resumed.host, self.site)
        stream_BPD = torch.stack([self.streams[row] for row in rows])
        ids_P = torch.tensor(self.token_ids[rows[0]])
        if is_stream:
            return self.resumed(ids_P, layer, put(stream_BPD, places_B)).logits_BV
        edit = {self.site: lambda x_BPD: put(x_BPD, places_B)}
        return self.resumed(ids_P, layer, stream_BPD.requires_grad_(torch.is_grad_enabled()), edit).logits_BV


def _first_block(host: HookedModel, site: Site) -> tuple[int, bool]:
    """The first block that an edit of the site reaches, and whether what enters it is the site's own value."""
    layer = host.module_map.layer_of(site)
    if site.kind == "resid_post" and layer + 1 < host.n_layers:
        return layer + 1, True
    return layer, site.kind == "resid_pre"
