"""Neuronpedia's importer as its source and its database's schema say it works, written down for the tests to hold
exports against: columns from the first line, types, what may not be null, what must be unique, what must be there."""

import gzip
import json
from pathlib import Path
from typing import Any

TEXT, INTEGER, FLOAT, BOOLEAN, TIME = "text", "integer", "float", "boolean", "time"
TEXTS, INTEGERS, FLOATS = "text[]", "integer[]", "float[]"

_NEURON_FLOATS = [
    "topkCosSimValues",
    "neuron_alignment_values",
    "neuron_alignment_l1",
    "correlated_neurons_pearson",
    "correlated_neurons_l1",
    "correlated_features_pearson",
    "correlated_features_l1",
    "neg_values",
    "pos_values",
    "freq_hist_data_bar_heights",
    "freq_hist_data_bar_values",
    "logits_hist_data_bar_heights",
    "logits_hist_data_bar_values",
    "decoder_weights_dist",
    "vector",
]
_NEURON_INTEGERS = [
    "topkCosSimIndices",
    "neuron_alignment_indices",
    "correlated_neurons_indices",
    "correlated_features_indices",
]

COLUMNS: dict[str, dict[str, str]] = {
    "Model": {
        "id": TEXT, "displayNameShort": TEXT, "displayName": TEXT, "creatorId": TEXT, "tlensId": TEXT,
        "dimension": INTEGER, "visibility": TEXT, "defaultSourceSetName": TEXT, "defaultSourceId": TEXT,
        "inferenceEnabled": BOOLEAN, "instruct": BOOLEAN, "layers": INTEGER, "neuronsPerLayer": INTEGER,
        "createdAt": TIME, "owner": TEXT, "updatedAt": TIME, "website": TEXT,
    },
    "SourceRelease": {
        "name": TEXT, "visibility": TEXT, "isNewUi": BOOLEAN, "featured": BOOLEAN, "description": TEXT,
        "descriptionShort": TEXT, "urls": TEXTS, "creatorEmail": TEXT, "creatorName": TEXT, "creatorNameShort": TEXT,
        "creatorId": TEXT, "defaultSourceSetName": TEXT, "defaultSourceId": TEXT, "defaultUmapSourceIds": TEXTS,
        "createdAt": TIME,
    },
    "SourceSet": {
        "modelId": TEXT, "name": TEXT, "hasDashboards": BOOLEAN, "visibility": TEXT, "description": TEXT, "type": TEXT,
        "creatorName": TEXT, "urls": TEXTS, "creatorEmail": TEXT, "creatorId": TEXT, "releaseName": TEXT,
        "defaultOfModelId": TEXT, "defaultRange": INTEGER, "defaultShowBreaks": BOOLEAN, "showDfa": BOOLEAN,
        "showCorrelated": BOOLEAN, "showHeadAttribution": BOOLEAN, "showUmap": BOOLEAN, "createdAt": TIME,
    },
    "Source": {
        "id": TEXT, "modelId": TEXT, "hasDashboards": BOOLEAN, "inferenceEnabled": BOOLEAN, "saelensConfig": TEXT,
        "saelensRelease": TEXT, "saelensSaeId": TEXT, "hfRepoId": TEXT, "hfFolderId": TEXT, "visibility": TEXT,
        "defaultOfModelId": TEXT, "setName": TEXT, "creatorId": TEXT, "hasUmap": BOOLEAN,
        "hasUmapLogSparsity": BOOLEAN, "hasUmapClusters": BOOLEAN, "num_prompts": INTEGER,
        "num_tokens_in_prompt": INTEGER, "dataset": TEXT, "notes": TEXT, "createdAt": TIME,
    },
    "Neuron": {
        "modelId": TEXT, "layer": TEXT, "index": TEXT, "sourceSetName": TEXT, "creatorId": TEXT, "createdAt": TIME,
        "maxActApprox": FLOAT, "hasVector": BOOLEAN, "vectorLabel": TEXT, "vectorDefaultSteerStrength": FLOAT,
        "hookName": TEXT, "neg_str": TEXTS, "pos_str": TEXTS, "frac_nonzero": FLOAT,
    } | dict.fromkeys(_NEURON_FLOATS, FLOATS) | dict.fromkeys(_NEURON_INTEGERS, INTEGERS),
    "Activation": {
        "id": TEXT, "tokens": TEXTS, "dataIndex": TEXT, "index": TEXT, "layer": TEXT, "modelId": TEXT,
        "dataSource": TEXT, "maxValue": FLOAT, "maxValueTokenIndex": INTEGER, "minValue": FLOAT, "values": FLOATS,
        "dfaValues": FLOATS, "dfaTargetIndex": INTEGER, "dfaMaxValue": FLOAT, "creatorId": TEXT, "createdAt": TIME,
        "lossValues": FLOATS, "logitContributions": TEXT, "binMin": FLOAT, "binMax": FLOAT, "binContains": FLOAT,
        "qualifyingTokenIndex": INTEGER,
    },
    "Explanation": {
        "id": TEXT, "modelId": TEXT, "layer": TEXT, "index": TEXT, "embedding": TEXT, "description": TEXT,
        "authorId": TEXT, "triggeredByUserId": TEXT, "notes": TEXT, "scoreV1": FLOAT, "scoreV2": FLOAT,
        "umap_x": FLOAT, "umap_y": FLOAT, "umap_cluster": INTEGER, "umap_log_feature_sparsity": FLOAT,
        "typeName": TEXT, "explanationModelName": TEXT, "createdAt": TIME,
    },
    "ExplanationType": {
        "name": TEXT, "displayName": TEXT, "description": TEXT, "featured": BOOLEAN, "isAttention": BOOLEAN,
        "creatorName": TEXT, "creatorId": TEXT, "createdAt": TIME, "updatedAt": TIME,
    },
    "ExplanationModelType": {
        "name": TEXT, "displayName": TEXT, "description": TEXT, "featured": BOOLEAN, "creatorName": TEXT,
        "createdAt": TIME, "updatedAt": TIME,
    },
}  # fmt: skip
NOT_NULL: dict[str, set[str]] = {
    "Model": {"id", "creatorId", "layers", "neuronsPerLayer", "owner", "displayName", "displayNameShort"},
    "SourceRelease": {"name", "description", "creatorName", "creatorId", "urls"},
    "SourceSet": {"modelId", "name", "description", "creatorName", "creatorId", "type"},
    "Source": {"id", "modelId", "setName", "creatorId"},
    "Neuron": {"modelId", "layer", "index", "hasVector", "frac_nonzero", "createdAt", *_NEURON_FLOATS},
    "Activation": {
        "id", "index", "layer", "modelId", "maxValue", "maxValueTokenIndex", "minValue", "creatorId", "createdAt",
    },
    "Explanation": {"id", "modelId", "layer", "index", "description", "authorId", "createdAt"},
    "ExplanationType": {"name", "displayName", "description", "creatorName", "creatorId"},
    "ExplanationModelType": {"name", "displayName", "description", "creatorName"},
}  # fmt: skip
UNIQUE = {
    "Model": ("id",),
    "SourceRelease": ("name",),
    "SourceSet": ("modelId", "name"),
    "Source": ("modelId", "id"),
    "Neuron": ("modelId", "layer", "index"),
    "Activation": ("id",),
    "Explanation": ("id",),
    "ExplanationType": ("name",),
    "ExplanationModelType": ("name",),
}
REFERENCES = {
    "SourceSet": [(("modelId",), "Model"), (("releaseName",), "SourceRelease")],
    "Source": [(("modelId",), "Model"), (("modelId", "setName"), "SourceSet")],
    "Neuron": [(("modelId", "layer"), "Source"), (("modelId", "sourceSetName"), "SourceSet")],
    "Activation": [(("modelId", "layer", "index"), "Neuron")],
    "Explanation": [
        (("modelId", "layer", "index"), "Neuron"),
        (("typeName",), "ExplanationType"),
        (("explanationModelName",), "ExplanationModelType"),
    ],
}
ORDER = [
    ("Model", "model.jsonl"),
    ("SourceRelease", "release.jsonl"),
    ("SourceSet", "sourceset.jsonl"),
    ("Source", "source.jsonl"),
    ("Neuron", "features"),
    ("Activation", "activations"),
    ("Explanation", "explanations"),
]
Row = dict[str, Any]


class Importer:
    """A database that takes exports; what it would refuse, lose or leave to a default is an assertion that fails."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple, Row]] = {table: {} for table in COLUMNS}

    def take(self, out: Path, source: Path) -> None:
        """The config files of an export, and all files of one source."""
        for table, name in (
            ("ExplanationType", "explanation_type.jsonl"),
            ("ExplanationModelType", "explanation_model_type.jsonl"),
        ):
            if (out / "config" / name).exists():
                self.take_lines(table, (out / "config" / name).read_bytes(), name)
        for table, name in ORDER:
            place = source / name
            for file in [place] if place.is_file() else sorted(place.glob("*")):
                raw = file.read_bytes()
                self.take_lines(table, gzip.decompress(raw) if file.name.endswith(".gz") else raw, str(file))

    def take_lines(self, table: str, raw: bytes, file: str) -> None:
        text = raw.decode("utf-8").replace("\\u0000", " ")
        lines = [line for line in text.strip().split("\n") if line]
        assert lines, f"{file} is empty: there is no first line to take the columns from"
        first = list(json.loads(lines[0]))
        columns = [column for column in COLUMNS[table] if column in first]
        for number, line in enumerate(lines, start=1):
            place, row = f"{file}, line {number}", json.loads(line, parse_constant=lambda found: found)
            assert list(row) == first, f"{place}: other keys, or in another order, than the first line's"
            assert "\0" not in json.dumps(row, ensure_ascii=False), place
            self._insert(table, {column: row[column] for column in columns}, place)

    def _insert(self, table: str, row: Row, place: str) -> None:
        for column, value in row.items():
            assert value is not None or column not in NOT_NULL[table], f"{place}: {column} is null"
            assert value is None or _fits(COLUMNS[table][column], value), f"{place}: {column} is {value!r}"
        assert row.keys() >= NOT_NULL[table], f"{place}: lacks {NOT_NULL[table] - row.keys()}"
        for columns, other in REFERENCES.get(table, ()):
            key = tuple(row[column] for column in columns)
            assert None in key or key in self.rows[other], f"{place}: {other} has no {key}"
        key = tuple(row[column] for column in UNIQUE[table])
        assert key not in self.rows[table], f"{place}: {key} is there already, and would be lost"
        self.rows[table][key] = row


def _fits(kind: str, value: Any) -> bool:
    if kind.endswith("[]"):
        return isinstance(value, list) and all(_fits(kind[:-2], one) for one in value)
    if kind in (TEXT, TIME):
        return isinstance(value, str)
    if kind == BOOLEAN:
        return isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole if kind == INTEGER else whole or isinstance(value, float)
