"""The store: where every dataset lies, and whether it is up to date."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.registry.registry import CODE_VERSION, Registry, SAERegistration
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile
from storage.revisions import resolve_revision

if TYPE_CHECKING:
    import pyarrow as pa

    from models.activations.shards import ActivationShards
    from models.corpora.context_frame import SpecialTokens
    from models.corpora.contexts import TokenizedCorpus
    from models.features.firings import Firings
    from models.language_model.hooked_model import HookedModel

TABLE_FILE = "part-00000.parquet"


def import_revision(source: str, revision: str | None) -> str:
    from models.interchange.sae_import import revision_of  # brings torch, which reading cards does without

    return revision_of(source, revision)


class MissingDataset(ValueError):
    """An asset reads what was not made, or was made from other cards. Materialize the asset that the message names."""


class Store(dg.ConfigurableResource):
    """Home, registry and published warehouse; each left out is read from the environment when it is used.

    `GLASSHOUSE_HOME` (default `data`), `GLASSHOUSE_REGISTRY` (`registry`), `GLASSHOUSE_WAREHOUSE`
    (`data/warehouse.duckdb`).
    """

    home: str | None = None
    registry: str | None = None
    warehouse: str | None = None

    @property
    def root(self) -> Folder:
        return Folder(self.home or os.environ.get("GLASSHOUSE_HOME", "data"))

    @property
    def published(self) -> Path:
        return Path(self.warehouse or os.environ.get("GLASSHOUSE_WAREHOUSE", "data/warehouse.duckdb"))

    @property
    def registry_folder(self) -> Folder:
        return Folder(self.registry or os.environ.get("GLASSHOUSE_REGISTRY", "registry"))

    def cards(self) -> Registry:
        return Registry.read(self.registry_folder)

    def registration(self, sae_id: str) -> SAERegistration:
        return self.cards().registration(sae_id, resolve_revision, import_revision)

    def host(self, registration: SAERegistration) -> "HookedModel":
        """The model of a registration, at the revision that it was resolved to."""
        from models.language_model.hooked_model import HookedModel

        return HookedModel.load(registration.model.source, self.pinned(registration), registration.model.dtype)

    def reader(self, registration: SAERegistration) -> "HookedModel":
        """The language model that reads labels: the one that the recipe names, or else the model itself."""
        from models.language_model.hooked_model import HookedModel

        settings = registration.recipe.explanations
        if settings.local_llm is None:
            return self.host(registration)
        return HookedModel.load(settings.local_llm, settings.local_llm_revision, "float32")

    def tokenizer(self, registration: SAERegistration) -> Any:
        """The model's tokenizer, without the model."""
        from models.language_model.hooked_model import load_tokenizer

        return load_tokenizer(registration.model.source, self.pinned(registration))

    def pinned(self, registration: SAERegistration) -> str | None:
        """The commit to load from the hub; None for a folder, which holds one version only."""
        from storage.revisions import is_folder

        return None if is_folder(registration.model.source) else registration.revision

    def corpus(self, corpus_id: str, frame_sha256: str) -> Folder:
        """The corpus as one tokenizer cuts it in one frame."""
        return self.root / "corpora" / corpus_id / frame_sha256[:16]

    def activations(self, model_id: str, site: str) -> Folder:
        return self.root / "activations" / model_id / site

    def sae(self, registration: SAERegistration) -> Folder:
        return self.root / "saes" / registration.model_id / registration.recipe_id

    def ledger(self) -> Folder:
        """Answers that were paid for: one ledger for the whole home, keyed by content."""
        return self.root / "ledger"

    def table(self, name: str, registration: SAERegistration) -> Folder:
        return self.table_at(name, model_id=registration.model_id, recipe_id=registration.recipe_id)

    def table_at(self, name: str, **keys: str) -> Folder:
        folder = self.root / "tables" / name
        for key, value in keys.items():
            folder = folder / f"{key}={value}"
        return folder

    def trained(self, registration: SAERegistration) -> Manifest:
        """The manifest of the partition's dictionary.

        Raises:
            MissingDataset: If there is none, or it was made from other cards than the registry now holds.
        """
        manifest = Manifest.read(self.sae(registration))
        found = "none" if manifest is None else f"one made for {manifest.identity['dictionary'][:12]}"
        if manifest is None or manifest.identity["dictionary"] != registration.dictionary_identity:
            raise MissingDataset(
                f"{registration.sae_id}: the cards now ask for dictionary {registration.dictionary_identity[:12]}, "
                f"{self.sae(registration)} holds "
                f"{found}: materialize `sae` for this partition first"
            )
        return manifest

    def site(self, registration: SAERegistration, site: str | None = None) -> str:
        """The recipe's site, or another named as recipes name it, in a model of this depth."""
        from models.language_model.sites import Site

        return str(Site.parse(site or registration.recipe.site).resolve(self._n_layers(registration)))

    def harvested(self, registration: SAERegistration, site: str | None = None) -> Manifest:
        """The manifest of the activations at the partition's site, or at another.

        Raises:
            MissingDataset: If there are none, or they were read from another revision, corpus or dtype, with another
            limit on norms, or by other code than is asked for now.
        """
        folder = self.activations(registration.model_id, self.site(registration, site))
        manifest = Manifest.read(folder)
        wanted = {
            "source": registration.model.source,
            "revision": registration.revision,
            "compute_dtype": registration.model.dtype,
            "dtype": registration.model.shard_dtype,
            "max_norm": registration.model.max_norm,
            "corpus_id": registration.corpus_id,
            "code": CODE_VERSION,
        }
        found = {key: (manifest.identity | manifest.facts).get(key) for key in wanted} if manifest else None
        if manifest is None or found != wanted:
            raise MissingDataset(
                f"{registration.sae_id}: {folder} holds {found or 'nothing'}, the model card asks for {wanted}: "
                "materialize `activations` for this partition first"
            )
        return manifest

    def harvest_profile(self, registration: SAERegistration) -> dict[str, Any]:
        """How the variance of the partition's site is spread (`models.activations.activation_profile`)."""
        return self.harvested(registration).facts["profile"]

    def _n_layers(self, registration: SAERegistration) -> int:
        """Depth of the model, as its harvest recorded it."""
        import pyarrow.parquet as pq

        folder = self.table_at("model", model_id=registration.model_id)
        if Manifest.read(folder) is None:
            raise MissingDataset(
                f"{registration.sae_id}: {folder} is empty: materialize `activations` for this partition first"
            )
        with folder.reading(TABLE_FILE) as path:
            return pq.read_table(path, columns=["n_layers"]).column(0)[0].as_py()

    def shards(self, registration: SAERegistration, site: str | None = None) -> "ActivationShards":
        """The activations at the partition's site, or at another; a shard is compared with its sha256 when it is first
        read."""
        from models.activations.shards import ActivationShards

        self.harvested(registration, site)
        return ActivationShards.open(self.activations(registration.model_id, self.site(registration, site)))

    def contexts(self, manifest: Manifest) -> "TokenizedCorpus":
        """The corpus that a harvest or a dictionary was made from, by its manifest."""
        from models.corpora.contexts import TokenizedCorpus

        return TokenizedCorpus.open(self.corpus(manifest.facts["corpus_id"], manifest.facts["frame_sha256"]))

    def made(self, folder: Folder, identity: dict[str, Any]) -> Manifest | None:
        """The dataset in a folder, if it is whole and of this identity."""
        manifest = Manifest.read(folder)
        return manifest if manifest is not None and manifest.identity == identity else None

    def write_table(
        self, folder: Folder, rows: "pa.Table", identity: dict[str, Any], facts: dict[str, Any] | None = None
    ) -> Manifest:
        """Writes one partition of a table, whole or not at all; one that is there with this identity is left as it
        is."""
        if made := self.made(folder, identity):
            return made
        import pyarrow.parquet as pq

        with folder.writing(TABLE_FILE) as path:
            pq.write_table(rows, path, compression="zstd")
            entry = ManifestFile.of(path, TABLE_FILE, rows.num_rows)
        manifest = Manifest(identity, (entry,), facts or {})
        manifest.write(folder)
        return manifest

    def read_table(self, name: str, registration: SAERegistration) -> "pa.Table":
        """One partition of a table.

        Raises:
            MissingDataset: If the partition was never written.
        """
        import pyarrow.parquet as pq

        folder = self.table(name, registration)
        self.written(name, registration).check(folder)
        with folder.reading(TABLE_FILE) as path:
            return pq.read_table(path)

    def read_rows(self, folder: Folder) -> list[dict[str, Any]]:
        """The rows of a partition of a table that is known to be there."""
        import pyarrow.parquet as pq

        with folder.reading(TABLE_FILE) as path:
            return pq.read_table(path).to_pylist()

    def written(self, name: str, registration: SAERegistration) -> Manifest:
        """The manifest of one partition of a table; raises as `read_table`."""
        folder = self.table(name, registration)
        manifest = Manifest.read(folder)
        if manifest is None:
            raise MissingDataset(
                f"{registration.sae_id}: {folder} is empty: materialize the asset that writes `{name}` for this "
                "partition first"
            )
        return manifest

    def frame(self, registration: SAERegistration) -> "SpecialTokens":
        """The frame of the model's contexts.

        Raises:
            MissingDataset: If it was not chosen yet, or for another revision, corpus or setting than the cards have.
        """
        from models.corpora.context_frame import SpecialTokens

        folder = self.table_at("context_frame", model_id=registration.model_id)
        manifest = Manifest.read(folder)
        if manifest is None or manifest.facts["asked"] != registration.frame_identity:
            found = "nothing" if manifest is None else "a frame for other cards"
            raise MissingDataset(
                f"{registration.sae_id}: {folder} holds {found}: materialize `context_frame` for this partition first"
            )
        facts = manifest.facts
        return SpecialTokens(tuple(facts["prefix"]), tuple(facts["suffix"]), facts["skip_first"])

    def codes(self, registration: SAERegistration) -> "Callable[[], Iterable[Firings]] | None":
        """The partition's sparse codes, readable as often as wanted; None where its recipe does not keep them."""
        from models.features.codes_parquet import StoredCodes

        if not registration.recipe.statistics.keep_feature_activations:
            return None
        table = StoredCodes.open(self.table("feature_activation", registration))
        return lambda: table

    def rows(self, name: str, registration: SAERegistration) -> int:
        """Rows of one partition of a table, by its manifest."""
        manifest = Manifest.read(self.table(name, registration))
        return manifest.rows if manifest else 0
