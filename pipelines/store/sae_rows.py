"""What the store's tables say of a dictionary itself: its row of `sae`, and its curve in `sae_training`."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from models.training.curve import CurvePoint

_WHOLE = {"step", "tokens", "layer", "d_in", "n_features", "n_training_tokens", "seed"}


def sae_row(**facts: Any) -> "pa.Table":
    """One row of `sae`; what is unknown is null."""
    import pyarrow as pa

    from models.language_model.sites import Site

    row = facts | {"layer": Site.parse(facts["site"]).layer, "created_at": datetime.now(UTC).replace(tzinfo=None)}
    kinds = {name: pa.int64() if name in _WHOLE else pa.string() for name in row} | {"created_at": pa.timestamp("us")}
    return pa.Table.from_pylist([row], schema=pa.schema(kinds.items()))


def training_rows(curve: "Sequence[CurvePoint]") -> "pa.Table":
    """Grain: a logged step; none for a dictionary that was not trained here."""
    import pyarrow as pa

    from models.training.curve import CurvePoint

    names = [field.name for field in fields(CurvePoint)]
    schema = pa.schema([(name, pa.int64() if name in _WHOLE else pa.float64()) for name in names])
    return pa.Table.from_pylist([asdict(point) for point in curve], schema=schema)
