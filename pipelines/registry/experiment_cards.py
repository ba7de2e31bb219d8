"""Cards of experiments and of the prompt sets that they share, and which registration a card and a model make."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, field_validator, model_validator

from models.bounds import Bounds
from models.config_base import Settings
from models.experiments.prompt import COLUMNS, prompts_of
from models.experiments.settings_base import ExperimentSettings, PromptKind, method_names, settings_of
from pipelines.registry.cards import ModelCard, RecipeCard, checked_id, is_id

_OR_SEVERAL = ", or different ones as `recipes`"
CheckedId = Annotated[str, AfterValidator(checked_id)]


class PromptSetCard(Settings):
    """Prompts that several experiments share. The file's stem is the prompt_set_id."""

    kind: PromptKind = "prompts"
    """What a row has: `prompts` (prompt), `contrast_pairs` (clean, corrupt), `labelled` (prompt, label), `parallel`
    (prompt, language, group), `chat` (messages); for vision models `images` (prompt: the path of an image file) and
    `image_pairs` (clean, corrupt: two of them). Further columns: answer, foil, subject, group, label, language,
    spurious, split."""
    prompts: list[dict[str, Any]] = Field([], max_length=4096)
    """The rows themselves; left out where `source` names a file."""
    source: str | None = None
    """A JSONL, JSON, CSV or Parquet file, `hf:name[/config][:split]`, or `stdlib-functions`: functions and classes of
    Python's standard library that the bundled model never saw, each with its file as group; `stdlib-pieces`:
    docstrings and code of its packages, each with its package as label, its file as group and its kind as spurious
    label."""
    columns: dict[str, str] | None = None
    """The source's name for each column that it calls otherwise, such as `{answer: target}`."""
    max_prompts: Annotated[int, Bounds(1, 10**7)] | None = None
    """Rows of the source that are read at most; null for all."""
    max_per_label: Annotated[int, Bounds(1, 10**7)] | None = None
    """Rows of each label that are kept at most, drawn by a hash of their text; null for all."""
    max_tokens: Annotated[int, Bounds(2, 10**6)] | None = None
    """Tokens after which a text is cut; null refuses one that is longer than the model reads."""

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str] | None) -> dict[str, str] | None:
        if unknown := sorted((columns or {}).keys() - set(COLUMNS)):
            raise ValueError(f"a prompt set has no column {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
        return columns

    @model_validator(mode="after")
    def _one_place(self) -> "PromptSetCard":
        if bool(self.prompts) == (self.source is not None):
            raise ValueError(
                "a prompt set has either `prompts` with at least one row, or a `source`: write one of them"
            )
        if self.prompts:
            prompts_of(self.prompts, self.kind, "prompts")
        return self


class ExperimentCore(Settings):
    """A question about what a part of a model does. The file's stem is the experiment_id."""

    method: str = Field(examples=["logit_lens"])
    """Which question is asked."""
    prompt_set: CheckedId | None = Field(None, examples=["capitals"])
    """Stem of a card in `prompt_sets/` or `text_sets/`; left out where the method asks about units alone."""
    models: Literal["all"] | list[CheckedId] = "all"
    """Models that are asked: `all`, or a list of model ids."""
    recipe: CheckedId | None = None
    """Recipe whose dictionary is read or edited, where the method is about features."""
    recipes: list[CheckedId] = Field([], max_length=256)
    """The same in the place of `recipe`, for methods that read several dictionaries at once."""
    dictionaries: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]] = Field({})
    """Of which dictionaries the settings name features by number, as in `{pystdlib/mid-topk: 833f4f1c}`: by
    model/recipe the first digits of the sha256 of its weights. Once one is trained anew its numbers mean other
    features, and the experiment is refused. Those left out are not looked at."""
    seed: Annotated[int, Bounds(0, 2**31 - 1)] = 0
    """Of everything that is drawn."""

    @classmethod
    def card_class(cls, values: dict[Any, Any]) -> "type[ExperimentCore]":
        """The card of the method that the values name."""
        return experiment_cards().get(str(values.get("method")), cls)

    @field_validator("method")
    @classmethod
    def _known_method(cls, method: str) -> str:
        if method not in method_names():
            raise ValueError(f"there is no method {method!r}; there are {', '.join(method_names())}")
        return method

    @model_validator(mode="after")
    def _prompts_as_wanted(self) -> "ExperimentCore":
        kinds = settings_of(self.method).prompt_kinds
        if kinds and self.prompt_set is None:
            raise ValueError(f"{self.method} reads a prompt set of kind {' or '.join(kinds)}: name it as `prompt_set`")
        if not kinds and self.prompt_set is not None:
            raise ValueError(f"{self.method} asks about units and reads no prompts: leave `prompt_set` out")
        return self

    @model_validator(mode="after")
    def _recipe_as_wanted(self) -> "ExperimentCore":
        wants, n = settings_of(self.method).dictionary, len(self.recipe_ids)
        if wants in ("required", "several") and n == 0:
            raise ValueError(f"{self.method} is about features: name the `recipe` whose dictionary is meant")
        if wants == "none" and n:
            raise ValueError(f"{self.method} reads no dictionary: leave `recipe` out")
        if (wants != "several" and n > 1) or (self.recipe and self.recipes) or n > len(set(self.recipe_ids)):
            raise ValueError(f"found {n} recipes, wanted one as `recipe`{_OR_SEVERAL if wants == 'several' else ''}")
        return self

    @model_validator(mode="after")
    def _dictionaries_are_asked(self) -> "ExperimentCore":
        for sae_id in self.dictionaries:
            model_id, _, recipe_id = sae_id.partition("/")
            if not is_id(model_id) or not {recipe_id, recipe_id.rpartition(".")[0]} & set(self.recipe_ids):
                raise ValueError(
                    f"`dictionaries` has {sae_id!r}, wanted model/recipe, the recipe one of this card: "
                    f"{', '.join(self.recipe_ids) or 'it names none'}"
                )
        return self

    @property
    def recipe_ids(self) -> tuple[str, ...]:
        """Every recipe that is named."""
        return (*filter(None, [self.recipe]), *self.recipes)

    @property
    def method_settings(self) -> ExperimentSettings:
        """What the card sets of the method."""
        return getattr(self, "settings", None) or settings_of(self.method)()


@cache
def experiment_cards() -> dict[str, type[ExperimentCore]]:
    """The card of each method: all that every experiment has, and the method's own `settings`."""
    return {name: _card(name, settings_of(name)) for name in method_names()}


def _card(name: str, settings: type[ExperimentSettings]) -> type[ExperimentCore]:
    fields: dict[str, Any] = {"settings": (settings, settings())}
    return create_model(
        "ExperimentCard", __base__=ExperimentCore, __module__=__name__, __doc__=settings.__doc__, **fields
    )


@dataclass(frozen=True, slots=True)
class ExperimentRegistration:
    """One experiment on one model: one partition of its method, one row of `experiment`."""

    model_id: str
    experiment_id: str
    model: ModelCard
    card: ExperimentCore
    prompt_set: PromptSetCard | None
    """None where the method reads none."""
    revision: str
    """What the model card's revision stands for."""
    recipes: tuple[RecipeCard, ...] = ()
    """Those of `card.recipe_ids`."""
    cards_written: str = ""
    """Changes whenever one of the cards is written again."""

    @property
    def key(self) -> str:
        return f"{self.model_id}/{self.experiment_id}"

    @property
    def settings(self) -> ExperimentSettings:
        return self.card.method_settings
