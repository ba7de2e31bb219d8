"""Where an attribution graph is not to be trusted: sentences with numbers, and how many measurements they rest on."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

LEAST_REPLACEMENT = 0.5
"""Below it, more of the influence comes from what transcoders leave out than from the prompt's tokens."""
LEAST_COMPLETENESS = 0.6
LEAST_AGREEMENT = 0.5
"""Of Spearman's correlation and of the cosine between predicted and actual changes."""
MOST_LEFT_OUT = 0.1
"""Of influence or of edges that the graph does not hold."""


def warnings(graph: SimpleNamespace, agreement: Iterable[Any]) -> list[str]:
    """What is said at the top of a graph's page; nothing of a graph that explains and predicts.

    Args:
        graph: A row of the query `graph`.
        agreement: Rows of the query `graph_agreement`.
    """
    if graph.imported_from is not None:
        return [_imported(graph)]
    measured = {(row.frozen, row.target): row for row in agreement}
    return [*_scores(graph), *_left_out(graph), *_predictions(measured)]


def _imported(graph: SimpleNamespace) -> str:
    of = f" of {graph.imported_tool}" if graph.imported_tool else ""
    return (
        f"Imported from {graph.imported_from} (a file{of}, sha256 {graph.imported_sha256[:12]}), which calls its model "
        f"and transcoders {graph.imported_scan}. It holds what pruning kept: how much of the answer the whole graph "
        "explains is not known here, and none of its features was changed in the model."
    )


def _scores(graph: SimpleNamespace) -> Iterable[str]:
    if graph.replacement_score < LEAST_REPLACEMENT:
        yield (
            f"Replacement {graph.replacement_score:.2f}: {1 - graph.replacement_score:.0%} of the influence on the "
            "answer starts in what the transcoders leave out of the MLPs, not in the prompt's tokens. The paths from "
            "tokens are the smaller part of how the model answers."
        )
    if graph.completeness_score < LEAST_COMPLETENESS:
        yield (
            f"Completeness {graph.completeness_score:.2f}: weighted by influence, {1 - graph.completeness_score:.0%} "
            "of what acts on a node comes from what the transcoders leave out."
        )


def _left_out(graph: SimpleNamespace) -> Iterable[str]:
    if graph.left_out_influence > MOST_LEFT_OUT:
        yield (
            f"{graph.left_out_influence:.0%} of the influence goes to features whose inputs were not computed: "
            f"{graph.n_features:,} of {graph.n_active_features:,} active features were followed back."
        )
    if graph.dropped_edges > MOST_LEFT_OUT:
        yield f"{graph.dropped_edges:.0%} of the sizes of all edges belongs to edges that were too small to be kept."


def _predictions(measured: dict[tuple[bool, str], Any]) -> Iterable[str]:
    row = measured.get((False, "logits"))
    if row is None:
        yield "Not checked: no feature of this graph was changed in the model, so nobody knows whether it predicts."
        return
    low = [value for value in (row.spearman, row.cosine) if value is not None and value < LEAST_AGREEMENT]
    if row.cosine is None:
        yield f"Its prediction could not be compared: {row.n_changes} changes of features moved none of its logits."
    elif low:
        spearman = "none" if row.spearman is None else f"{row.spearman:.2f} (n = {row.n_spearman})"
        yield (
            f"It predicts badly: {row.n_nodes} of its features were changed in the model, and its logits moved "
            f"otherwise than the graph says. Mean Spearman {spearman}, mean cosine {row.cosine:.2f} (n = "
            f"{row.n_cosine} changes); 1 is a perfect prediction, 0 no better than chance."
        )
