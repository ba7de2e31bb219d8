"""`glasshouse graph` prints scores, checks and the strongest paths of the rows that the method makes."""

from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.main import app
from pipelines.experiments.by_hand import HandQuestion

NODES = [
    {"node_id": 0, "kind": "feature", "layer": 1, "position": 1, "recipe_id": "mlp1", "feature_id": 7, "kept": True},
    {"node_id": 1, "kind": "token", "layer": None, "position": 0, "kept": True},
    {"node_id": 2, "kind": "logit", "layer": None, "position": 1, "probability": 0.5, "kept": True},
]
ROWS: dict[str, Any] = {
    "attribution_graph": [
        {"replacement_score": 0.25, "completeness_score": 0.75, "n_features": 1, "n_active_features": 3}
        | {"left_out_influence": 0.125}
    ],
    "graph_node": [{"token": "x", "activation": 2.0, "influence": 0.25, "probability": None} | node for node in NODES],
    "graph_edge": [
        {"source_node_id": 1, "target_node_id": 0, "weight": -1.0, "share": 0.5, "kept": True},
        {"source_node_id": 0, "target_node_id": 2, "weight": 3.0, "share": 0.5, "kept": True},
        {"source_node_id": 1, "target_node_id": 2, "weight": 1.0, "share": 0.5, "kept": True},
    ],
    "graph_check": [{"frozen": False, "target": "logits", "cosine": 0.5, "spearman": 0.25}],
}


def test_scores_checks_and_paths_are_printed(monkeypatch: pytest.MonkeyPatch):
    class Answer:
        rows = ROWS

    monkeypatch.setattr(HandQuestion, "ask", lambda self, store: Answer)
    shown = CliRunner().invoke(app, ["graph", "m", "mlp0,mlp1", "a prompt"])
    assert shown.exit_code == 0, shown.output
    assert "replacement 0.250, completeness 0.750; 1 of 3 features, those left out have 12.5 %" in shown.output
    assert "norms free: logits move as predicted: cosine 0.50, Spearman 0.25 (1 changes)" in shown.output
    [path] = [line for line in shown.output.splitlines() if "⊣" in line]
    assert "0.1250" in path
    assert "'x' ⊣ mlp1/7 at 1 → 'x'" in path
    card = CliRunner().invoke(app, ["graph", "m", "mlp0,mlp1", "a prompt", "--card"])
    assert "recipes:\n- mlp0\n- mlp1\n" in card.output
