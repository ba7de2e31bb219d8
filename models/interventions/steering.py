"""Features of a dictionary set, raised, scaled or switched off where the dictionary writes; the rest of x is kept.

x' = decode(f') + (x − decode(f)) = x + Σ_k (f'_k − f_k) W_dec[k]

The second form is used: it needs only the encoder and decoder rows of the features that change, and gives x bit for bit
where none does (Templeton et al. 2024, "Scaling Monosemanticity"; AxBench, arXiv:2501.17148, for `add`).

B rows of a batch, P positions, D width that is read, E width that is written, K slots per token, M edits of all rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from models.dictionaries.base import FeatureReader, SparseDictionary
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

EditKind = Literal["clamp", "min_clamp", "add", "scale", "ablate"]
EDIT_KINDS: tuple[EditKind, ...] = get_args(EditKind)


@dataclass(frozen=True, slots=True)
class FeatureEdit:
    """What becomes of one feature's activation f at every position that an intervention reaches."""

    feature: int
    kind: EditKind = "clamp"
    """`clamp`: f' = value; `min_clamp`: f' = max(f, value); `add`: f' = f + value; `scale`: f' = value · f; `ablate`:
    f' = 0."""
    value: float = 0.0
    direction_E: Tensor | None = None
    """Along what the change f' − f is added in place of the feature's decoder row: a baseline of equal amounts."""

    @property
    def linear(self) -> tuple[float, float]:
        """Offset and slope of the change as a function of f; `min_clamp` cuts off what is below 0."""
        match self.kind:
            case "add":
                return self.value, 0.0
            case "scale":
                return 0.0, self.value - 1
            case "ablate":
                return 0.0, -1.0
            case _:
                return self.value, -1.0


def steering_edits(
    sae: SparseDictionary, read: Site, written: Site, rows: Sequence[Sequence[FeatureEdit]]
) -> dict[Site, Edit]:
    """Edits for `HookedModel.intervene`; edits of several dictionaries are joined with `|`.

    Args:
        sae: The dictionary, on the model's device.
        read: Site that it reads.
        written: Site that it writes: the same, but of a transcoder.
        rows: The edits of each row of the batch; a single entry is meant for every row. Edits of one row add up.
    """
    change = _FeatureChange(sae, rows)
    if read == written:
        return {read: lambda x_BPD: change.added(x_BPD, change.of(x_BPD))}
    kept: list[Tensor] = []

    def keep(x_BPD: Tensor) -> Tensor:
        kept[:] = [change.of(x_BPD)]
        return x_BPD

    return {read: keep, written: lambda y_BPE: change.added(y_BPE, kept[0])}


@dataclass(frozen=True, slots=True)
class _RowLayout:
    """The edits of all rows of one batch size, one after the other."""

    row_M: Tensor
    offset_M1: Tensor
    slope_M1: Tensor
    is_floor_M1: Tensor | None
    """None where no change is cut off."""
    direction_M1E: Tensor
    activations: FeatureReader | None
    """None where no change depends on what fired."""
    is_one_each: bool
    """Whether the edits stand as the rows do, one for each."""


@dataclass(frozen=True, slots=True)
class _FeatureChange:
    """By how much the features of each row change, and the sum of what that writes."""

    sae: SparseDictionary
    rows: Sequence[Sequence[FeatureEdit]]
    _layouts: dict[int, _RowLayout] = field(default_factory=dict)

    @torch.no_grad()
    def of(self, x_BPD: Tensor) -> Tensor:
        """f' − f [M, P] in float32."""
        here = self._layout(len(x_BPD))
        if here.activations is None:
            return here.offset_M1.expand(-1, x_BPD.shape[1])
        acts_MP = here.activations(x_BPD if here.is_one_each else x_BPD[here.row_M])
        change_MP = torch.addcmul(here.offset_M1, here.slope_M1, acts_MP)
        return change_MP if here.is_floor_M1 is None else torch.where(here.is_floor_M1, change_MP.relu(), change_MP)

    def added(self, y_BPE: Tensor, change_MP: Tensor) -> Tensor:
        here, y_BPE = self._layout(len(y_BPE)), y_BPE.float()
        if here.is_one_each:
            return y_BPE.addcmul_(change_MP[:, :, None], here.direction_M1E)
        return y_BPE.index_add_(0, here.row_M, change_MP[:, :, None] * here.direction_M1E)

    def _layout(self, n_rows: int) -> _RowLayout:
        if n_rows not in self._layouts:
            self._layouts[n_rows] = self._laid_out(n_rows)
        return self._layouts[n_rows]

    def _laid_out(self, n_rows: int) -> _RowLayout:
        rows = [self.rows[0]] * n_rows if len(self.rows) == 1 else self.rows
        if len(rows) != n_rows:
            raise ValueError(f"edits of {len(rows)} rows and a batch of {n_rows}: give each row its edits, or all one")
        places = [(row, edit) for row, edits in enumerate(rows) for edit in edits]
        W_dec_FE = self.sae.W_dec.detach()

        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=W_dec_FE.device)[:, None]

        directions = [
            W_dec_FE[edit.feature] if edit.direction_E is None else edit.direction_E.to(W_dec_FE) for _, edit in places
        ]
        offsets, slopes = zip(*(edit.linear for _, edit in places), strict=True) if places else ((), ())
        feature_M = torch.tensor([edit.feature for _, edit in places], dtype=torch.long, device=W_dec_FE.device)
        floors = [edit.kind == "min_clamp" for _, edit in places]
        return _RowLayout(
            torch.tensor([row for row, _ in places], dtype=torch.long, device=W_dec_FE.device),
            column(offsets),
            column(slopes),
            torch.tensor(floors, device=W_dec_FE.device)[:, None] if any(floors) else None,
            torch.stack(directions)[:, None] if directions else W_dec_FE.new_zeros(0, 1, W_dec_FE.shape[1]),
            self.sae.feature_activations(feature_M) if any(slopes) else None,
            [row for row, _ in places] == list(range(n_rows)),
        )
