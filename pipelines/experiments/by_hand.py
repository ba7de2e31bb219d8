"""A question that is asked of one prompt or some, in seconds; nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from models.experiments.prompt import COLUMNS, Prompt
from models.experiments.settings_base import PromptKind, settings_of
from pipelines.experiments.experiment_input import experiment_input
from pipelines.registry.cards import InvalidCard
from pipelines.registry.experiment_cards import ExperimentRegistration, PromptSetCard, experiment_cards
from pipelines.store.named_dictionaries import named_dictionaries
from pipelines.store.store import Store
from storage.revisions import resolve_revision

if TYPE_CHECKING:
    from models.experiments.method import ExperimentInput, Rows
    from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class HandAnswer:
    """What a method made of the prompts, as a run would have written it."""

    given: "ExperimentInput[Any]"
    rows: "Rows"


@dataclass(frozen=True)
class HandQuestion:
    """A method, its settings and some prompts, of a model in the registry."""

    method: str
    model_id: str
    prompts: Sequence[Prompt]
    kind: PromptKind = "prompts"
    recipes: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    max_tokens: int | None = None
    """Tokens after which a text is cut."""

    def ask(self, store: Store, host: "HookedModel | None" = None, *, most_passes: int | None = None) -> HandAnswer:
        """Runs the method.

        Args:
            store: Where the dictionary is, if one is named.
            host: The model, where it is loaded already.
            most_passes: Forward passes that it may cost; None for any number.

        Raises:
            InvalidCard: If there is no card of the model or the recipe.
            ValueError: As a run of the experiment would, before the first pass.
        """
        from models.experiments.method import method_of

        registration = self.registration(store)
        if registration.settings.judging() is not None:
            raise ValueError(
                "a judge is asked in runs of an experiment only, which keep what was answered and paid: leave `judge` "
                "out here, or write the cards and run `glasshouse experiment`"
            )
        given, method = experiment_input(store, registration, host), method_of(self.method)
        n_forward = method.passes(given).forward
        if most_passes is not None and n_forward > most_passes:
            raise ValueError(
                f"this costs {n_forward:,} forward passes, and {most_passes:,} are run while somebody waits: ask for "
                "less, or write the cards and run `glasshouse experiment`"
            )
        rows = method.measure(given, given.prompts)
        return HandAnswer(given, {**rows, **method.summarize(given, rows)})

    def registration(self, store: Store) -> ExperimentRegistration:
        """The question as the cards would ask it."""
        cards = store.cards()
        recipe_ids = [each for recipe_id in self.recipes for each in cards.dictionaries_of(recipe_id)]
        named = [("models", self.model_id, cards.models), *(("recipes", each, cards.recipes) for each in recipe_ids)]
        for folder, name, known in named:
            if name not in known:
                why = cards.errors.get(f"{folder}/{name}.yaml", f"there is {', '.join(known) or 'none'}")
                raise InvalidCard(f"no card {folder}/{name}.yaml in the registry: {why}")
        model = cards.models[self.model_id]
        card = experiment_cards()[self.method].model_validate(self._card())
        prompt_set = PromptSetCard.model_validate(self._prompt_set())
        revision = resolve_revision(model.source, model.revision)
        recipes = tuple(cards.recipes[recipe_id] for recipe_id in recipe_ids)
        return ExperimentRegistration(self.model_id, "by-hand", model, card, prompt_set, revision, recipes)

    def cards(self, store: Store) -> str:
        """The YAML of the two cards that repeat the question of the same dictionaries."""
        named = self._named_dictionaries(store)
        card = self._card() | ({"dictionaries": named} if named else {})
        sets, experiment = (_yaml(values) for values in (self._prompt_set(), card))
        return (
            f"# registry/prompt_sets/by-hand.yaml\n{sets}\n"
            f"# registry/experiments/by-hand-{self.method.replace('_', '-')}.yaml\n{experiment}"
        )

    def _named_dictionaries(self, store: Store) -> dict[str, str]:
        """Those whose features the settings name by number."""
        if not any(self.settings.get(name) for name in settings_of(self.method).feature_settings):
            return {}
        cards = store.cards()
        recipe_ids = [each for recipe_id in self.recipes for each in cards.dictionaries_of(recipe_id)]
        return named_dictionaries(store, self.model_id, recipe_ids)

    def _card(self) -> dict[str, Any]:
        card: dict[str, Any] = {"method": self.method, "prompt_set": "by-hand", "models": [self.model_id]}
        card |= {"recipe": self.recipes[0]} if len(self.recipes) == 1 else {}
        card |= {"recipes": list(self.recipes)} if len(self.recipes) > 1 else {}
        card |= {"settings": dict(self.settings)} if self.settings else {}
        return card | ({"seed": self.seed} if self.seed else {})

    def _prompt_set(self) -> dict[str, Any]:
        rows = [{name: _plain(getattr(prompt, name)) for name in COLUMNS} for prompt in self.prompts]
        cut = {} if self.max_tokens is None else {"max_tokens": self.max_tokens}
        rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
        return {"kind": self.kind} | cut | {"prompts": rows}


def _plain(value: Any) -> Any:
    return [dict(message) for message in value] if isinstance(value, tuple) else value


def _yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=100)
