"""Position is no meaning: a feature whose strongest examples happen to begin contexts is labelled by its token, and a
label that is about position only says so and scores as chance does."""

import random

import numpy as np
import pyarrow as pa
import pytest

from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.explainers.lexical import LexicalExplainer
from models.autointerp.feature_data import FeatureData
from models.autointerp.stages import label_features, rate_labels, score_labels
from storage.folder import Folder
from storage.table_schemas.example import SCHEMA as EXAMPLE

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ran", "over", "hills", "of", "gold", "in", "rain"]
START = "tokens at the start of a context"


def row(feature: int, kind: str, rank: int, tokens: list[str], peak: int, position: int, act: float) -> dict:
    context = feature * 10_000 + ("top", "interval", "control").index(kind) * 1_000 + rank
    return {
        "feature_id": feature,
        "kind": kind,
        "interval_index": rank // 10 if kind == "interval" else None,
        "rank": rank,
        "example_id": f"{context:08x}",
        "context_id": context,
        "document_id": f"d{context}",
        "position": position,
        "activation": act,
        "tokens": tokens,
        "activations": [act if i == peak else 0.0 for i in range(len(tokens))],
        "peak": peak,
    }


def window(chance: random.Random, token: str | None, position: int) -> tuple[list[str], int]:
    """Text around a position of its context, eight tokens to both sides as far as the context reaches; the peak."""
    before = min(8, position)
    tokens = [f" {chance.choice(WORDS)}" for _ in range(before + 1 + 8)]
    if token is not None:
        tokens[before] = token
    return tokens, before


def examples(matched: bool) -> pa.Table:
    """Feature 0 fires on ` king`, its strongest examples begin contexts; feature 1 fires on whatever begins one."""
    chance, rows = random.Random(0), []
    for rank in range(40):
        tokens, peak = window(chance, " king", rank % 4)
        rows.append(row(0, "top", rank, tokens, peak, rank % 4, 10.0 - rank / 10))
        tokens, peak = window(chance, None, rank % 4)
        rows.append(row(1, "top", rank, tokens, peak, rank % 4, 10.0 - rank / 10))
        at = chance.randrange(20, 100)
        tokens, peak = window(chance, " king", at)
        rows.append(row(0, "interval", rank, tokens, peak, at, 1.0 + rank / 10))
        tokens, peak = window(chance, None, rank % 4)
        rows.append(row(1, "interval", rank, tokens, peak, rank % 4, 1.0 + rank / 10))
    for feature in (0, 1):
        for rank in range(60):
            at = rank % 4 if matched and feature == 1 else chance.randrange(100)
            tokens, peak = window(chance, None, at)
            rows.append(row(feature, "control", rank, tokens, peak, at, 0.0))
    return pa.Table.from_pylist(rows, schema=EXAMPLE)


@pytest.fixture(scope="module")
def background() -> dict[str, int]:
    return {f" {word}": 1000 for word in WORDS} | {" king": 1200}


def labels(table: pa.Table, background: dict[str, int], shares: dict[int, float]) -> list[str | None]:
    exhibits = ExplainerInputs(ExampleSet.of(table), start_shares=shares)
    return [found.label for found in LexicalExplainer(background).explain(exhibits, [0, 1])]


def test_what_happens_to_begin_a_context_is_labelled_by_what_it_is(background):
    assert labels(examples(True), background, {0: 0.04, 1: 1.0}) == ["`king`", START]


def test_position_is_no_part_of_a_label_where_most_firings_are_elsewhere(background):
    """Feature 1 as if it fired everywhere, and only its strongest examples began contexts."""
    label = labels(examples(True), background, {0: 0.04, 1: 0.1})[1] or ""
    assert "start of a context" not in label


def test_a_label_about_position_scores_as_chance_does_among_controls_that_are_matched(background, tmp_path):
    def scored(matched: bool) -> dict[tuple[int, str], float]:
        table = examples(matched)
        features = pa.table({"feature_id": [0, 1], "density": [0.01, 0.03], "start_share": [0.04, 1.0]})
        material = FeatureData("m/r", table, lambda: background, features)
        askers = LabelingSetup(ExplanationSettings(), Folder(str(tmp_path)), "m/r")
        explained = label_features(material, askers).rows
        of = dict(zip(explained["explanation_id"].to_pylist(), explained["feature_id"].to_pylist(), strict=True))
        assert explained["label"].to_pylist() == ["`king`", START]
        rated = rate_labels(material, explained, askers).rows
        rows = score_labels(material, explained, rated, askers).rows.to_pylist()
        return {(of[r["explanation_id"]], r["scorer"]): r["value"] for r in rows if r["metric"] == "balanced_accuracy"}

    matched, anywhere = scored(True), scored(False)
    assert anywhere[1, "detection"] > 0.9, "what the trap looks like"
    assert matched[1, "detection"] == pytest.approx(0.5, abs=0.05)
    assert matched[0, "detection"] == pytest.approx(1, abs=0.02)
    assert np.isfinite(list(matched.values())).all()
