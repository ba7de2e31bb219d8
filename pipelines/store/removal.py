"""What the store holds of one partition alone, shown before it is removed, and its removal.

Experiments that name its dictionary go with it: their rows speak of features that are no longer there. An experiment
that was imported is a partition by itself; another goes by its card and `glasshouse gc`.
What several partitions share stays: activations, corpora, frames and rows of models; those that an import brought go
with the last dictionary that names them (`shared_rows`).
"""

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass

from pipelines.registry.cards import is_id
from pipelines.store.imported_experiments import imported_experiments, stored_experiments
from pipelines.store.layout import StoreLayout
from pipelines.store.publication import Publication, publish_store
from pipelines.store.shared_rows import orphaned_parts, orphaned_places
from pipelines.store.stage_records import record_files
from pipelines.store.store import Store
from pipelines.store.stored_part import StoredPart, readable_manifest
from sql.dropped_partitions import AllowedDrops, PublishedPartition, published_partitions
from sql.stored_partitions import keys_of
from storage.folder import Folder
from storage.manifest import Manifest

_LAST = "table sae"
"""The part that names what the others share: without it, a removal that was cut short could not be finished."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes with some partitions, and cards that would bring them back."""

    sae_ids: tuple[str, ...]
    """Of dictionaries, and of imported experiments."""
    parts: tuple[StoredPart, ...]
    """In the order in which they go."""
    published: frozenset[PublishedPartition]
    """What leaves the published file."""
    claims: tuple[str, ...]
    """A sentence for each partition that the registry asks for."""
    absent: tuple[str, ...] = ()
    """Partitions that only the published file or Dagster still lists."""
    records: tuple[tuple[Folder, str], ...] = ()
    """What is kept of the runs of its stages."""

    @property
    def claimed(self) -> set[str]:
        return {claim.split()[0] for claim in self.claims}


def plan_removal(store: Store, sae_ids: tuple[str, ...], listed: Collection[str] = ()) -> Removal:
    """What would go; nothing is removed.

    Args:
        listed: Partitions that Dagster knows: those can go that the store does not hold.

    Raises:
        AbsentFolder: If there is no store or no registry.
        ValueError: If neither the store, the published file nor Dagster has a partition: names those that are stored;
            or if the published file cannot be opened.
    """
    sae_ids = tuple(dict.fromkeys(sae_ids))
    asked, layout = store.cards().sae_ids(), store.layout
    layout.tables().require("the folder of the store's tables", "correct GLASSHOUSE_HOME or mount the store")
    parts = {sae_id: tuple(_parts(layout, sae_id)) for sae_id in sae_ids}
    graphs = {"/".join(key): key for key in imported_experiments(layout)}
    named = {sae_id: graphs[sae_id] for sae_id in sae_ids if sae_id in graphs}
    experiments = sorted({key for sae_id in sae_ids for key in _experiments(layout, sae_id)} | set(named.values()))
    published = published_partitions(store.published)
    made_here = {"/".join(key) for key in stored_experiments(layout)} - set(graphs)
    places = {sae_id: _places(published, sae_id, sae_id not in made_here) for sae_id in sae_ids}
    for sae_id in sae_ids:
        if not parts[sae_id] and not places[sae_id] and sae_id not in (*listed, *named):
            raise _unknown(layout, sae_id)
    removed = {(model_id, recipe_id) for model_id, _, recipe_id in (sae_id.partition("/") for sae_id in sae_ids)}
    removed |= set(experiments)
    whole = [*(part for each in parts.values() for part in each), *orphaned_parts(layout, removed)]
    whole += [part for key in experiments for part in _experiment_parts(layout, *key)]
    return Removal(
        sae_ids,
        tuple(sorted(whole, key=lambda part: part.name == _LAST)),
        frozenset().union(*places.values(), *(part.published for part in whole))
        | orphaned_places(layout, removed, published),
        (
            *(_claim(store, sae_id) for sae_id in sae_ids if sae_id in asked),
            *_experiment_claims(store, experiments),
        ),
        tuple(sae_id for sae_id in sae_ids if not parts[sae_id] and sae_id not in named),
        tuple(file for key in (*sae_ids, *map("/".join, experiments)) for file in record_files(layout, key)),
    )


def remove_from_store(removal: Removal) -> None:
    """Removes it from the store; cut short, it can be planned and done again."""
    for folder, name in removal.records:
        folder.remove(name)
    for part in removal.parts:
        part.folder.remove()


def publish_removal(store: Store, removal: Removal) -> Publication:
    """Removes it from the published file; raises as `publish_store`."""
    return publish_store(store, allowed=AllowedDrops(removed=removal.published))


def _parts(layout: StoreLayout, sae_id: str) -> Iterator[StoredPart]:
    model_id, _, recipe_id = sae_id.partition("/")
    if not (is_id(model_id) and is_id(recipe_id)):
        return
    place = f"model_id={model_id}/recipe_id={recipe_id}"
    for table in layout.tables().folders():
        folder = layout.table_at(table, model_id=model_id, recipe_id=recipe_id)
        if folder.exists():
            yield StoredPart.of(folder, f"table {table}", table, place)
    for name, folder in (
        ("dictionary", layout.sae_at(model_id, recipe_id)),
        ("requests for labels", layout.label_requests_at(model_id, recipe_id)),
    ):
        if folder.exists():
            yield StoredPart.of(folder, name)


def _experiments(layout: StoreLayout, sae_id: str) -> Iterator[tuple[str, str]]:
    """Experiments that name the dictionary, by their manifests."""
    model_id, _, recipe_id = sae_id.partition("/")
    for key in stored_experiments(layout):
        if key[0] == model_id:
            manifest = readable_manifest(layout.table_at("experiment", model_id=model_id, experiment_id=key[1]))
            if manifest is not None and recipe_id in _recipes_of(manifest):
                yield key


def _recipes_of(manifest: Manifest) -> Collection[str]:
    """By the identity of what was asked by a card, by the facts of what was imported."""
    asked = manifest.identity.get("settings", {}).get("experiment.recipes", ())
    return (*asked, *manifest.facts.get("recipe_ids", ()))


def _experiment_parts(layout: StoreLayout, model_id: str, experiment_id: str) -> Iterator[StoredPart]:
    """Its rows in every table; those of `experiment`, which name the dictionary, last."""
    keys = {"model_id": model_id, "experiment_id": experiment_id}
    place = f"model_id={model_id}/experiment_id={experiment_id}"
    for table in sorted(layout.tables().folders(), key=lambda table: table == "experiment"):
        if (folder := layout.table_at(table, **keys)).exists():
            yield StoredPart.of(folder, f"experiment {experiment_id}, table {table}", table, place)
    if (folder := layout.experiment_chunks(model_id, experiment_id)).exists():
        yield StoredPart.of(folder, f"experiment {experiment_id}, unfinished")


def _experiment_claims(store: Store, experiments: Collection[tuple[str, str]]) -> Iterator[str]:
    asked = set(store.cards().experiment_keys()) if experiments else set()
    for model_id, experiment_id in experiments:
        if f"{model_id}/{experiment_id}" in asked:
            yield (
                f"{model_id}/{experiment_id} goes with its dictionary, and is asked for by {store.registry_folder}/"
                f"experiments/{experiment_id}.yaml: it can be run again once the dictionary is made again"
            )


def _places(published: Set[PublishedPartition], sae_id: str, may_be_experiment: bool) -> frozenset[PublishedPartition]:
    """Published partitions of one dictionary or of one imported experiment."""
    keyed = ((place, keys_of(place[1])) for place in published)
    names = ("recipe_id", "experiment_id") if may_be_experiment else ("recipe_id",)
    return frozenset(
        place for place, keys in keyed if sae_id in [f"{keys.get('model_id')}/{keys.get(name)}" for name in names]
    )


def _unknown(layout: StoreLayout, sae_id: str) -> ValueError:
    held = ", ".join(map("/".join, [*layout.dictionaries(), *sorted(imported_experiments(layout))]))
    if tuple(sae_id.split("/")) in stored_experiments(layout):
        return ValueError(
            f"{sae_id} is an experiment that a card asked for: remove the card, then `glasshouse gc` takes its rows out"
        )
    return ValueError(
        f"the store {layout.root} holds nothing of {sae_id!r} (there: {held or 'none'}): name partitions as "
        "model_id/recipe_id, imported graphs as model_id/experiment_id"
    )


def _claim(store: Store, sae_id: str) -> str:
    (model_id, recipe_id), registry = sae_id.split("/"), store.registry_folder
    card_id = store.cards().card_of(recipe_id)
    return (
        f"{sae_id} is asked for by {registry}/models/{model_id}.yaml and {registry}/recipes/{card_id}.yaml: the next "
        "run makes it again"
    )
