"""A synthetic dictionary that went out in Neuronpedia's layout, for tests that take it in again or damage it."""

import gzip
import json
from pathlib import Path
from typing import Any

from synthetic_store import SyntheticStore

from pipelines.interchange.import_export import export_dictionary
from pipelines.store.store import Store


def house(root: Path) -> Store:
    """A store in a folder, and beside it a registry that asks for nothing."""
    registry = root.with_name(f"registry_of_{root.name}")
    (registry / "models").mkdir(parents=True, exist_ok=True)
    return Store(home=str(root), registry=str(registry), warehouse=str(root / "warehouse.duckdb"))


def exported_house(root: Path) -> tuple[Store, Path]:
    """A store with demo/mid, and the folder of its export."""
    synthetic = SyntheticStore(str(root))
    synthetic.write_model("demo")
    synthetic.write_sae("demo", "mid")
    store = house(root)
    return store, Path(export_dictionary(store, "demo", "mid", "neuronpedia", str(root / "out")).url)


def lines(path: Path) -> list[dict[str, Any]]:
    """Objects of a gzipped file of JSON lines."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
