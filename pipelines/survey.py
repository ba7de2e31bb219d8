"""What the registry asks for now, card by card: each registration resolved, each failure a sentence."""

from pipelines.cards import BadCard
from pipelines.registry import Registration
from pipelines.store import Store


def survey(store: Store) -> tuple[list[Registration], dict[str, str]]:
    """Registrations that can run, and errors by the card or partition that they keep from running."""
    cards = store.cards()
    errors = dict(cards.errors)
    registrations = []
    for sae_id in cards.sae_ids():
        try:
            registrations.append(store.registration(sae_id))
        except BadCard as error:
            errors[sae_id] = str(error)
        except (ValueError, OSError) as error:
            errors[sae_id] = f"{sae_id}: {error}"
    return registrations, errors
