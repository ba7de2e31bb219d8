"""Features of an experiment's dictionary that lists of the registry tag."""

from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.current_lists import current_lists
from pipelines.store.store import Store


def tagged_features(store: Store, registration: ExperimentRegistration) -> dict[int, str]:
    """The tag of each feature, where the method reads tags; struck ones, and those of another dictionary, are left
    out."""
    if not registration.settings.reads_tags:
        return {}
    lists, _ = current_lists(store.layout, store.cards().lists)
    entries = (entry for _, card in sorted(lists.items()) for entry in card.features)
    wanted = (registration.model_id, *registration.card.recipe_ids)
    found = {
        entry.key[2]: entry.tag
        for entry in entries
        if entry.key[:2] == wanted and entry.tag and entry.status != "struck"
    }
    return dict(sorted(found.items()))
