"""Cards of labelled texts: what probes, searches and comparisons of features are asked with."""

from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from models.bounds import Bounds
from models.config_base import Settings
from models.experiments.prompt import COLUMNS
from pipelines.registry.experiment_cards import PromptSetCard

TEXT_COLUMNS = {"text": "prompt", "label": "label", "group": "group", "spurious": "spurious", "split": "split"}
"""Columns of a text set, and what a prompt set calls them."""


class TextSetCard(Settings):
    """Texts with a label each. The file's stem is what an experiment names as `prompt_set`."""

    texts: list[dict[str, Any]] = Field([], max_length=4096)
    """The rows themselves, each with `text` and `label`; left out where `source` names a file. Further columns: group
    (rows of one group are alike: a document, a template, an author; they stand on one side of every split), spurious
    (a second label, which a probe might go by), split (train or test, where the author divided the set)."""
    source: str | None = None
    """A JSONL, JSON, CSV or Parquet file, `hf:name[/config][:split]`, `stdlib-functions` or `stdlib-pieces`."""
    columns: dict[str, str] | None = None
    """The source's name for each column that it calls otherwise, such as `{text: review, label: stars}`."""
    max_texts: Annotated[int, Bounds(1, 10**7)] | None = None
    """Rows of the source that are read at most, from its beginning; null for all."""
    max_per_label: Annotated[int, Bounds(1, 10**7)] | None = None
    """Rows of each label that are kept at most, drawn by a hash of their text; null for all."""
    max_tokens: Annotated[int, Bounds(2, 10**6)] = 128
    """Tokens after which a text is cut."""

    @field_validator("texts")
    @classmethod
    def _known_columns(cls, texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for number, row in enumerate(texts):
            if unknown := sorted(map(str, row.keys() - TEXT_COLUMNS.keys())):
                raise ValueError(
                    f"row {number}: unknown column {', '.join(unknown)}; there are {', '.join(TEXT_COLUMNS)}"
                )
        return texts

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str] | None) -> dict[str, str] | None:
        if unknown := sorted((columns or {}).keys() - TEXT_COLUMNS.keys()):
            raise ValueError(f"a text set has no column {', '.join(unknown)}; there are {', '.join(TEXT_COLUMNS)}")
        return columns

    @model_validator(mode="after")
    def _is_a_prompt_set(self) -> "TextSetCard":
        self.as_prompt_set()
        return self

    def as_prompt_set(self) -> PromptSetCard:
        """The same as experiments read it."""
        if bool(self.texts) == (self.source is not None):
            raise ValueError("a text set has either `texts` with at least one row, or a `source`: write one of them")
        built_in = self.source is not None and self.source.startswith("stdlib-")
        columns = {TEXT_COLUMNS[name]: there for name, there in (self.columns or {}).items()}
        if self.source is not None and not built_in:
            columns = {"prompt": "text"} | columns
        try:
            return PromptSetCard(
                kind="labelled",
                prompts=[{TEXT_COLUMNS[name]: value for name, value in row.items()} for row in self.texts],
                source=self.source,
                columns=columns or None,
                max_prompts=self.max_texts,
                max_per_label=self.max_per_label,
                max_tokens=self.max_tokens,
            )
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


assert set(TEXT_COLUMNS.values()) <= set(COLUMNS)
