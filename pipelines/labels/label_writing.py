"""A person writes a label of a feature: it becomes a row of the registry, and an explanation at the next run."""

from collections.abc import Callable

from models.autointerp.human_labels import DIGITS, HumanLabel, checked_human_label, require_known_features
from pipelines.registry.human_label_files import labels_of, now_utc, read_labels, write_label
from pipelines.store.dictionary_hash import weights_sha256
from pipelines.store.store import Store
from storage.folder import Folder
from storage.manifest import Manifest

MayReplace = Callable[[tuple[HumanLabel, ...]], bool]


def label_folder(store: Store) -> Folder:
    return store.registry_folder / "labels"


def known_labels(store: Store, sae_id: str, feature_id: int) -> tuple[HumanLabel, ...]:
    """What people wrote of a feature, as the registry has it now."""
    return labels_of(read_labels(label_folder(store), sae_id), feature_id)


def write_human_label(
    store: Store, sae_id: str, feature_id: int, text: str, author: str, may_replace: MayReplace
) -> HumanLabel:
    """Writes a label into the registry.

    Raises:
        ValueError: If the registry has no such partition, the dictionary no such feature, or the text is no label.
        LabelConflict: If it may not replace what stands there.
    """
    if sae_id not in (known := store.cards().sae_ids()):
        raise ValueError(
            f"the registry asks for no {sae_id!r}, and labels belong to what it asks for: name one of "
            f"{', '.join(known) or 'none'}"
        )
    dictionary = weights_sha256(store.layout, *sae_id.split("/"))[:DIGITS]
    label = checked_human_label(feature_id, text, author, now_utc(), dictionary)
    require_known_features([label], _n_features(store, sae_id), sae_id)
    write_label(label_folder(store), sae_id, label, may_replace)
    return label


def _n_features(store: Store, sae_id: str) -> int:
    """How many features the dictionary has, by the table of its statistics."""
    model_id, recipe_id = sae_id.split("/")
    manifest = Manifest.read(store.layout.table_at("feature", model_id=model_id, recipe_id=recipe_id))
    if manifest is None:
        raise ValueError(f"{sae_id} has no features yet: materialize `feature_statistics` first, or `glasshouse run`")
    return manifest.rows
