"""A registry that asks for the dictionary demo/mid of the synthetic warehouse, so that its pages can be edited."""

from pathlib import Path

from pipelines.store.store import Store

CARDS = {
    "models/demo.yaml": "source: nowhere\ncorpus: {source: nowhere}\n",
    "recipes/mid.yaml": "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n",
}


def registry_of_the_warehouse(warehouse: Path, folder: Path) -> Store:
    """The store of a published file, with its cards in a folder that is empty yet."""
    for name, text in CARDS.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    return Store(home=str(warehouse.parent), registry=str(folder), warehouse=str(warehouse))
