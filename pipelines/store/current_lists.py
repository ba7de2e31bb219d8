"""People's lists of features, without the entries that are of another dictionary than there is."""

from collections.abc import Iterator
from functools import cache

from models.autointerp.human_labels import DIGITS
from pipelines.registry.feature_lists import FeatureListCard, ListedFeature
from pipelines.store.dictionary_hash import weights_sha256
from pipelines.store.layout import StoreLayout


def current_lists(
    layout: StoreLayout, lists: dict[str, FeatureListCard]
) -> tuple[dict[str, FeatureListCard], list[str]]:
    """The lists as they hold of the dictionaries that are there, and a sentence for each entry that does not."""
    weights, outdated = cache(lambda model_id, recipe_id: weights_sha256(layout, model_id, recipe_id)), list[str]()

    def kept(list_id: str, card: FeatureListCard) -> Iterator[ListedFeature]:
        for entry in card.features:
            now = "" if entry.dictionary is None else weights(*entry.key[:2])
            if now.startswith(entry.dictionary or ""):
                yield entry
            else:
                outdated.append(
                    f"left out: lists/{list_id}.yaml: {entry.feature} is of the dictionary {entry.dictionary}, and "
                    f"there is {now[:DIGITS] or 'none'}, where the number means another feature: look at it again, and "
                    "correct the entry"
                )

    current = {
        list_id: card.model_copy(update={"features": list(kept(list_id, card))}) for list_id, card in lists.items()
    }
    return current, outdated
