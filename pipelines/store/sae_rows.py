"""What the store's tables say of a dictionary itself: its row of `sae`, and its curve in `sae_training`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

    from models.training.curve import CurvePoint


def sae_row(**facts: Any) -> "pa.Table":
    """One row of `sae`; what is unknown is null."""
    from models.language_model.sites import Site

    row = facts | {"layer": Site.parse(facts["site"]).layer, "created_at": datetime.now(UTC).replace(tzinfo=None)}
    return rows_as_table("sae", [row])


def training_rows(curve: "Sequence[CurvePoint]") -> "pa.Table":
    """Grain: a logged step; none for a dictionary that was not trained here."""
    return rows_as_table("sae_training", map(asdict, curve))
