"""What of the store is asked for by a card, or referred to by a dictionary that stands there."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.registry import Registry, SAERegistration
from pipelines.store.imported_experiments import imported_experiments
from pipelines.store.layout import DictionaryKey, StoreLayout
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store
from pipelines.store.stored_part import readable_manifest
from pipelines.store.tables import MissingDataset, TableStore
from storage.manifest import NAME as MANIFEST
from storage.manifest import DamagedFile


@dataclass
class StoreNeeds:
    """Names of what stays; where a card is in doubt, everything that it may ask for stays."""

    asked: set[DictionaryKey] = field(default_factory=set)
    dictionaries: set[DictionaryKey] = field(default_factory=set)
    """Those that are asked for, and those that stand in the store: a card that is removed removes nothing made."""
    experiments: set[tuple[str, str]] = field(default_factory=set)
    """Those that are asked for, and those that were imported."""
    models: set[str] = field(default_factory=set)
    sites: set[tuple[str, str]] = field(default_factory=set)
    whole_models: set[str] = field(default_factory=set)
    """Every site of which stays."""
    corpora: set[tuple[str, str]] = field(default_factory=set)
    """With the first letters of the frame."""
    whole_corpora: set[str] = field(default_factory=set)
    """Every frame of which stays."""
    registrations: list[SAERegistration] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Cards that cannot be read: nobody knows what they ask for."""

    @classmethod
    def of(cls, store: Store) -> "StoreNeeds":
        """Asks the registry and the store; raises AbsentFolder where one of them is not there."""
        cards, needs = store.cards(), cls()
        needs.doubts = list(cards.errors.values())
        needs.registrations, unresolved = resolve_registry(store)
        needs._add_asked(cards, unresolved)
        for key in store.layout.dictionaries():
            if store.layout.table_at("sae", model_id=key[0], recipe_id=key[1]).exists(MANIFEST):
                needs.dictionaries.add(key)
        needs.experiments |= imported_experiments(store.layout)
        needs.models |= {model_id for model_id, _ in needs.dictionaries | needs.experiments}
        for registration in needs.registrations:
            needs._add_sites(store, registration)
        for model_id, recipe_id in needs.dictionaries:
            needs._add_made(store.layout, model_id, recipe_id)
        needs._add_corpora(store.layout)
        return needs

    def needs_site(self, model_id: str, site: str) -> bool:
        return model_id in self.whole_models or (model_id, site) in self.sites

    def needs_corpus(self, corpus_id: str, frame: str) -> bool:
        return corpus_id in self.whole_corpora or (corpus_id, frame[:16]) in self.corpora

    def _add_asked(self, cards: Registry, unresolved: dict[str, str]) -> None:
        self.asked = {(model_id, recipe_id) for model_id, _, recipe_id in _split(cards.sae_ids())}
        self.dictionaries |= self.asked
        self.experiments = {(model_id, name) for model_id, _, name in _split(cards.experiment_keys())}
        self.models = set(cards.models)
        for model_id in {name.split("/")[0] for name in unresolved} & self.models:
            self.whole_models.add(model_id)
            self.whole_corpora.add(cards.models[model_id].corpus_id)

    def _add_sites(self, store: Store, registration: SAERegistration) -> None:
        """Sites by the model's depth, which its row of `model` knows."""
        try:
            for site in registration.recipe.sites:
                self.sites.add((registration.model_id, store.datasets.site(registration, site)))
        except (MissingDataset, DamagedFile):
            self.whole_models.add(registration.model_id)

    def _add_made(self, layout: StoreLayout, model_id: str, recipe_id: str) -> None:
        """What a dictionary was made from, by its manifest and by its row."""
        manifest = readable_manifest(layout.sae_at(model_id, recipe_id))
        if manifest is not None and "site" in manifest.facts:
            facts = manifest.facts
            self.sites |= {(model_id, facts["site"]), (model_id, facts.get("written") or facts["site"])}
            self.corpora.add((facts["corpus_id"], facts["frame_sha256"][:16]))
        try:
            rows = TableStore(layout).read_rows(layout.table_at("sae", model_id=model_id, recipe_id=recipe_id))
        except (DamagedFile, OSError):
            self.whole_models.add(model_id)
            self.doubts.append(f"the row of `sae` of {model_id}/{recipe_id} cannot be read: `glasshouse verify`")
            return
        for row in rows:
            self.sites |= {(model_id, site) for site in (row["site"], row.get("output_site")) if site}
            self.corpora.add((row["corpus_id"], row["frame_sha256"][:16]))

    def _add_corpora(self, layout: StoreLayout) -> None:
        """Corpora of harvests that stay, and those that a card would read as they are."""
        for model_id in (layout.root / "activations").folders():
            for site in (layout.root / "activations" / model_id).folders():
                manifest = readable_manifest(layout.activations(model_id, site))
                if manifest is not None and self.needs_site(model_id, site):
                    self.corpora.add((manifest.facts["corpus_id"], manifest.facts["frame_sha256"][:16]))
        for registration in self.registrations:
            for frame in (layout.root / "corpora" / registration.corpus_id).folders():
                manifest = readable_manifest(layout.corpus(registration.corpus_id, frame))
                if manifest is None or not CORPUS.changes(registration, manifest.identity):
                    self.corpora.add((registration.corpus_id, frame))


def _split(keys: list[str]) -> Iterator[tuple[str, str, str]]:
    return (key.partition("/") for key in keys)
