"""Rows of an experiment as the store holds them, for warehouses in which no model was ever run."""

import datetime
import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.experiments.settings_base import method_names, settings_of
from storage.table_schemas import table_schema

ROOT = Path(__file__).resolve().parents[2]
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
    """A row of any table that its checks allow: the first word of `in (…)`, the least of `>=`, the most of `<=`,
    another number of `<>`; texts and lists are null where they may be."""
    row = {field.name: _plain(field.type, field.nullable) for field in table_schema(table)}
    keys = {"recipe_id": "mid", "model_id": "demo"}
    own = {name: value for name in row for key, value in keys.items() if name.endswith(key)}
    known = {"prompt_id": 0} | _allowed(table)
    return row | {name: value for name, value in known.items() if row.get(name) is not None} | own | others


def _allowed(table: str) -> dict[str, Any]:
    """By column a value that the checks allow."""
    ddl = (ROOT / "sql" / "schema" / f"{table}.sql").read_text(encoding="utf-8")
    bounds = re.findall(r"check \((\w+) (<=|>=?) (\d+)\)", ddl)
    least = {name: int(number) + (sign == ">") for name, sign, number in bounds}
    least |= {name: 1 for name, _ in re.findall(r"check \((\w+) <> (\w+)\)", ddl)}
    return least | dict(re.findall(r"check \((\w+) in \('(\w+)'", ddl))


def _plain(kind: pa.DataType, nullable: bool = False) -> Any:
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_floating(kind):
        return 0.5
    if pa.types.is_binary(kind):
        return b"\x89PNG\r\n\x1a\n"
    if nullable:
        return None
    return [_plain(kind.value_type)] if pa.types.is_list(kind) else "word"
