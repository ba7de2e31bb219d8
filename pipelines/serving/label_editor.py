"""Labels that are written on the pages: they go into the registry, as those of the command line do."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from models.autointerp.human_labels import HumanLabel
from pipelines.labels.label_writing import known_labels, write_human_label
from pipelines.store.store import Store
from storage.manifest import sha256_of


class RegistryLabelEditor:
    """Reads and writes people's labels of one registry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def labels(self, sae_id: str, feature_id: int) -> tuple[Sequence[HumanLabel], str]:
        known = known_labels(self._store, sae_id, feature_id)
        return known, _version(known)

    def write(self, sae_id: str, feature_id: int, text: str, author: str, seen: str) -> None:
        write_human_label(self._store, sae_id, feature_id, text, author, lambda now: _version(now) == seen)


def _version(labels: Sequence[HumanLabel]) -> str:
    return sha256_of({"labels": [asdict(label) for label in labels]})


def require_loopback(host: str, names: Iterable[str]) -> None:
    """Raises ValueError unless pages at this address are this machine's alone: whoever reaches them may write."""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback or list(names):
        raise ValueError(
            f"--allow-edit lets whoever opens the pages write into the registry, and they would be open to others "
            f"({', '.join([host, *names])}): leave out --host and --name, or --allow-edit"
        )
