"""What the store's tables say of an imported dictionary itself, of its model and of the text it was read on."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.dashboard_import import DASHBOARD_IMPORT
from pipelines.store.layout import StoreLayout
from pipelines.store.tables import TableStore
from storage.folder import Folder
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

    from models.interchange.dashboards.dump import DumpInfo


@dataclass(frozen=True, slots=True)
class ImportedDictionaryRows:
    """What an import says of itself: its rows of `model`, `corpus` and `sae`."""

    about: "DumpInfo"
    format: str
    url: str
    identity: dict[str, Any]
    model_id: str
    n_features: int

    @property
    def corpus_id(self) -> str:
        return f"{self.format}-{self.identity['content'][:12]}"

    def write(self, layout: StoreLayout, sae: Folder) -> None:
        """Writes them; a model that is known already keeps its row."""
        from models.interchange.dashboards.dump import UNKNOWN

        tables, model = TableStore(layout), layout.table_at("model", model_id=self.model_id)
        if Manifest.read(model) is None:
            tables.write(model, self._model(), self.identity)
        corpus = layout.table_at("corpus", corpus_id=self.corpus_id, frame_sha256=UNKNOWN)
        tables.write(corpus, self._corpus(), self.identity)
        tables.write(sae, self._sae(), self.identity)

    def _model(self) -> "pa.Table":
        from models.interchange.dashboards.dump import UNKNOWN

        return _row(
            "model",
            corpus_id=self.corpus_id,
            source=self.about.model,
            weights_sha256=UNKNOWN,
            architecture=UNKNOWN,
            n_layers=self.about.n_layers,
            d_model=self.about.d_model,
            dtype=UNKNOWN,
            registered_at=_now(),
        )

    def _corpus(self) -> "pa.Table":
        from models.interchange.dashboards.dump import UNKNOWN

        return _row(
            "corpus",
            source=self.about.dataset or UNKNOWN,
            n_contexts=self.about.n_contexts,
            n_tokens=self.about.n_tokens,
            context_length=self.about.context_length,
            sha256=self.identity["content"],
        )

    def _sae(self) -> "pa.Table":
        from models.interchange.dashboards.dump import UNKNOWN

        return _row(
            "sae",
            identity=self.identity["content"],
            corpus_id=self.corpus_id,
            frame_sha256=UNKNOWN,
            site=self.about.site,
            layer=self.about.layer,
            architecture=UNKNOWN,
            d_in=self.about.d_in,
            n_features=self.n_features,
            config=json.dumps(self.about.config),
            uri=self.url,
            origin=f"imported:{self.format}",
            code_version=DASHBOARD_IMPORT.code_version,
            created_at=_now(),
        )


def _row(table: str, **values: Any) -> "pa.Table":
    return rows_as_table(table, [values])


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
