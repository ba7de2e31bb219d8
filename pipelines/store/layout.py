"""Where every dataset of the store lies: paths alone, whether or not anything is there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipelines.registry.registry import SAERegistration
from storage.folder import Folder

DictionaryKey = tuple[str, str]
"""model_id and recipe_id."""


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """The folders below one root."""

    root: Folder

    def absence(self) -> str | None:
        """A sentence where there is no store at all, so that nobody takes it for an empty one."""
        why = self.root.absence()
        return f"the store {self.root} is not there ({why}): correct GLASSHOUSE_HOME, or mount it" if why else None

    def corpus(self, corpus_id: str, frame_sha256: str) -> Folder:
        """The corpus as one tokenizer cuts it in one frame."""
        return self.root / "corpora" / corpus_id / frame_sha256[:16]

    def activations(self, model_id: str, site: str) -> Folder:
        return self.root / "activations" / model_id / site

    def sae(self, registration: SAERegistration) -> Folder:
        return self.sae_at(registration.model_id, registration.recipe_id)

    def sae_at(self, model_id: str, recipe_id: str) -> Folder:
        return self.root / "saes" / model_id / recipe_id

    def experiment_chunks(self, model_id: str, experiment_id: str) -> Folder:
        """Chunks of an experiment that is being measured."""
        return self.root / "experiment_chunks" / model_id / experiment_id

    def experiment_fits(self, model_id: str) -> Folder:
        """What experiments fitted on ordinary text, for further experiments on the model."""
        return self.root / "experiment_fits" / model_id

    def launch(self, launch_id: str) -> Folder:
        """What the processes of a launch are told, and leave for each other until it has ended."""
        return self.root / "launches" / launch_id

    def stage_records(self) -> Folder:
        """How the last run of each stage went, a file a partition."""
        return self.root / "stage_records"

    def ledger(self) -> Folder:
        """Answers that were paid for: one ledger for the whole home, keyed by content."""
        return self.root / "ledger"

    def label_requests(self, registration: SAERegistration) -> Folder:
        """Which features somebody asked labels for."""
        return self.label_requests_at(registration.model_id, registration.recipe_id)

    def label_requests_at(self, model_id: str, recipe_id: str) -> Folder:
        return self.root / "label_requests" / model_id / recipe_id

    def tables(self) -> Folder:
        """The tables that are published."""
        return self.root / "tables"

    def table(self, name: str, registration: SAERegistration) -> Folder:
        return self.table_at(name, model_id=registration.model_id, recipe_id=registration.recipe_id)

    def tables_of(self, names: Iterable[str], registration: SAERegistration) -> dict[str, Folder]:
        """The partitions of several tables, by their names."""
        return {name: self.table(name, registration) for name in names}

    def table_at(self, name: str, **keys: str) -> Folder:
        """The partition of a table that has these keys, in this order."""
        folder = self.tables() / name
        for key, value in keys.items():
            folder = folder / f"{key}={value}"
        return folder

    def partitions(self, name: str) -> list[dict[str, str]]:
        """The keys of every partition of a table that has a folder."""
        return list(_partitions(self.tables() / name, {}))

    def dictionaries(self) -> list[DictionaryKey]:
        """Every dictionary with a folder in the table `sae`, sorted; a model without any is none."""
        keys = self.partitions("sae")
        return sorted((each["model_id"], each["recipe_id"]) for each in keys if "recipe_id" in each)


def _partitions(folder: Folder, keys: dict[str, str]) -> Iterator[dict[str, str]]:
    below = [name.partition("=") for name in folder.folders() if "=" in name]
    if keys and not below:
        yield keys
    for key, _, value in below:
        yield from _partitions(folder / f"{key}={value}", keys | {key: value})
