"""The registry: what people ask for as cards, and what they wrote, in folders of a local folder or an S3 prefix."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import getitem
from typing import Any

from pydantic import BaseModel

from models.autointerp.human_labels import HumanLabel
from models.experiments.settings_base import settings_of
from pipelines.launchers.machine_card import MachineCard
from pipelines.registry.card_fields import card_keys
from pipelines.registry.card_folders import cards_of, recipes_by_block
from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard
from pipelines.registry.experiment_cards import ExperimentCore, ExperimentRegistration, PromptSetCard
from pipelines.registry.experiment_names import wrong_names
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.human_label_files import read_label_files
from pipelines.registry.identities.declared_stages import declared_stages
from pipelines.registry.identities.stages.sae import SAE
from pipelines.registry.text_set_cards import TextSetCard
from storage.folder import AbsentFolder, Folder
from storage.manifest import sha256_of
from storage.visible_text import visible

_OF_LABELS = "recipe.explanations."


@dataclass(frozen=True, slots=True)
class SAERegistration:
    """One model with one recipe: one partition, one row of `sae`."""

    model_id: str
    recipe_id: str
    model: ModelCard
    recipe: RecipeCard
    revision: str
    """The commit that the card's revision stands for, or what marks a local folder's content (see `resolve`)."""
    imported: str | None = None
    """The same of the dictionary, where the recipe imports one."""
    cards_written: str = ""
    """Changes whenever one of the two cards is written again, be it with the same content."""
    human_labels: tuple[HumanLabel, ...] = ()
    """What people wrote of its features."""

    @property
    def sae_id(self) -> str:
        return f"{self.model_id}/{self.recipe_id}"

    @property
    def corpus_id(self) -> str:
        return self.model.corpus_id

    @property
    def set_id(self) -> str | None:
        """The recipe card, where it asks for a dictionary of each of several blocks; this is then one of them."""
        return None if self.recipe.layers is None else self.recipe_id.rpartition(".")[0]

    @property
    def set_recipe_ids(self) -> tuple[str, ...]:
        """The dictionaries that are trained together, by block, ascending; this one alone where the card asks for no
        others."""
        return tuple(f"{self.set_id}.{block}" for block in self.recipe.layers or ()) or (self.recipe_id,)

    @property
    def card_values(self) -> dict[str, Any]:
        """Every field of the two cards by its path, as `recipe.training.tokens`; revisions as what they stand for."""
        resolved = {"model.revision": self.revision, "recipe.sae.revision": self.imported}
        absent = dict.fromkeys((f"model.{key}" for key in card_keys(ModelCard)), None)
        return absent | dict(_values("model", self.model)) | dict(_values("recipe", self.recipe)) | resolved

    @property
    def dictionary_identity(self) -> str:
        """Hash of everything that fixes the dictionary's weights, as far as cards and code say it."""
        return sha256_of(SAE.asked(self))

    @property
    def chain_identity(self) -> str:
        """Hash of all that is asked for but labels: when it changes, the chain runs again."""
        return sha256_of({"code": SAE.asked(self)["code"], "settings": self._settings(of_labels=False)})

    @property
    def labels_identity(self) -> str:
        """Hash of what is asked for about labels: it may change while the dictionary stays."""
        settings = self._settings(of_labels=True)
        written = {"human_labels": self.human_labels_sha256} if self.human_labels else {}
        return sha256_of(settings | written)

    @property
    def human_labels_sha256(self) -> str:
        """Hash of what people wrote."""
        return sha256_of({"labels": [asdict(label) for label in self.human_labels]})

    def _settings(self, *, of_labels: bool) -> dict[str, Any]:
        """Values of the card fields that decide what labels, or what the other stages, become."""
        stages = [stage for stage in declared_stages().values() if stage.is_asked_by(self)]
        settings = {name: value for stage in stages for name, value in stage.asked(self)["settings"].items()}
        return {name: value for name, value in settings.items() if name.startswith(_OF_LABELS) == of_labels}


def _values(name: str, card: BaseModel) -> Iterator[tuple[str, Any]]:
    dumped = card.model_dump(mode="json", by_alias=True)
    for key in card_keys(type(card)):
        yield f"{name}.{key}", reduce(getitem, key.split("."), dumped)


@dataclass(frozen=True, slots=True)
class Registry:
    """Every card that could be read, and a sentence for every one that could not."""

    models: dict[str, ModelCard]
    recipes: dict[str, RecipeCard]
    """Of each dictionary, by recipe_id; a card with `layers` asks for several."""
    errors: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """What changes when a card is written again, by kind and id (`models/pystdlib`)."""
    human_labels: dict[str, tuple[HumanLabel, ...]] = field(default_factory=dict)
    """What people wrote of features, by partition."""
    lists: dict[str, FeatureListCard] = field(default_factory=dict)
    """Lists of features, by list_id."""
    prompt_sets: dict[str, PromptSetCard] = field(default_factory=dict)
    """Those of `prompt_sets/`, and the text sets as experiments read them."""
    experiments: dict[str, ExperimentCore] = field(default_factory=dict)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The recipe_ids that a card with `layers` asks for, by the card's id."""
    machines: dict[str, MachineCard] = field(default_factory=dict)
    """Where work may run, by machine_id."""

    @classmethod
    def read(cls, folder: Folder) -> "Registry":
        """Every card of a registry.

        Raises:
            AbsentFolder: If it is not there, or is no registry: one that asks for nothing has empty folders.
        """
        remedy = "set GLASSHOUSE_REGISTRY to the folder that holds models/ and recipes/, or make it"
        folder.require("the registry", remedy)
        if not {"models", "recipes"} & set(folder.folders()):
            held = ", ".join([*folder.names(), *(f"{name}/" for name in folder.folders())]) or "nothing"
            raise AbsentFolder(f"{folder} is no registry, it holds {held}: {remedy}")
        errors: dict[str, str] = {}
        versions: dict[str, str] = {}
        models = cards_of(folder / "models", ModelCard, errors, versions)
        recipes, sets = recipes_by_block(cards_of(folder / "recipes", RecipeCard, errors, versions), errors, versions)
        prompt_sets = cards_of(folder / "prompt_sets", PromptSetCard, errors, versions)
        text_sets = cards_of(folder / "text_sets", TextSetCard, errors, versions)
        for name in sorted(prompt_sets.keys() & text_sets.keys()):
            text_sets.pop(name)
            errors[f"text_sets/{name}.yaml"] = (
                f"{folder}/text_sets/{name}.yaml: {folder}/prompt_sets holds a card of this name too: rename one"
            )
        prompt_sets |= {name: card.as_prompt_set() for name, card in text_sets.items()}
        experiments = cards_of(folder / "experiments", ExperimentCore, errors, versions)
        for model_id, card in models.items():
            unknown = [] if card.recipes == "all" else sorted(set(card.recipes) - recipes.keys() - sets.keys())
            if unknown:
                errors[f"models/{model_id}.yaml"] = (
                    f"{folder}/models/{model_id}.yaml: recipes {visible(', '.join(unknown), 200)} are not in "
                    f"{folder}/recipes (there: {visible(', '.join(recipes), 600) or 'none'}): add the card or correct "
                    "the name"
                )
        for experiment_id, card in experiments.items():
            if why := wrong_names(card, models, recipes, sets, prompt_sets):
                errors[f"experiments/{experiment_id}.yaml"] = f"{folder}/experiments/{experiment_id}.yaml: {why}"
        lists = cards_of(folder / "lists", FeatureListCard, errors, versions)
        machines = cards_of(folder / "machines", MachineCard, errors, versions)
        labels = read_label_files(folder / "labels", errors)
        registry = cls(models, recipes, errors, versions, labels, lists, prompt_sets, experiments, sets, machines)
        for sae_id in sorted(registry.human_labels.keys() - set(registry.sae_ids())):
            errors[f"labels/{sae_id}.csv"] = (
                f"{folder}/labels/{sae_id}.csv: labels of {sae_id}, which the registry does not ask for: rename the "
                "file to labels/<model_id>/<recipe_id>.csv, or add the cards"
            )
        return registry

    def registration(self, sae_id: str, resolve: "Resolver", resolve_import: "Resolver") -> SAERegistration:
        """One partition's cards, what they leave open resolved: the revisions of the model and of an imported
        dictionary.

        Raises:
            InvalidCard: If a card of it is missing or cannot be read.
        """
        model_id, _, recipe_id = sae_id.partition("/")
        for kind, name, known in (("models", model_id, self.models), ("recipes", recipe_id, self.recipes)):
            self._require(sae_id, kind, name, known)
        if why := self.errors.get(f"labels/{sae_id}.csv"):
            raise InvalidCard(f"{sae_id}: {why}")
        model, recipe = self.models[model_id], self.recipes[recipe_id]
        imported = resolve_import(recipe.sae.imported, recipe.sae.revision) if recipe.sae.imported else None
        revision = resolve(model.source, model.revision)
        written = " ".join(
            self.versions.get(f"{kind}/{name}", "") for kind, name in (("models", model_id), ("recipes", recipe_id))
        )
        human_labels = self.human_labels.get(sae_id, ())
        return SAERegistration(model_id, recipe_id, model, recipe, revision, imported, written, human_labels)

    def experiment(self, key: str, resolve: "Resolver") -> ExperimentRegistration:
        """The cards of one partition of an experiment, the model's revision resolved.

        Raises:
            InvalidCard: If a card of it is missing or cannot be read.
        """
        model_id, _, experiment_id = key.partition("/")
        names = [("models", model_id, self.models), ("experiments", experiment_id, self.experiments)]
        for kind, name, known in names:
            self._require(key, kind, name, known)
        if why := self.errors.get(f"experiments/{experiment_id}.yaml"):
            raise InvalidCard(f"{key}: {why}")
        model, card = self.models[model_id], self.experiments[experiment_id]
        if card.prompt_set is not None:
            names += [(self._folder_of(card.prompt_set), card.prompt_set, self.prompt_sets)]
        recipe_ids = [each for recipe_id in card.recipe_ids for each in self.dictionaries_of(recipe_id)]
        names += [("recipes", recipe_id, self.recipes) for recipe_id in recipe_ids]
        for kind, name, known in names[2:]:
            self._require(key, kind, name, known)
        written = " ".join(self.versions.get(f"{kind}/{name}", "") for kind, name, _ in names)
        recipes = tuple(self.recipes[recipe_id] for recipe_id in recipe_ids)
        prompt_set = None if card.prompt_set is None else self.prompt_sets[card.prompt_set]
        revision = resolve(model.source, model.revision)
        return ExperimentRegistration(model_id, experiment_id, model, card, prompt_set, revision, recipes, written)

    def machine(self, machine_id: str) -> MachineCard:
        """The card of a machine.

        Raises:
            InvalidCard: If there is none, or it cannot be read.
        """
        self._require(machine_id, "machines", machine_id, self.machines)
        return self.machines[machine_id]

    def _folder_of(self, prompt_set: str) -> str:
        is_text_set = any(
            f"text_sets/{prompt_set}{end}" in of for end, of in (("", self.versions), (".yaml", self.errors))
        )
        return "text_sets" if is_text_set and f"prompt_sets/{prompt_set}" not in self.versions else "prompt_sets"

    def experiment_keys(self, method: str | None = None) -> list[str]:
        """Every model with every experiment that it is asked, of one method or of all."""
        return [
            f"{model_id}/{experiment_id}"
            for experiment_id, card in self.experiments.items()
            for model_id in self.models
            if method in (None, card.method) and (card.models == "all" or model_id in card.models)
            if (settings_of(card.method).asks == "vision") == (self.models[model_id].images_seen is not None)
            if {each for recipe_id in card.recipe_ids for each in self.dictionaries_of(recipe_id)}
            <= set(self._recipes_of(self.models[model_id]))
        ]

    def _require(self, key: str, kind: str, name: str, known: Mapping[str, Any]) -> None:
        if name not in known:
            card = name if f"{kind}/{name}.yaml" in self.errors else name.rpartition(".")[0]
            why = self.errors.get(
                f"{kind}/{card}.yaml", f"there is no {kind}/{name}.yaml; known: {', '.join(known) or 'none'}"
            )
            raise InvalidCard(f"{key}: {why}")

    def sae_ids(self) -> list[str]:
        """Every model with every recipe that it asks for and that can be read."""
        return [
            f"{model_id}/{recipe_id}" for model_id, card in self.models.items() for recipe_id in self._recipes_of(card)
        ]

    def recipes_of(self, model_id: str) -> dict[str, RecipeCard]:
        return {recipe_id: self.recipes[recipe_id] for recipe_id in self._recipes_of(self.models[model_id])}

    def dictionaries_of(self, recipe_id: str) -> tuple[str, ...]:
        """The recipe_ids that a name stands for: those of a card with `layers`, or itself."""
        return self.sets.get(recipe_id, (recipe_id,))

    def card_of(self, recipe_id: str) -> str:
        """The id of the card that asks for a dictionary."""
        return next((card_id for card_id, names in self.sets.items() if recipe_id in names), recipe_id)

    def _recipes_of(self, card: ModelCard) -> list[str]:
        if card.recipes == "all":
            return list(self.recipes)
        wanted = {each for recipe_id in card.recipes for each in self.dictionaries_of(recipe_id)}
        return [recipe_id for recipe_id in self.recipes if recipe_id in wanted]


Resolver = Callable[[str, str | None], str]
