"""The removal of what nothing refers to, from the store and from the published file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.integrity.store_needs import StoreNeeds
from pipelines.integrity.unneeded import Unneeded, unneeded
from pipelines.store.publication import Publication, publish_store
from pipelines.store.store import Store
from sql.dropped_partitions import AllowedDrops
from sql.publish import abandoned_build
from storage.folder import Folder
from storage.local_files import remove_empty_folders
from storage.store_lock import sole_use


@dataclass(frozen=True, slots=True)
class Collection:
    """What could go, and what keeps it from going."""

    goes: tuple[Unneeded, ...]
    too_young: int
    """Things that nothing refers to and that were written a moment ago: a run on another machine may be at work."""
    doubts: tuple[str, ...]

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Number and bytes of each kind, the largest first."""
        kinds: dict[str, tuple[int, int]] = {}
        for each in self.goes:
            n, n_bytes = kinds.get(each.kind, (0, 0))
            kinds[each.kind] = n + 1, n_bytes + each.n_bytes
        return dict(sorted(kinds.items(), key=lambda item: -item[1][1]))


def plan_collection(store: Store, older_than: float) -> Collection:
    """What could go; nothing is removed.

    Args:
        older_than: Seconds that nobody has written to it.

    Raises:
        AbsentFolder: If there is no store or no registry.
    """
    store.layout.root.require("the store", "correct GLASSHOUSE_HOME, or mount it")
    needs = StoreNeeds.of(store)
    found = [*unneeded(store, needs), *_abandoned_publication(store)]
    goes = tuple(each for each in found if each.age >= older_than)
    return Collection(goes, len(found) - len(goes), tuple(needs.doubts))


def _abandoned_publication(store: Store) -> Iterator[Unneeded]:
    """The half of a file that a killed publisher left."""
    if (folder := abandoned_build(store.published)) is not None:
        yield Unneeded.whole("half-written files", str(folder), Folder(str(folder)))


def collect(store: Store, older_than: float) -> tuple[Collection, Publication | None]:
    """Removes what could go, looked for again while nobody writes; publishes where published rows went.

    Raises:
        StoreInUse: If a run is at work on this machine.
        ValueError: If a card is in doubt: what it asks for might go.
    """
    with sole_use(store.layout.root.url):
        plan = plan_collection(store, older_than)
        if plan.doubts:
            raise ValueError(
                f"nothing was deleted, for it is not known what some cards ask for: {'; '.join(plan.doubts)}. Mend "
                "them, or take them out of the registry"
            )
        for each in sorted(plan.goes, key=lambda each: each.place.startswith("tables/sae/")):
            each.remove()
        if store.layout.root.is_local:
            _tidy(store, plan.goes)
    gone = frozenset(each.published for each in plan.goes if each.published is not None)
    published = publish_store(store, allowed=AllowedDrops(removed=gone)) if gone and store.published.exists() else None
    return plan, published


def _tidy(store: Store, gone: Iterable[Unneeded]) -> None:
    """Folders that are empty now go too."""
    root = Path(store.layout.root.path)
    for each in gone:
        if (parent := Path(each.folder.path).parent).is_relative_to(root):
            remove_empty_folders(parent, root)
