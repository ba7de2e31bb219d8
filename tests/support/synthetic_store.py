"""A small store of Parquet tables in which every number follows from planted codes, for tests that publish it."""

import hashlib
import json
import math
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from experiment_rows import experiment_row, method_tables, plain_row, prompt_row
from family_rows import family_rows, parent_rows
from graph_rows import small_graph
from harvest_rows import frame_row, profile_rows, site_row
from image_rows import class_rows, image_rows, monosemanticity_rows, patch_rows
from synthetic_codes import (
    LENGTH,
    N_CONTEXTS,
    N_FEATURES,
    WORDS,
    Rows,
    example_rows,
    feature_rows,
    histogram_rows,
    plant,
)
from synthetic_judgements import judgements
from synthetic_map import map_quality, map_rows

from sql.stored_partitions import StoredTables
from storage.folder import Folder
from storage.manifest import TOGETHER, Manifest, ManifestFile
from storage.table_schemas import rows_as_table

STATISTICS = ("activation_histogram", "example", "feature")
NOON = datetime(2026, 1, 2, 12)
PROMPTS = {"lexical": None, "anthropic": "activations"}
SCORES = {
    ("detection", "balanced_accuracy"): {"lexical": 0.6, "anthropic": 0.9},
    ("detection", "f1"): {"lexical": 0.5, "anthropic": 0.875},
    ("embedding", "auroc"): {"lexical": 0.55, "anthropic": 0.75},
    ("fuzzing", "balanced_accuracy"): {"lexical": 0.7, "anthropic": 0.8},
    ("output", "accuracy"): {"lexical": 0.25, "anthropic": 1.0},
    ("simulation", "pearson"): {"lexical": -0.125, "anthropic": 0.5},
    ("specificity", "auroc"): {"lexical": 0.95, "anthropic": 1.0},
    ("surprisal", "auroc"): {"lexical": 0.5, "anthropic": 0.65},
}
"""What labels of each explainer score; the interval is a tenth to either side, and simulation has none."""


class SyntheticStore:
    """Writes partitions of tables under `{home}/tables`, as the assets do."""

    def __init__(self, home: str) -> None:
        self.tables = Folder(home) / "tables"

    @property
    def stored(self) -> StoredTables:
        return StoredTables(self.tables)

    def folder(self, table: str, **keys: str) -> Folder:
        folder = self.tables / table
        for key, value in keys.items():
            folder = folder / f"{key}={value}"
        return folder

    def write(
        self,
        table: str,
        keys: dict[str, str],
        rows: Rows,
        *,
        made_from: str = "first",
        parts: int = 1,
        as_given: bool = False,
        together: tuple[str, ...] = (),
    ) -> Folder:
        """One partition: its rows dealt out over so many files, and the manifest that vouches for them.

        Args:
            as_given: Arrow infers the columns: for rows that do not fit the table's schema.
            together: Tables that are written at once with this one, as stages do.
        """
        folder, entries = self.folder(table, **keys), []
        for part in range(parts):
            name = f"part-{part:05d}.parquet"
            some = rows[part::parts]
            share = pa.Table.from_pylist(some) if as_given else rows_as_table(table, some)
            with folder.writing(name) as path:
                pq.write_table(share, path, compression="zstd")
                entries.append(ManifestFile.of(path, name, share.num_rows))
        facts = {TOGETHER: together} if together else {}
        Manifest({"made_from": made_from}, tuple(entries), facts).write(folder)
        return folder

    def write_model(self, model_id: str) -> None:
        self.write("model", {"model_id": model_id}, [_model()])
        self.write("corpus", {"corpus_id": "stdlib", "frame_sha256": "1" * 64}, [_corpus()])
        self.write("context_frame", {"model_id": model_id}, [frame_row()])
        site = {"model_id": model_id, "site": "resid_post.2"}
        self.write("activation_shard", site, [_shard()])
        self.write("activation_site", site, [site_row()])
        self.write("activation_profile", site, profile_rows())

    def write_images(self, model_id: str, recipe_id: str) -> None:
        """One row of each table that only a vision model's dictionary has."""
        self.write("image", {"corpus_id": "stdlib", "frame_sha256": "1" * 64}, image_rows())
        made = {"patch_example": patch_rows(), "feature_class": class_rows(), "monosemanticity": monosemanticity_rows()}
        for table, rows in made.items():
            self.write(table, {"model_id": model_id, "recipe_id": recipe_id}, rows)

    def write_experiment(self, model_id: str, experiment_id: str, graph: dict[str, Rows] | None = None) -> None:
        """An experiment with one prompt, its attribution graph, and one row of every other table that methods fill."""
        keys = {"model_id": model_id, "experiment_id": experiment_id}
        rows = {table: [plain_row(table)] for table in method_tables()}
        rows |= {"experiment": [experiment_row()], "prompt": [prompt_row()]} | (graph or small_graph())
        for table, given in rows.items():
            self.write(table, keys, given)

    def write_sae(
        self,
        model_id: str,
        recipe_id: str,
        *,
        seed: int = 0,
        labels: bool = True,
        codes: bool = True,
        together: bool = False,
    ) -> None:
        """Every table of one dictionary; without labels it is one that nobody has explained yet.

        Args:
            together: Those of statistics say that they are written at once, and of which seed.
        """
        keys = {"model_id": model_id, "recipe_id": recipe_id}
        planted = plant(seed)
        features, examples = feature_rows(planted), example_rows(planted, f"{model_id}/{recipe_id}")
        self.write("sae", keys, [sae_row()], made_from=f"seed {seed}")
        self.write("sae_training", keys, _training())
        self.write("sae_metric", keys, _metrics())
        at_once: dict[str, Any] = {"made_from": f"seed {seed}", "together": STATISTICS} if together else {}
        self.write("feature", keys, features, **at_once)
        self.write(
            "logit_shape",
            keys,
            [{"feature_id": f, "logit_skew": f / 10, "logit_kurtosis": 3.0} for f in range(N_FEATURES)],
        )
        self.write("activation_histogram", keys, histogram_rows(planted), **at_once)
        self.write("example", keys, examples, parts=2, **at_once)
        self.write("logit_effect", keys, _logit_effects())
        self.write("neighbor", keys, _neighbors(model_id, recipe_id))
        self.write("feature_map", keys, map_rows(features))
        self.write("feature_map_quality", keys, [map_quality(features)])
        self.write("feature_family", keys, family_rows())
        self.write("feature_parent", keys, parent_rows())
        self.write("feature_match", keys, _matches("late" if recipe_id == "mid" else "mid"))
        if codes:
            self.write("feature_activation", keys, planted)
        if labels:
            explanations = _explanations(f"{model_id}/{recipe_id}")
            self.write("explanation", keys, explanations)
            self.write("specificity", keys, _ratings(examples, f"{model_id}/{recipe_id}"))
            self.write("explanation_score", keys, _scores(explanations))
            self.write(
                "judgement",
                keys,
                judgements(examples, partial(_explanation_id, f"{model_id}/{recipe_id}", explainer="lexical")),
            )
            self.write("label_embedding", keys, _embeddings(explanations))
            self.write("llm_request", keys | {"purpose": "explain"}, [_request()])
            self.write("llm_request", keys | {"purpose": "specificity"}, [_request() | _BATCHED])


def _explanations(sae_id: str) -> Rows:
    """Labels name the feature's word; feature 0 has a second, better one; the attempt at feature 1 failed."""
    rows = [
        _explanation(sae_id, f, "lexical", None if f == 1 else f"tokens like {WORDS[f % len(WORDS)].strip()}")
        for f in range(N_FEATURES - 1)
    ]
    return [*rows, _explanation(sae_id, 0, "anthropic", "Function definitions")]


def _explanation_id(sae_id: str, feature: int, explainer: str) -> str:
    return hashlib.sha256(f"{sae_id} {feature} {explainer}".encode()).hexdigest()[:16]


def _explanation(sae_id: str, feature: int, explainer: str, label: str | None) -> dict[str, Any]:
    return {
        "explanation_id": _explanation_id(sae_id, feature, explainer),
        "feature_id": feature,
        "explainer": explainer,
        "llm": None if explainer == "lexical" else "a-model",
        "prompt": PROMPTS[explainer],
        "prompt_sha256": None,
        "label": label,
        "status": "ok" if label else "parse_error",
        "error": None if label else "no label in the answer",
        "n_examples": 3,
        "request_id": None,
        "input_tokens": 10,
        "output_tokens": 2,
        "cost_usd": 0.001,
        "created_at": None if explainer == "lexical" else NOON,
    }


def _ratings(examples: Rows, sae_id: str) -> Rows:
    """Of the lexical labels: 3 in the strong interval, 1 in the weak, 0 on controls, where feature 2's judge failed."""
    rows = []
    for row in examples:
        if row["kind"] == "top":
            continue
        failed = row["feature_id"] == 2 and row["kind"] == "control"
        rows.append(
            {
                "explanation_id": _explanation_id(sae_id, row["feature_id"], "lexical"),
                "example_id": row["example_id"],
                "feature_id": row["feature_id"],
                "interval_index": row["interval_index"],
                "activation": row["activation"],
                "is_choosing": row["rank"] % 2 == 0,
                "rating": None if failed else {None: 0, 0: 1, 1: 3}[row["interval_index"]],
                "reason": None if row["kind"] == "control" else f"it has {row['tokens'][row['peak']]}",
                "status": "parse_error" if failed else "ok",
                "judge": "lexical",
            }
        )
    return rows


def _scores(explanations: Rows) -> Rows:
    """Both halves say what all windows say."""
    return [
        {
            "explanation_id": row["explanation_id"],
            "scorer": scorer,
            "metric": metric,
            "value": values[row["explainer"]],
            "ci_low": None if scorer == "simulation" else values[row["explainer"]] - 0.1,
            "ci_high": None if scorer == "simulation" else min(values[row["explainer"]] + 0.1, 1.0),
            "n_trials": 10,
            "n_failed": 1 if scorer == "fuzzing" else 0,
            "is_headline": scorer != "specificity" and metric != "f1",
            "choosing_value": values[row["explainer"]],
            "reporting_value": values[row["explainer"]],
            "reporting_n_trials": 5,
        }
        for row in explanations
        if row["status"] == "ok"
        for (scorer, metric), values in SCORES.items()
    ]


def _embeddings(explanations: Rows) -> Rows:
    """The label of feature f points 6 f degrees away from (1, 0); anthropic's of feature 0 by 3 degrees."""
    rows = []
    for row in explanations:
        if row["status"] == "ok":
            angle = math.radians(3 if row["explainer"] == "anthropic" else 6 * row["feature_id"])
            embedding = [math.cos(angle), math.sin(angle)]
            rows.append({"explanation_id": row["explanation_id"], "encoder": "compass", "embedding": embedding})
    return rows


def _model() -> dict[str, Any]:
    return {
        "corpus_id": "stdlib",
        "source": "models/demo",
        "revision": None,
        "weights_sha256": "0" * 64,
        "architecture": "GPTNeoXForCausalLM",
        "n_layers": 4,
        "d_model": 8,
        "vocab_size": len(WORDS),
        "n_parameters": 1000,
        "dtype": "float32",
        "registered_at": NOON,
    }


def _corpus() -> dict[str, Any]:
    return {
        "source": "stdlib",
        "n_documents": N_CONTEXTS,
        "n_contexts": N_CONTEXTS,
        "n_tokens": N_CONTEXTS * LENGTH,
        "context_length": LENGTH,
        "sha256": "2" * 64,
    }


def _shard() -> dict[str, Any]:
    return {
        "shard": 0,
        "uri": "shard-00000.parquet",
        "n_tokens": N_CONTEXTS * LENGTH,
        "width": 8,
        "dtype": "float32",
        "bytes": 5000,
        "sha256": "3" * 64,
    }


def sae_row() -> dict[str, Any]:
    """A dictionary of twelve features at one site."""
    return {
        "identity": "4" * 64,
        "corpus_id": "stdlib",
        "frame_sha256": "1" * 64,
        "site": "resid_post.2",
        "layer": 2,
        "architecture": "topk",
        "d_in": 8,
        "n_features": N_FEATURES,
        "config": json.dumps({"k": 4}),
        "n_training_tokens": 1000,
        "seed": 0,
        "uri": "saes/a",
        "origin": "trained",
        "code_version": "1",
        "created_at": NOON,
    }


def _training() -> Rows:
    return [
        {
            "step": step,
            "tokens": step * 100,
            "loss": 1 / (step + 1),
            "fvu": 0.5 / (step + 1),
            "l0": 4.0,
            "aux_loss": 0.0,
            "dead_fraction": 0.0,
            "learning_rate": 1e-3,
            "tokens_per_second": 1000.0,
        }
        for step in range(3)
    ]


def _metrics() -> Rows:
    values = {
        "fvu": (0.1, "fraction"),
        "l0": (4.0, "features"),
        "ce_recovered": (0.98, "fraction"),
        "kl": (0.02, "nats"),
        "dead_fraction": (1 / N_FEATURES, "fraction"),
    }
    return [
        {"split": "held_out", "metric": metric, "value": value, "unit": unit, "n_tokens": 100}
        for metric, (value, unit) in values.items()
    ]


def _logit_effects() -> Rows:
    return [
        {
            "feature_id": f,
            "direction": direction,
            "rank": 0,
            "token_id": f % len(WORDS),
            "token": WORDS[f % len(WORDS)],
            "logit_weight": sign * 1.5,
        }
        for f in range(N_FEATURES)
        for direction, sign in (("positive", 1), ("negative", -1))
    ]


def _neighbors(model_id: str, recipe_id: str) -> Rows:
    return [
        {
            "feature_id": f,
            "kind": kind,
            "rank": 0,
            "other_model_id": model_id,
            "other_recipe_id": recipe_id,
            "other_feature_id": (f + 1) % N_FEATURES,
            "value": 0.25,
        }
        for f in range(N_FEATURES)
        for kind in ("decoder_cosine", "cofiring_jaccard")
    ]


def _matches(other_recipe_id: str) -> Rows:
    """Every second feature is found again, in turn with none, one, two or three children."""
    return [
        {
            "other_recipe_id": other_recipe_id,
            "feature_id": f,
            "other_feature_id": (f + 1) % N_FEATURES,
            "cosine": 0.5 + f % 2 * 0.4,
            "is_mutual": f % 3 == 0,
            "n_split_features": f % 4,
        }
        for f in range(N_FEATURES)
    ]


def _request() -> dict[str, Any]:
    return {
        "request_key": "5" * 64,
        "llm": "a-model",
        "batch_id": None,
        "status": "ok",
        "attempts": 2,
        "tokens": 1200,
        "input_tokens": 800,
        "output_tokens": 100,
        "cache_read_tokens": 250,
        "cache_write_tokens": 50,
        "cost_usd": 0.25,
        "sent_at": NOON,
        "answered_at": NOON,
    }


_BATCHED = {"request_key": "6" * 64, "batch_id": "a-batch", "attempts": 1, "cost_usd": 0.125}
