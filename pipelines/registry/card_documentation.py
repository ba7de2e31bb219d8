"""docs/card-reference.md, written from the cards: `python -m pipelines.registry.card_documentation`."""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models.bounds import number_bounds
from models.experiments.settings_base import method_names, settings_of
from pipelines.launchers.machine_card import machine_kinds
from pipelines.registry.card_fields import section_of
from pipelines.registry.cards import ModelCard, RecipeCard, VisionModelCard
from pipelines.registry.experiment_cards import ExperimentCore, PromptSetCard
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.text_set_cards import TextSetCard

INTRODUCTION = """\
# Card reference

Written from the code by `python -m pipelines.registry.card_documentation > docs/card-reference.md`; a test holds this
page to it.

Every field of every kind of card with its default. A required field has an example in the place of a default. Most
cards have three to six lines; [cards.md](cards.md) explains architectures, imports, corpora and labels,
[interventions.md](interventions.md) the methods of experiments.
"""
CARDS = {
    "Model card: `registry/models/<model_id>.yaml`": ModelCard,
    "Model card of a vision model": VisionModelCard,
    "Recipe: `registry/recipes/<recipe_id>.yaml`": RecipeCard,
    "Prompt set: `registry/prompt_sets/<prompt_set_id>.yaml`": PromptSetCard,
    "Text set: `registry/text_sets/<text_set_id>.yaml`": TextSetCard,
    "Experiment: `registry/experiments/<experiment_id>.yaml`": ExperimentCore,
    "List of features: `registry/lists/<list_id>.yaml`": FeatureListCard,
}

MACHINES = """\
## Machine: `registry/machines/<machine_id>.yaml`

Where work runs that several processes share: `glasshouse run --on <machine_id>`, [many machines](many-machines.md).
"""


def documentation() -> str:
    """The page, with an introduction."""
    return f"{INTRODUCTION}\n{card_reference()}"


def card_reference() -> str:
    """A block of YAML for each kind of card, and for the settings of each method of experiments."""
    cards = [f"## {title}\n\n```yaml\n{_text(kind)}\n```\n" for title, kind in CARDS.items()]
    machines = [_machine(name, kind) for name, kind in machine_kinds().items()]
    return "\n".join([*cards, *map(_method, method_names()), MACHINES, *machines])


def _machine(name: str, kind: type[BaseModel]) -> str:
    about = textwrap.fill(" ".join(str(kind.__doc__).split()), 118)
    return f"### Launcher `{name}`\n\n{about}\n\n```yaml\n{_text(kind)}\n```\n"


def _method(name: str) -> str:
    settings = settings_of(name)
    about = " ".join(f"{settings.question} {settings.__doc__}".split())
    facts = f"Prompt sets: {', '.join(settings.prompt_kinds)}. Recipe: {settings.dictionary}."
    facts += " Each prompt names an answer." if settings.needs_answer else ""
    facts += " Each prompt names a foil." if settings.needs_foil else ""
    text = textwrap.fill(f"{about} {facts} Tables: {', '.join(settings.tables)}.", 118)
    lines = "\n".join(["settings:", *_lines(settings, "  ")])
    return f"### Method `{name}`\n\n{text}\n\n```yaml\nmethod: {name}\n{lines}\n```\n"


def _text(kind: type[BaseModel]) -> str:
    return "\n".join(_lines(kind))


def _lines(kind: type[BaseModel], indent: str = "") -> Iterator[str]:
    """A card that says every default, with the meaning of each field above it."""
    for name, field in kind.model_fields.items():
        key, section = f"{indent}{field.alias or name}", section_of(field)
        said = field.description or (section and section.__doc__) or ""
        meaning = f"{said} {_choices(field.annotation)} {_ranges(field)}"
        yield from textwrap.wrap(
            " ".join(meaning.split()), 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
        )
        if section:
            yield f"{key}:"
            yield from _lines(section, f"{indent}  ")
        elif field.is_required():
            yield f"{key}: {_spelled((field.examples or [None])[0])}  # required"
        else:
            yield f"{key}: {_spelled(field.default)}"


def _choices(kind: Any) -> str:
    return f"One of {', '.join(map(str, get_args(kind)))}." if get_origin(kind) is Literal else ""


def _ranges(field: FieldInfo) -> str:
    """Within which bounds the field's numbers lie, where it has any."""
    ranges = dict.fromkeys(str(bounds) for bounds in number_bounds(field.annotation, field.metadata))
    return f"{'; '.join(ranges).capitalize()}." if ranges else ""


def _spelled(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=1_000).removesuffix("\n...\n").strip()


if __name__ == "__main__":
    sys.stdout.write(documentation())
