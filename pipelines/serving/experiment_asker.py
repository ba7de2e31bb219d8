"""Methods of experiments tried on one prompt for a page, with models that are kept in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import yaml
from pydantic import ValidationError

from models.experiments.prompt import COLUMNS, WANTED, Prompt
from models.experiments.settings_base import ExperimentSettings, PromptKind, method_names, settings_of
from pipelines.experiments.by_hand import HandQuestion
from pipelines.experiments.prompt_rows import prompt_rows
from pipelines.serving.model_hosts import ModelHosts, Report
from storage.remote_errors import Unreachable, remote_errors
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

MOST_PASSES = 3_000
"""Forward passes of one question: more belong into an experiment card."""
PASTED, PASTED_LABELS = ("texts", "other_texts"), ("these", "those")
"""Where a form takes texts that have something and texts that do not, and what they are labelled."""
FEWEST_PASTED, MOST_PASTED_TOKENS = 6, 128
_KINDS: tuple[PromptKind, ...] = ("prompts", "contrast_pairs")
"""Kinds of prompt set of which one row can be typed; a method's page takes the first of its own."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting of a method, as a form shows it."""

    name: str
    meaning: str
    default: str
    choices: Sequence[str]


@dataclass(frozen=True, slots=True)
class TypedMethod:
    """A method whose prompt can be typed."""

    name: str
    question: str
    kind: PromptKind
    columns: Sequence[str]
    needed: Sequence[str]
    recipes: Sequence[str]
    needs_recipe: bool
    fields: Sequence[SettingField]


@dataclass(frozen=True, slots=True)
class TypedAnswer:
    """Rows by table, as a run would write them, and the cards that repeat the question."""

    tables: "Mapping[str, pa.Table]"
    cards: str


class ExperimentAsker:
    """Runs methods on the models of one store, one question at a time."""

    def __init__(self, hosts: ModelHosts) -> None:
        self.hosts = hosts

    def methods(self, model_id: str) -> list[TypedMethod]:
        """Every method that works prompt by prompt, and that the model has what it needs for."""
        cards = self.hosts.store.cards()
        if model_id not in cards.models:
            return []
        recipes = tuple(cards.recipes_of(model_id))
        return [method for name in method_names() if (method := typed_method(name, recipes))]

    def ask(self, model_id: str, method: str, given: Mapping[str, str], report: Report) -> TypedAnswer:
        """Runs a method on one prompt.

        Args:
            given: Columns of the prompt, `recipe`, and settings as YAML under `set.NAME`; what is empty is left out.

        Raises:
            ValueError: If something cannot be meant or run: the sentence says what, and what to do.
        """
        known = {each.name: each for each in self.methods(model_id)}
        if method not in known:
            raise ValueError(f"{method} cannot be tried on {model_id} by hand: there are {', '.join(known) or 'none'}")
        question = _question(known[method], model_id, given)
        try:
            with self.hosts.turn, remote_errors():
                return self._asked(question, report)
        except Unreachable as error:
            raise ValueError(str(error)) from error
        except ValidationError as error:
            raise ValueError(_sentence(error)) from error

    def _asked(self, question: HandQuestion, report: Report) -> TypedAnswer:
        store = self.hosts.store
        registration = question.registration(store)
        report("loading the model")
        host = self.hosts.model(self.hosts.row("model", model_id=question.model_id), registration.model.dtype).host
        report("running the model")
        answer = question.ask(store, host, most_passes=MOST_PASSES)
        rows = {**answer.rows, "prompt": prompt_rows(answer.given)}
        tables = {name: rows_as_table(name, each) for name, each in rows.items()}
        return TypedAnswer(tables, question.cards(store))


def typed_method(name: str, recipes: Sequence[str]) -> TypedMethod | None:
    """A method as a form asks for it; None where its prompt cannot be typed, or there is no dictionary for it."""
    settings = settings_of(name)
    kind: PromptKind | None = next((kind for kind in settings.prompt_kinds if kind in _KINDS), None)
    needs_recipe = settings.dictionary in ("required", "several")
    if settings.pasted_texts and recipes:
        fields = tuple(_fields(settings))
        return TypedMethod(name, settings.question, "labelled", PASTED, PASTED, recipes, needs_recipe, fields)
    if kind is None or settings.prompts_per_chunk is None or (needs_recipe and not recipes):
        return None
    asked = [
        column for column, is_needed in (("answer", settings.needs_answer), ("foil", settings.needs_foil)) if is_needed
    ]
    others = [column for column in ("answer", "foil", "subject") if column not in asked]
    needed = (*WANTED[kind], *asked)
    offered = () if settings.dictionary == "none" else recipes
    return TypedMethod(
        name, settings.question, kind, (*needed, *others), needed, offered, needs_recipe, tuple(_fields(settings))
    )


def _fields(settings: type[ExperimentSettings]) -> Iterator[SettingField]:
    for name, field in settings.model_fields.items():
        if name in settings.not_by_hand:
            continue
        words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        default = yaml.safe_dump(_plain(field.default), default_flow_style=True, width=1_000)
        yield SettingField(
            name, field.description or "", default.removesuffix("\n...\n").strip(), tuple(map(str, words))
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _question(method: TypedMethod, model_id: str, given: Mapping[str, str]) -> HandQuestion:
    if method.kind == "labelled":
        return _pasted(method, model_id, given)
    columns: dict[str, Any] = {name: given[name] for name in COLUMNS if given.get(name)}
    if missing := [name for name in method.needed if name not in columns]:
        raise ValueError(f"{method.name} wants {', '.join(missing)}: fill it in")
    recipes = (given["recipe"],) if given.get("recipe") else ()
    prompt = Prompt(0, **columns)
    return HandQuestion(method.name, model_id, (prompt,), method.kind, recipes, dict(_settings(method, given)))


def _pasted(method: TypedMethod, model_id: str, given: Mapping[str, str]) -> HandQuestion:
    """Texts that have something and texts that do not, as they were pasted: one a line, or divided by empty lines where
    there are any."""
    texts = {label: _divided(given.get(column, "")) for column, label in zip(PASTED, PASTED_LABELS, strict=True)}
    for column, label in zip(PASTED, PASTED_LABELS, strict=True):
        if len(texts[label]) < FEWEST_PASTED:
            raise ValueError(
                f"{column}: {len(texts[label])} texts, wanted {FEWEST_PASTED} at least, one a line: half of them "
                "choose features and half judge them"
            )
    rows = [(text, label) for label, each in texts.items() for text in each]
    prompts = tuple(Prompt(number, prompt=text, label=label) for number, (text, label) in enumerate(rows))
    settings = {"labels": [PASTED_LABELS[0]], "fewest_texts": FEWEST_PASTED, "test_share": 0.5}
    settings |= dict(_settings(method, given))
    recipes = (given["recipe"],) if given.get("recipe") else method.recipes[:1]
    return HandQuestion(method.name, model_id, prompts, "labelled", recipes, settings, max_tokens=MOST_PASTED_TOKENS)


def _divided(text: str) -> list[str]:
    text = text.replace("\r\n", "\n").strip("\n")
    pieces = text.split("\n\n") if "\n\n" in text else text.split("\n")
    return [piece.strip("\n") for piece in pieces if piece.strip()]


def _settings(method: TypedMethod, given: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for field in method.fields:
        text = given.get(f"set.{field.name}", "").strip()
        if not text or text == field.default:
            continue
        try:
            yield field.name, yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"{field.name} = {text[:60]!r} cannot be read: write it as in a card") from error


def _sentence(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in problems
    )
