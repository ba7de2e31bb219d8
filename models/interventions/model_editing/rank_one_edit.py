"""An edit of rank one of a down-projection: put in, taken out bit for bit, kept in a file.

W' = W + Δv uᵀ. D model width, E neurons.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from models.interventions.model_editing.down_projection import DownProjection, InvalidEdit
from models.language_model.hooked_model import HookedModel

FORMAT = "glasshouse-rank-one-edit-1"


@dataclass(frozen=True, slots=True, eq=False)
class RankOneEdit:
    """What is added to one weight."""

    layer: int
    module: str
    """Name of the down-projection in the checkpoint."""
    weights_sha256: str
    """Of the model that it was made on."""
    u_E: Tensor
    """Which keys are changed, and how much: 1 = u · k for the key that the edit is about."""
    change_D: Tensor
    """Δv: what is added to the value of that key."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What it is about, for people."""

    def applied(self, host: HookedModel) -> AbstractContextManager[None]:
        """A context in which the model has the edit; behind it the weights are bit for bit as before.

        Edits within one another add up.

        Raises:
            InvalidEdit: If it was made on another model.
        """
        return applied_together([self], host)

    def projection_of(self, host: HookedModel) -> DownProjection:
        if host.weights_sha256 != self.weights_sha256:
            raise InvalidEdit(
                f"the edit of {self.module} was made on weights {self.weights_sha256[:12]}, and {host.source} has "
                f"{host.weights_sha256[:12]}: make it anew on this model"
            )
        projection = DownProjection.of(host, self.layer)
        wanted, found = (len(self.change_D), len(self.u_E)), tuple(projection.weight_DE.shape)
        if projection.name != self.module or found != wanted:
            raise InvalidEdit(
                f"the edit changes {self.module} of {wanted[0]:,} × {wanted[1]:,}, and block {self.layer} of "
                f"{host.source} has {projection.name} of {found[0]:,} × {found[1]:,}"
            )
        return projection

    def save(self, file: Path) -> None:
        """Writes a safetensors file of two vectors, with what they belong to in its header."""
        from safetensors.torch import save_file

        about = {"format": FORMAT, "layer": str(self.layer), "module": self.module}
        vectors = {"u": self.u_E.contiguous().cpu(), "dv": self.change_D.contiguous().cpu()}
        save_file(vectors, file, metadata=about | {"weights_sha256": self.weights_sha256} | dict(self.notes))

    @classmethod
    def load(cls, file: Path) -> "RankOneEdit":
        """Reads a file that `save` wrote.

        Raises:
            InvalidEdit: If it is another file.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(file, "pt") as opened:
                about = dict(opened.metadata() or {})
                vectors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise InvalidEdit(f"{file} cannot be read as safetensors ({error}): save the edit again") from error
        if about.pop("format", None) != FORMAT or set(vectors) != {"u", "dv"}:
            raise InvalidEdit(f"{file} is no edit: wanted vectors u and dv of format {FORMAT}")
        layer, module, sha256 = (about.pop(name) for name in ("layer", "module", "weights_sha256"))
        return cls(int(layer), module, sha256, vectors["u"], vectors["dv"], about)


@contextmanager
@torch.no_grad()
def applied_together(edits: Sequence[RankOneEdit], host: HookedModel) -> Iterator[None]:
    """A context in which the model has all of some edits; behind it the weights are bit for bit as before.

    Raises:
        InvalidEdit: If one was made on another model, before any is put in.
    """
    projections = [edit.projection_of(host) for edit in edits]
    weights = {projection.layer: projection.module.weight for projection in projections}
    kept = {layer: weight.detach().clone() for layer, weight in weights.items()}
    try:
        for edit, projection in zip(edits, projections, strict=True):
            weight_DE = projection.weight_DE
            weight_DE += torch.outer(edit.change_D.to(weight_DE), edit.u_E.to(weight_DE))
        yield
    finally:
        for layer, weight in weights.items():
            weight.copy_(kept[layer])
