"""What the store's tables say of an imported graph, of its prompt and of where it comes from."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.interchange.graph_fit import TranscoderNames
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table, table_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from models.interchange.graph_json import ReadGraph

METHOD = "attribution_graph"
_SETTINGS = {"max_n_logits": "max_logits", "desired_logit_prob": "logit_mass", "max_feature_nodes": "max_features"}
"""Our names of settings that the file may have."""


@dataclass(frozen=True, slots=True)
class ImportedGraphRows:
    """The tables of one graph."""

    graph: "ReadGraph"
    names: TranscoderNames
    source: str
    identity: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        return {"graph_node": len(self.graph.nodes), "graph_edge": len(self.graph.edges)}

    @property
    def recipe_ids(self) -> list[str]:
        """Of the dictionaries of the store whose features it has."""
        named = {self.names.recipe_of(node) for node in self.graph.nodes}
        return sorted(recipe for recipe in named if recipe is not None)

    def model(self, model_id: str) -> "pa.Table":
        """The row of a model of which nothing else is known."""
        from models.interchange.dashboards.dump import UNKNOWN

        row = dict.fromkeys(("corpus_id", "weights_sha256", "architecture", "dtype"), UNKNOWN)
        return rows_as_table(
            "model", [row | {"source": model_id, "n_layers": self.graph.n_layers, "registered_at": _now()}]
        )

    def tables(self) -> "dict[str, pa.Table]":
        """Rows of every table; of one file all are of one prompt."""
        kept = {"prompt_id": 0, "kept": True}
        nodes = [node | kept | {"recipe_id": self.names.recipe_of(node)} for node in self.graph.nodes]
        edges = [edge | kept for edge in self.graph.edges]
        return {
            "prompt": rows_as_table("prompt", [self._prompt()]),
            METHOD: rows_as_table(METHOD, [self._graph()]),
            "graph_node": _columns("graph_node", nodes),
            "graph_edge": rows_as_table("graph_edge", edges),
            "graph_check": table_schema("graph_check").empty_table(),
            "graph_import": rows_as_table("graph_import", [self._origin()]),
            "imported_node": _columns("imported_node", nodes),
            "experiment": rows_as_table("experiment", [self._experiment()]),
        }

    def _prompt(self) -> dict[str, Any]:
        metadata = self.graph.file.metadata
        return {"prompt_id": 0, "text": metadata.prompt, "tokens": metadata.prompt_tokens}

    def _graph(self) -> dict[str, Any]:
        """Without what is known of whole graphs alone."""
        file, logits = self.graph.file, self.graph.nodes_of("logit")
        return {
            "prompt_id": 0,
            "n_tokens": len(file.metadata.prompt_tokens),
            "n_features": len(self.graph.nodes_of("feature")),
            "n_logits": len(logits),
            "logit_mass": sum(node["probability"] or 0.0 for node in logits),
            "node_threshold": file.node_threshold,
            "edge_threshold": file.metadata.pruning_settings.edge_threshold,
            "n_kept_nodes": len(self.graph.nodes),
            "n_kept_edges": len(self.graph.edges),
        }

    def _origin(self) -> dict[str, Any]:
        file = self.graph.file
        tool = file.metadata.info.generator
        return {
            "source": self.source,
            "sha256": self.identity["content"],
            "tool": tool.name,
            "tool_version": tool.version,
            "scan": file.metadata.scan,
            "transcoders": file.metadata.transcoder_list,
            "schema_version": file.version,
        }

    def _experiment(self) -> dict[str, Any]:
        from models.experiments.settings_base import settings_of
        from models.interchange.dashboards.dump import UNKNOWN

        given = self.graph.file.metadata.generation_settings
        return {
            "method": METHOD,
            "question": settings_of(METHOD).question,
            "recipe_ids": self.recipe_ids,
            "settings": json.dumps({ours: given[theirs] for theirs, ours in _SETTINGS.items() if theirs in given}),
            "seed": 0,
            "prefix": [],
            "dtype": UNKNOWN,
            "identity_sha256": Manifest(self.identity).identity_sha256,
            "weights_sha256": UNKNOWN,
            "n_prompts": 1,
            "n_forward": 0,
            "n_backward": 0,
            "seconds": 0.0,
            "created_at": _now(),
        }


def _columns(table: str, rows: Iterable[Mapping[str, Any]]) -> "pa.Table":
    """Of rows that have columns of several tables."""
    names = set(table_schema(table).names)
    return rows_as_table(table, ({name: value for name, value in row.items() if name in names} for row in rows))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
