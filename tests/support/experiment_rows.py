"""Rows of an experiment as the store holds them, for warehouses in which no model was ever run."""

import datetime
from typing import Any

import pyarrow as pa

from models.experiments.settings_base import method_names, settings_of
from storage.table_schemas import table_schema

ASKED_AT = datetime.datetime(2026, 1, 2, 12)


def experiment_row(**others: Any) -> dict[str, Any]:
    return {
        "method": "logit_lens",
        "question": "What would the model say?",
        "prompt_set_id": "some",
        "recipe_ids": [],
        "settings": '{"positions": "all"}',
        "seed": 0,
        "prefix": ["<s>"],
        "dtype": "float32",
        "identity_sha256": "7" * 64,
        "weights_sha256": "8" * 64,
        "n_prompts": 1,
        "n_forward": 1,
        "n_backward": 0,
        "seconds": 0.5,
        "created_at": ASKED_AT,
    } | others


def prompt_row(**others: Any) -> dict[str, Any]:
    return {"prompt_id": 0, "text": "def area(", "tokens": ["<s>", "def", " area", "("]} | others


def method_tables() -> list[str]:
    """Every table that some method of experiments fills."""
    return sorted({table for name in method_names() for table in settings_of(name).tables})


def plain_row(table: str, **others: Any) -> dict[str, Any]:
    """A row of any table: zeros, halves, empty lists and one word, nulls where they may be."""
    row = {field.name: None if field.nullable else _plain(field.type) for field in table_schema(table)}
    known = {"recipe_id": "mid", "prompt_id": 0} | _CHECKED | others
    return row | {name: value for name, value in known.items() if name in row}


_CHECKED = {"mode": "zero", "score": "induction", "value": 0.5, "n_sequences": 1, "n_averaged": 1}
"""What the tables of heads take where their checks refuse a plain value."""


def _plain(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [_plain(kind.value_type)]
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_integer(kind):
        return 0
    return 0.5 if pa.types.is_floating(kind) else "word"
