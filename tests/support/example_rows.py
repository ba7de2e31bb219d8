"""Rows of the `example` table with made-up text, for tests that label and rate."""

import hashlib

import numpy as np
import pyarrow as pa

from models.autointerp.scorer import Scored
from models.autointerp.trials import Trial
from models.features.scoring_half import is_in_scoring_half
from storage.table_schemas.example import SCHEMA as EXAMPLE


def in_context(context: int) -> dict:
    """The place of a window: each context is a document of its own."""
    return {"context_id": context, "document_id": f"d{context}"}


def example(
    feature: int, kind: str, rank: int, tokens: list[str], activation: float = 1.0, interval: int | None = None
) -> dict:
    context = 1000 * feature + 100 * ("top", "interval", "control").index(kind) + rank + 10 * (interval or 0)
    peak = len(tokens) // 2
    name = hashlib.sha256(f"{feature} {kind} {interval} {rank}".encode()).hexdigest()[:16]
    return in_context(context) | {
        "feature_id": feature,
        "kind": kind,
        "interval_index": interval,
        "rank": rank,
        "example_id": name,
        "position": 7,
        "activation": activation,
        "tokens": tokens,
        "activations": [activation if i == peak else 0.0 for i in range(len(tokens))],
        "peak": peak,
    }


EXPLAINING = next(f"explaining {n}" for n in range(100) if not is_in_scoring_half(f"explaining {n}"))
"""A document that labels are made from."""


def with_explained(examples: pa.Table) -> pa.Table:
    """Rows, and of each feature one more window that its label may be made from: without, the feature has no score."""
    features = sorted(set(examples["feature_id"].to_pylist()))
    rows = [
        example(feature, "top", 99, [f"explaining {feature}"]) | {"document_id": EXPLAINING} for feature in features
    ]
    return pa.concat_tables([examples, pa.Table.from_pylist(rows, schema=examples.schema)])


def all_for_scoring(examples: pa.Table) -> dict[str, str]:
    """Groups by which every other document is for scoring labels, each by itself."""
    return {
        document: next(name for n in range(100) if is_in_scoring_half(name := f"{document}#{n}"))
        for document in set(examples["document_id"].to_pylist()) - {EXPLAINING}
    }


def numbers_of(scored: Scored, trials: list[Trial]) -> list[np.ndarray]:
    """What a model gave for each window, trial by trial."""
    answers = iter(scored.judgements["answer"].to_pylist())
    return [np.array([next(answers) for _ in trial.row_N]) for trial in trials]


def examples_of(n_features: int, text: list[str] | None = None) -> pa.Table:
    """Per feature 8 top examples, 4 in each of 2 intervals, 6 controls; no two windows that fire are equal."""
    tokens = text or ["def", " f", "(", "x", ")", ":"]
    rows = []
    for feature in range(n_features):
        fires = [example(feature, "top", rank, tokens, 10.0 - rank + feature) for rank in range(8)]
        fires += [example(feature, "interval", rank, tokens, 5.0 * i + 1, i) for i in range(2) for rank in range(4)]
        rows += [row | _ended(row, f" {number}") for number, row in enumerate(fires)]
        rows += [example(feature, "control", rank, ["no", "thing"], 0.0) for rank in range(6)]
    return pa.Table.from_pylist(rows, schema=EXAMPLE)


def _ended(row: dict, token: str) -> dict:
    """The window with a silent token behind it."""
    return {"tokens": [*row["tokens"], token], "activations": [*row["activations"], 0.0]}
