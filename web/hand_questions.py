"""A method of experiments that is tried on one prompt: what the pages ask of whoever can run models."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from web.model_queue import Report

if TYPE_CHECKING:
    import pyarrow as pa


class HandField(Protocol):
    """A setting of a method, as a form shows it."""

    @property
    def name(self) -> str: ...

    @property
    def meaning(self) -> str: ...

    @property
    def default(self) -> str:
        """As YAML."""
        ...

    @property
    def choices(self) -> Sequence[str]:
        """The words that it may be; empty where it is something else."""
        ...


class HandMethod(Protocol):
    """A method that can be tried on one prompt."""

    @property
    def name(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def columns(self) -> Sequence[str]:
        """Columns of a prompt that the form asks for: those that the method needs first."""
        ...

    @property
    def needed(self) -> Sequence[str]: ...

    @property
    def recipes(self) -> Sequence[str]:
        """Recipes of which one is chosen; empty where the method is about no features."""
        ...

    @property
    def needs_recipe(self) -> bool: ...

    @property
    def fields(self) -> Sequence[HandField]: ...


class ShownAnswer(Protocol):
    """What a method made of a prompt."""

    @property
    def tables(self) -> "Mapping[str, pa.Table]":
        """Rows by table, as a run of the experiment would write them."""
        ...

    @property
    def cards(self) -> str:
        """The YAML that repeats the question."""
        ...


class Asker(Protocol):
    """Runs methods of experiments on one prompt. Refuses with a ValueError whose sentence the page shows."""

    def methods(self, model_id: str) -> Sequence[HandMethod]: ...

    def ask(self, model_id: str, method: str, given: Mapping[str, str], report: Report) -> ShownAnswer:
        """
        Args:
            given: By name what was typed: columns of the prompt, `recipe`, and settings as YAML under `set.NAME`.
        """
        ...
