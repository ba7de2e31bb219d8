"""What the store holds of one dictionary, as its numbers are made again from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.integrity.finding import Finding
from pipelines.integrity.folder_check import FolderManifest
from pipelines.store.layout import StoreLayout
from pipelines.store.stored_dictionary import stored_dictionary
from storage.folder import Folder
from storage.manifest import Manifest

if TYPE_CHECKING:
    from models.activations.shards import ActivationShards
    from models.dictionaries.base import SparseDictionary


@dataclass(frozen=True)
class DictionaryFolders:
    """What the store holds of one dictionary, by table and for its weights and activations; only what is whole."""

    layout: StoreLayout
    model_id: str
    recipe_id: str
    tables: Mapping[str, Manifest]
    weights: Manifest | None
    activations: Manifest | None

    @classmethod
    def of(cls, layout: StoreLayout, key: tuple[str, str], whole: Mapping[str, FolderManifest]) -> "DictionaryFolders":
        def manifest(place: str) -> Manifest | None:
            return whole[place].manifest if place in whole else None

        model_id, recipe_id = key
        names = ("feature", "activation_histogram", "feature_activation", "neighbor")
        found = {name: manifest(f"tables/{name}/model_id={model_id}/recipe_id={recipe_id}") for name in names}
        weights = manifest(f"saes/{model_id}/{recipe_id}")
        site = weights.facts.get("site") if weights else None
        return cls(
            layout,
            model_id,
            recipe_id,
            {name: each for name, each in found.items() if each is not None},
            weights,
            manifest(f"activations/{model_id}/{site}"),
        )

    def folder(self, table: str) -> Folder:
        return self.layout.table_at(table, model_id=self.model_id, recipe_id=self.recipe_id)

    def rows(self, table: str, features: list[int]) -> list[dict[str, Any]]:
        """Those of some features."""
        import pyarrow.parquet as pq

        rows, folder = [], self.folder(table)
        for entry in self.tables[table].files:
            with entry.reading(folder) as path:
                rows += pq.read_table(path, filters=[("feature_id", "in", features)]).to_pylist()
        return rows

    def feature_ids(self) -> list[int]:
        import pyarrow.parquet as pq

        ids, folder = [], self.folder("feature")
        for entry in self.tables["feature"].files:
            with entry.reading(folder) as path:
                ids += pq.read_table(path, columns=["feature_id"]).column(0).to_pylist()
        return ids

    @cached_property
    def dictionary(self) -> "SparseDictionary":
        return stored_dictionary(self.layout.sae_at(self.model_id, self.recipe_id))

    @cached_property
    def shards(self) -> "ActivationShards":
        from models.activations.shards import ActivationShards

        assert self.weights is not None
        return ActivationShards.open(self.layout.activations(self.model_id, self.weights.facts["site"]))

    def finding(self, table: str, what: str) -> Finding:
        place = f"tables/{table}/model_id={self.model_id}/recipe_id={self.recipe_id}"
        command = f"glasshouse run --model {self.model_id} --recipe {self.recipe_id}"
        return Finding(place, what, f"delete {self.folder(table)}, then `{command}`")
