"""The example of transcoders: its cards are read, and graphs and weights are asked of both sets."""

from pipelines.registry.registry import Registry
from storage.folder import Folder


def test_its_cards_are_read():
    registry = Registry.read(Folder("examples/transcoders"))
    assert registry.errors == {}
    asked = {name: card.recipe_ids for name, card in registry.experiments.items()}
    sets = {
        f"{asked}-{name}": tuple(f"{name}.{layer}" for layer in range(5))
        for asked in ("graphs", "weights")
        for name in ("across", "within")
    }
    assert asked == sets
    assert {recipe for recipes in asked.values() for recipe in recipes} <= set(registry.recipes)
