"""What the registry asks for now, card by card: each registration resolved, each failure a sentence."""

from collections.abc import Callable

from pipelines.registry.cards import InvalidCard
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.registry.registry import SAERegistration
from pipelines.store.open_store import OpenStore, import_revision
from storage.remote_errors import remote_errors
from storage.revisions import resolve_revision


def resolve_registry(store: OpenStore) -> tuple[list[SAERegistration], dict[str, str]]:
    """Registrations that can run, and errors by the card or partition that they keep from running.

    Every card is read once, and every source asked once for its revision.
    """
    cards, revision, imported = store.cards(), _once(resolve_revision), _once(import_revision)
    errors = dict(cards.errors)
    registrations = []
    for sae_id in cards.sae_ids():
        try:
            registrations.append(cards.registration(sae_id, revision, imported))
        except InvalidCard as error:
            errors[sae_id] = str(error)
        except (ValueError, OSError) as error:
            errors[sae_id] = f"{sae_id}: {error}"
    return registrations, errors


def resolve_experiments(store: OpenStore) -> tuple[list[ExperimentRegistration], dict[str, str]]:
    """Experiments that can run, and errors by the card or partition that they keep from running."""
    cards, revision = store.cards(), _once(resolve_revision)
    folders = ("experiments/", "prompt_sets/", "text_sets/")
    errors = {name: why for name, why in cards.errors.items() if name.startswith(folders)}
    registrations = []
    for key in cards.experiment_keys():
        try:
            registrations.append(cards.experiment(key, revision))
        except (ValueError, OSError) as error:
            errors[key] = f"{key}: {error}"
    return registrations, errors


Resolver = Callable[[str, str | None], str]


def _once(resolve: Resolver) -> Resolver:
    """Asks for each source and revision once, be the answer a revision or an error."""
    known: dict[tuple[str, str | None], str | ValueError | OSError] = {}

    def resolved(source: str, revision: str | None) -> str:
        if (source, revision) not in known:
            try:
                with remote_errors():
                    known[source, revision] = resolve(source, revision)
            except (ValueError, OSError) as error:
                known[source, revision] = error
        answer = known[source, revision]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return resolved
