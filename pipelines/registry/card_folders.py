"""Every card of a folder of the registry by its id, and a sentence for every one that cannot be read."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from pipelines.registry.cards import C, InvalidCard, RecipeCard, checked_id, read_card_file
from storage.folder import Folder
from storage.visible_text import visible


def cards_of(folder: Folder, kind: type[C], errors: dict[str, str], versions: dict[str, str]) -> dict[str, C]:
    found: dict[str, C] = {}
    for name, version in folder.versions().items():
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        if suffix not in (".yaml", ".yml"):
            continue
        try:
            checked_id(stem)
            versions[f"{PurePosixPath(folder.path).name}/{stem}"] = version
            if stem in found:
                raise InvalidCard(f"{folder}/{name}: a second card for {stem!r}: keep one of .yaml and .yml")
            found[stem] = read_card_file(kind, folder, name)
        except (ValueError, OSError) as error:
            shown = visible(name, 200)
            errors[f"{PurePosixPath(folder.path).name}/{shown}"] = (
                str(error) if isinstance(error, InvalidCard) else f"{folder}/{shown}: {error}"
            )
    return found


def recipes_by_block(
    cards: Mapping[str, RecipeCard], errors: dict[str, str], versions: dict[str, str]
) -> tuple[dict[str, RecipeCard], dict[str, tuple[str, ...]]]:
    """The recipe of every dictionary, and the recipe_ids of each card that asks for several."""
    recipes = {recipe_id: card for recipe_id, card in cards.items() if card.layers is None}
    sets: dict[str, tuple[str, ...]] = {}
    for recipe_id, card in cards.items():
        if card.layers is None:
            continue
        try:
            found = card.by_block(recipe_id)
            if taken := sorted(found.keys() & recipes.keys()):
                raise InvalidCard(f"its block is called {taken[0]}, as another card is: rename one of them")
        except ValueError as error:
            errors[f"recipes/{recipe_id}.yaml"] = f"recipes/{recipe_id}.yaml: {error}"
            continue
        recipes |= found
        sets[recipe_id] = tuple(found)
        for each in found:
            versions[f"recipes/{each}"] = versions.get(f"recipes/{recipe_id}", "")
    return recipes, sets
