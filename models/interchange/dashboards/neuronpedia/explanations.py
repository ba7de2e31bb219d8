"""Lines of explanations/batch-N.jsonl.gz: labels, who gave them, and how they scored."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from models.autointerp.scorer import is_headline
from models.interchange.dashboards.checked_record import CheckedRecord, parsed
from models.interchange.dashboards.dump import Part, explanation_id
from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity
from models.interchange.dashboards.neuronpedia.rows_by_feature import RowsByFeature

NEEDED = ("modelId", "layer", "index", "description")
EXPLAINER = "neuronpedia:"
"""What the names of explainers begin with whose labels were imported; at the way out it is taken off again."""
Row = dict[str, Any]


def lines(stamp: ExportIdentity, part: Part) -> Iterator[Row]:
    """A line for each label; an attempt that failed has none, and is left out.

    `scores`, which is no column of theirs, is passed over by their importer.
    """
    scores: dict[str, list[Row]] = {}
    for row in part["explanation_score"].to_pylist():
        scores.setdefault(row["explanation_id"], []).append(row)
    labels = RowsByFeature(part["explanation"], ("explanation_id", "ascending"))
    for feature in labels:
        for row in labels[feature]:
            if row["label"] is not None and row["status"] == "ok":
                yield _line(stamp, row, scores.get(row["explanation_id"], []))


def _line(stamp: ExportIdentity, row: Row, scores: list[Row]) -> Row:
    return {
        "id": row["explanation_id"],
        "modelId": stamp.model,
        "layer": stamp.source,
        "index": str(row["feature_id"]),
        "authorId": stamp.creator,
        "description": row["label"],
        "embedding": None,
        "typeName": row["explainer"].removeprefix(EXPLAINER),
        "explanationModelName": row["llm"],
        "umap_x": None,
        "umap_y": None,
        "umap_cluster": None,
        "umap_log_feature_sparsity": None,
        "triggeredByUserId": None,
        "notes": json.dumps(
            {"prompt": row["prompt"], "n_examples": row["n_examples"], "created_at": _iso(row["created_at"])}
        ),
        "createdAt": _iso(row["created_at"]) or stamp.created_at,
        "scores": [
            _score(score, row["llm"]) for score in sorted(scores, key=lambda one: (one["scorer"], one["metric"]))
        ],
    }


def _score(row: Row, llm: str | None) -> Row:
    details = {key: row[key] for key in ("metric", "ci_low", "ci_high", "n_trials", "n_failed")}
    return {
        "explanationScoreTypeName": row["scorer"],
        "explanationScoreModelName": llm,
        "value": row["value"],
        "jsonDetails": json.dumps(details),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds") + "Z"


def add_rows(rows: dict[str, list[Row]], record: CheckedRecord, sae_id: str, *, ours: bool, keeps: bool) -> None:
    """Adds the label of one line, and its scores.

    Args:
        rows: Lists by table.
        sae_id: The dictionary that the rows are for.
        ours: Whether this house wrote the line, and `notes` are what it writes there.
        keeps: Whether explanations keep their ids, because they are of this very dictionary.
    """
    label, name = record.text("description"), record.text("id") or record.place
    notes = (
        CheckedRecord.of(parsed(record.text("notes") or "{}", f"{record.place}, notes"), record.place) if ours else None
    )
    own = name if keeps else explanation_id(sae_id, name)
    rows["explanation"].append(
        {
            "explanation_id": own,
            "feature_id": record.index("index"),
            "explainer": EXPLAINER + (record.text("typeName") or "unknown"),
            "llm": record.text("explanationModelName"),
            "prompt": notes.text("prompt") if notes else None,
            "label": label,
            "status": "ok" if label else "parse_error",
            "error": None if label else "the dump has an empty description",
            "n_examples": notes.whole("n_examples") if notes else None,
            "created_at": (notes or record).time("created_at" if notes else "createdAt"),
        }
    )
    scores = record.values.get("scores") or []
    if not isinstance(scores, list):
        raise record.fault(f"scores is {type(scores).__name__}, wanted a list")
    rows["explanation_score"] += [
        _score_row(CheckedRecord.of(score, f"{record.place}, score {number}"), own)
        for number, score in enumerate(scores)
    ]


def _score_row(score: CheckedRecord, own: str) -> Row:
    score.need("explanationScoreTypeName", "value")
    details = parsed(score.text("jsonDetails") or "null", f"{score.place}, jsonDetails")
    said = CheckedRecord(score.place, details if isinstance(details, dict) else {})
    trials = len(details) if isinstance(details, list) else None
    scorer, metric = score.text("explanationScoreTypeName"), said.text("metric") or "value"
    return {
        "explanation_id": own,
        "scorer": scorer,
        "metric": metric,
        "value": score.number("value"),
        "ci_low": said.number("ci_low"),
        "ci_high": said.number("ci_high"),
        "n_trials": trials if trials is not None else said.whole("n_trials"),
        "n_failed": 0 if trials is not None else said.whole("n_failed"),
        "is_headline": is_headline(scorer or "", metric),
    }
