"""The datasets of a partition, each refused where it was never made or was made from other cards than there are now."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.activations import ACTIVATIONS
from pipelines.registry.identities.stages.context_frame import CONTEXT_FRAME
from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.identities.stages.sae import SAE
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import current_manifest
from pipelines.store.layout import StoreLayout
from pipelines.store.stored_dictionary import stored_dictionary
from pipelines.store.tables import MissingDataset, TableStore
from storage.manifest import Manifest

if TYPE_CHECKING:
    from models.activations.shards import ActivationShards
    from models.corpora.context_frame import SpecialTokens
    from models.corpora.contexts import TokenizedCorpus
    from models.dictionaries.base import SparseDictionary
    from models.features.firings import Firings
    from models.images.image_corpus import ImageCorpus


@dataclass(frozen=True, slots=True)
class Datasets:
    """Frame, corpus, activations, dictionary and codes, as stages read what earlier stages made."""

    layout: StoreLayout
    tables: TableStore

    def frame(self, registration: SAERegistration) -> "SpecialTokens":
        """The frame of the model's contexts.

        Raises:
            MissingDataset: If it was not chosen yet, or for another revision, corpus or setting than the cards have.
        """
        from models.corpora.context_frame import SpecialTokens

        manifest = self.framed(registration)
        facts = manifest.facts
        return SpecialTokens(tuple(facts["prefix"]), tuple(facts["suffix"]), facts["skip_first"])

    def framed(self, registration: SAERegistration) -> Manifest:
        """The manifest of the frame; raises as `frame`."""
        folder = self.layout.table_at("context_frame", model_id=registration.model_id)
        return current_manifest(CONTEXT_FRAME, registration, folder)

    def tokenized(self, registration: SAERegistration, frame_sha256: str) -> Manifest:
        """The manifest of the corpus in a frame.

        Raises:
            MissingDataset: If it was not cut yet, or from other text.
        """
        return current_manifest(CORPUS, registration, self.layout.corpus(registration.corpus_id, frame_sha256))

    def contexts(self, manifest: Manifest) -> "TokenizedCorpus":
        """The corpus that a harvest or a dictionary was made from, by its manifest; images as the site's grid cuts
        them."""
        from models.corpora.contexts import TokenizedCorpus

        folder = self.layout.corpus(manifest.facts["corpus_id"], manifest.facts["frame_sha256"])
        if (grid := manifest.facts.get("grid")) is None:
            return TokenizedCorpus.open(folder)
        from models.images.grid_corpus import GridCorpus
        from models.images.image_corpus import ImageCorpus
        from models.vision_model.token_grid import TokenGrid

        return GridCorpus.of(ImageCorpus.open(folder), TokenGrid.of_facts(grid), manifest.facts["kinds"])

    def images(self, registration: SAERegistration) -> "ImageCorpus":
        """The images that a vision model sees.

        Raises:
            MissingDataset: If they were not read yet, or by another preprocessing.
        """
        from models.images.image_corpus import ImageCorpus

        sha256 = self.framed(registration).facts["preprocessing_sha256"]
        self.tokenized(registration, sha256)
        return ImageCorpus.open(self.layout.corpus(registration.corpus_id, sha256))

    def site(self, registration: SAERegistration, site: str | None = None) -> str:
        """The recipe's site, or another named as recipes name it, in a model of this depth."""
        from models.language_model.sites import Site

        return str(Site.parse(site or registration.recipe.site).resolve(self._n_layers(registration)))

    def _n_layers(self, registration: SAERegistration) -> int:
        """Depth of the model, as its harvest recorded it."""
        folder = self.layout.table_at("model", model_id=registration.model_id)
        rows = self.tables.read_rows(folder)
        if not rows:
            raise MissingDataset(
                f"{registration.sae_id}: {folder} is empty: materialize `activations` for this partition first"
            )
        return rows[0]["n_layers"]

    def harvested(self, registration: SAERegistration, site: str | None = None) -> Manifest:
        """The manifest of the activations at the partition's site, or at another.

        Raises:
            MissingDataset: If there are none, or they were read from another revision, corpus or dtype, with another
            limit on norms, or by other code than is asked for now.
        """
        folder = self.layout.activations(registration.model_id, self.site(registration, site))
        return current_manifest(ACTIVATIONS, registration, folder)

    def harvest_profile(self, registration: SAERegistration) -> dict[str, Any]:
        """How the variance of the partition's site is spread (`models.activations.activation_profile`)."""
        return self.harvested(registration).facts["profile"]

    def shards(self, registration: SAERegistration, site: str | None = None) -> "ActivationShards":
        """The activations at the partition's site, or at another; a shard is compared with its sha256 when it is first
        read."""
        from models.activations.shards import ActivationShards

        self.harvested(registration, site)
        folder = self.layout.activations(registration.model_id, self.site(registration, site))
        return ActivationShards.open(folder)

    def trained(self, registration: SAERegistration) -> Manifest:
        """The manifest of the partition's dictionary.

        Raises:
            MissingDataset: If there is none, or it was made from other cards than the registry now holds.
        """
        return current_manifest(SAE, registration, self.layout.sae(registration))

    def dictionary(self, registration: SAERegistration) -> "SparseDictionary":
        """The partition's dictionary; raises as `trained`, and DamagedFile if it is not as it was written."""
        self.trained(registration)
        return stored_dictionary(self.layout.sae(registration))

    def codes(self, registration: SAERegistration) -> "Callable[[], Iterable[Firings]] | None":
        """The partition's sparse codes, readable as often as wanted; None where its recipe does not keep them."""
        from models.features.codes_parquet import StoredCodes

        if not registration.recipe.statistics.keep_feature_activations:
            return None
        table = StoredCodes.open(self.layout.table("feature_activation", registration))
        return lambda: table
