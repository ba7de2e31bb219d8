"""A pass in which every reader of the stream can be given a stream of its own.

The stream is a sum of what was written into it, so what one target reads can hold another run's value of some sources
while all others read the plain one. Rows of a batch are readers: one for each head's query, key and value and one for
the MLP, from which queries, keys and values are put together again before heads speak. No weight is named: what a head
adds is a linear map of what it says (`z`), measured by a pass.

C circuits of one batch, R readers of a block, P positions, D width, U sources, V targets, H heads, E width of z.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.attribution.edge_graph import EdgeGraph
from models.attribution.resumed_pass import FINAL
from models.language_model.hooked_model import HookedModel
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.self_test import probe_tokens
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.language_model.stream_readout import StreamReadout


@dataclass(frozen=True, slots=True)
class EdgeAnswer:
    """What a pass said."""

    logits_CV: Tensor
    """Of the token behind the last position."""
    written_UCPD: Tensor
    """What every source wrote."""
    offsets_VCPD: Sequence[Tensor]
    """By target: zeros added to what it read, for a gradient; none where none is wanted."""


@dataclass(frozen=True, slots=True)
class EdgePass:
    """Passes of one model by its edges."""

    host: HookedModel
    readout: StreamReadout
    graph: EdgeGraph
    heads_LED: Sequence[Tensor]
    """By block: what a number of z adds to the stream."""
    biases_LD: Sequence[Tensor]
    """By block: what attention adds if no head says anything."""

    @classmethod
    def of(cls, host: HookedModel) -> "EdgePass":
        """Measures what heads add.

        Raises:
            ValueError: If the model's heads cannot be read, or what one adds depends on the others.
        """
        widths = [host.width(Site("z", layer)) for layer in range(host.n_layers)]
        found = cls(host, StreamReadout.of(host), EdgeGraph.of(host), *_head_maps(host, widths))
        found._prove()
        return found

    @torch.no_grad()
    def _prove(self) -> None:
        layers = range(self.host.n_layers)
        with self.host.capture([Site(kind, layer) for kind in ("z", "attn_out") for layer in layers]) as said:
            self.host.forward(probe_tokens(self.host.model, self.host.tokenizer))
        for layer, (map_ED, bias_D) in enumerate(zip(self.heads_LED, self.biases_LD, strict=True)):
            added = said[Site("z", layer)] @ map_ED + bias_D
            if not equal_up_to_rounding(added, said[Site("attn_out", layer)]):
                raise ValueError(
                    f"what the heads of block {layer} of {self.host.architecture} add to the stream is no sum, as "
                    "where a norm stands behind attention, so that no edge begins at one of them: leave `edges` out"
                )

    def __call__(
        self,
        token_ids_P: Tensor,
        embedded_CPD: Tensor,
        outside_CVU: Tensor | None = None,
        other_UPD: Tensor | None = None,
        *,
        with_offsets: bool = False,
    ) -> EdgeAnswer:
        """Runs some circuits.

        Args:
            token_ids_P: The tokens; only positions and masks are made from them.
            embedded_CPD: What enters the first block.
            outside_CVU: The edges over which the target reads the other run's value.
            other_UPD: What the sources wrote in that run.
            with_offsets: Whether a zero is added wherever a target reads, to ask for the gradient there.
        """
        walk = _Walk(self, embedded_CPD, outside_CVU, other_UPD, with_offsets)
        n_rows = len(embedded_CPD) * self.graph.n_readers
        with self.host.intervene(walk.edits()), self.host.capture([FINAL], detach=not with_offsets) as found:
            self.host.forward(token_ids_P[None].expand(n_rows, -1))
        last_CD = found[FINAL][:: self.graph.n_readers, -1]
        return EdgeAnswer(self.readout(last_CD), torch.stack(walk.written), walk.offsets)


@torch.no_grad()
def _head_maps(host: HookedModel, widths: Sequence[int]) -> tuple[list[Tensor], list[Tensor]]:
    """By block: what one of each number of z adds, and what none adds."""
    n_rows, sites = max(widths) + 1, [Site("attn_out", layer) for layer in range(host.n_layers)]

    def ones(z_RPE: Tensor) -> Tensor:
        return torch.eye(n_rows, z_RPE.shape[-1]).to(z_RPE)[:, None]

    with host.intervene({Site("z", site.layer): ones for site in sites}), host.capture(sites) as added:
        host.forward(probe_tokens(host.model, host.tokenizer)[:, :1].expand(n_rows, 1))
    rows = [added[site][:, 0] for site in sites]
    return [row_RD[:width] - row_RD[-1] for row_RD, width in zip(rows, widths, strict=True)], [r[-1] for r in rows]


@dataclass
class _Walk:
    """The stream and what was written into it, as a pass goes on."""

    passes: EdgePass
    stream_CPD: Tensor
    outside_CVU: Tensor | None
    other_UPD: Tensor | None
    with_offsets: bool
    written: list[Tensor] = field(default_factory=list)
    offsets: list[Tensor] = field(default_factory=list)

    def edits(self) -> dict[Site, Edit]:
        self.written.append(self.stream_CPD)
        found: dict[Site, Edit] = {}
        for layer in range(self.passes.host.n_layers):
            found |= self._block_edits(layer)
        return found | {FINAL: self._read_by_output}

    def _block_edits(self, layer: int) -> dict[Site, Edit]:
        graph, n_readers = self.passes.graph, self.passes.graph.n_readers
        first, n_attention = graph.first_target(layer), graph.n_attention(layer)
        n_q, n_k = graph.n_heads[layer], graph.n_groups[layer]
        begins = {"q": 0, "k": n_q, "v": n_q + n_k}

        def enter(_: Tensor) -> Tensor:
            n = n_attention + 1 if graph.is_parallel else n_attention
            read_CVPD = self._read(first, n)
            idle_CPD = self.stream_CPD[:, None].expand(-1, n_readers - n, -1, -1)
            if graph.is_parallel:  # the MLP's row is the last one
                read_CVPD = torch.cat([read_CVPD[:, :-1], idle_CPD, read_CVPD[:, -1:]], dim=1)
                return read_CVPD.flatten(0, 1)
            return torch.cat([read_CVPD, idle_CPD], dim=1).flatten(0, 1)

        def gathered(kind: str) -> Edit:
            def edit(x_BPE: Tensor) -> Tensor:
                n = n_q if kind == "q" else n_k
                x_CRPHd = x_BPE.unflatten(-1, (n, -1)).unflatten(0, (-1, n_readers))
                own = x_CRPHd[:, begins[kind] : begins[kind] + n].diagonal(dim1=1, dim2=3)  # (C, P, d, H)
                return own.transpose(-1, -2).flatten(2).repeat_interleave(n_readers, dim=0)

            return edit

        def heads(z_BPE: Tensor) -> Tensor:
            z_CPHd = z_BPE[::n_readers].unflatten(-1, (n_q, -1))
            map_HdD = self.passes.heads_LED[layer].unflatten(0, (n_q, -1))
            self.written += torch.einsum("cphd,hde->hcpe", z_CPHd, map_HdD).unbind()
            self.stream_CPD = self.stream_CPD + sum(self.written[-n_q:]) + self.passes.biases_LD[layer]
            return z_BPE

        def between(_: Tensor) -> Tensor:
            return self._read(first + n_attention, 1)[:, 0].repeat_interleave(n_readers, dim=0)

        def mlp(x_BPD: Tensor) -> Tensor:
            self.written.append(x_BPD[n_readers - 1 :: n_readers])
            self.stream_CPD = self.stream_CPD + self.written[-1]
            return x_BPD

        edits = {Site("resid_pre", layer): enter, Site("z", layer): heads, Site("mlp_out", layer): mlp}
        edits |= {Site(kind, layer): gathered(kind) for kind in begins}
        return edits if graph.is_parallel else edits | {Site("resid_mid", layer): between}

    def _read_by_output(self, _: Tensor) -> Tensor:
        read_CPD = self._read(self.passes.graph.first_target(self.passes.host.n_layers), 1)[:, 0]
        return read_CPD.repeat_interleave(self.passes.graph.n_readers, dim=0)

    def _read(self, first: int, n: int) -> Tensor:
        """What some targets read (C, n, P, D)."""
        stream_CVPD = self.stream_CPD[:, None].expand(-1, n, -1, -1)
        if self.outside_CVU is not None and self.other_UPD is not None:
            now_UCPD = torch.stack(self.written)
            change_UCPD = self.other_UPD[: len(now_UCPD), None] - now_UCPD
            outside_CVU = self.outside_CVU[:, first : first + n, : len(now_UCPD)].to(now_UCPD)
            stream_CVPD = stream_CVPD + torch.einsum("cvu,ucpd->cvpd", outside_CVU, change_UCPD)
        if self.with_offsets:
            new = [torch.zeros_like(self.stream_CPD, requires_grad=True) for _ in range(n)]
            self.offsets += new
            stream_CVPD = stream_CVPD + torch.stack(new, dim=1)
        return stream_CVPD
