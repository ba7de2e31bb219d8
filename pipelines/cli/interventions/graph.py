"""`glasshouse graph`: the attribution graph of one prompt."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

console = Console()
LONGEST = 16
"""Characters of a token."""


def graph(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    recipes: Annotated[str, typer.Argument(help="Transcoders, one a block, as mlp0,mlp1,mlp2; or the name of a set.")],
    prompt: Annotated[str, typer.Argument(help="What the model reads.")],
    max_features: Annotated[int, typer.Option(min=1, help="Features whose inputs are computed.")] = 1_000,
    checked_nodes: Annotated[int, typer.Option(min=0, help="Features that are changed in the model.")] = 8,
    paths: Annotated[int, typer.Option(min=0, help="Paths that are shown, the strongest first.")] = 10,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show through which features a prompt becomes the next token, and whether the model does what the graph says.

    Example: glasshouse graph pystdlib across "import os; print(os."
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    settings = {"max_features": max_features, "checked_nodes": checked_nodes}
    store = Store()
    named = tuple(recipe for name in recipes.split(",") for recipe in members(name, store.cards().recipes))
    question = HandQuestion("attribution_graph", model, (Prompt(0, prompt=prompt),), recipes=named, settings=settings)
    if card:
        typer.echo(question.cards(store))
        return
    rows = question.ask(store).rows
    nodes = {row["node_id"]: row for row in rows["graph_node"]}
    _print_graph(rows["attribution_graph"][0], rows["graph_check"], list(nodes.values()))
    _print_features(list(nodes.values()))
    _print_paths(nodes, rows["graph_edge"], paths)


def members(name: str, known: Iterable[str]) -> list[str]:
    """The recipes of a set, which are called after it and their blocks; a recipe itself where there is no such set."""
    return [recipe for recipe in known if recipe.rpartition(".")[0] == name] or [name]


def _print_graph(
    graph: Mapping[str, Any], checks: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]
) -> None:
    logits = [f"{visible(row['token'], LONGEST)} {row['probability']:.2f}" for row in nodes if row["kind"] == "logit"]
    console.print(escape(f"next token: {', '.join(logits)}"), highlight=False, soft_wrap=True)
    console.print(
        f"replacement {graph['replacement_score']:.3f}, completeness {graph['completeness_score']:.3f}; "
        f"{graph['n_features']:,} of {graph['n_active_features']:,} features, those left out have "
        f"{100 * graph['left_out_influence']:.1f} % of the influence",
        highlight=False,
        soft_wrap=True,
    )
    for frozen, held in ((True, "held"), (False, "free")):
        for target in ("logits", "features"):
            chosen = [row for row in checks if row["frozen"] == frozen and row["target"] == target]
            cosines, ranks = ([row[name] for row in chosen if row[name] is not None] for name in ("cosine", "spearman"))
            if cosines and ranks:
                said = f"{target} move as predicted: cosine {median(cosines):.2f}, Spearman {median(ranks):.2f}"
                console.print(
                    f"attention and norms {held}: {said} ({len(chosen)} changes)", highlight=False, soft_wrap=True
                )


def _print_features(nodes: Sequence[Mapping[str, Any]]) -> None:
    table = Table("feature", "block", "position", "activation", "influence", title="most influential features")
    kept = [row for row in nodes if row["kind"] == "feature" and row["kept"]]
    for row in sorted(kept, key=lambda row: -row["influence"])[:12]:
        place = escape(f"{row['position']} {visible(row['token'], 10)}")
        numbers = (f"{row['activation']:.3f}", f"{row['influence']:.4f}")
        table.add_row(f"{row['recipe_id']}/{row['feature_id']}", str(row["layer"]), place, *numbers)
    console.print(table)


def _print_paths(nodes: Mapping[int, Mapping[str, Any]], edges: Sequence[Mapping[str, Any]], most: int) -> None:
    from models.attribution.graphs.strongest_paths import GraphEdge, strongest_paths

    kept = [
        GraphEdge(row["source_node_id"], row["target_node_id"], row["weight"], row["share"])
        for row in edges
        if row["kept"]
    ]
    probability = {node_id: row["probability"] for node_id, row in nodes.items() if row["kind"] == "logit"}
    ends = {node_id for node_id, row in nodes.items() if row["kind"] in ("token", "error")}
    through = (path for path in strongest_paths(kept, probability, ends) if len(path.nodes) > 2)
    table = Table("share", "path", title="strongest paths through features")
    for path in islice(through, most):
        arrows = ["→" if weight > 0 else "⊣" for weight in path.weights]
        steps = [_named(nodes[path.nodes[0]])]
        steps += [f"{arrow} {_named(nodes[node])}" for arrow, node in zip(arrows, path.nodes[1:], strict=True)]
        table.add_row(f"{path.strength:.4f}", escape(" ".join(steps)))
    console.print(table)


def _named(row: Mapping[str, Any]) -> str:
    if row["kind"] == "feature":
        return f"{row['recipe_id']}/{row['feature_id']} at {row['position']}"
    if row["kind"] == "error":
        return f"error of block {row['layer']} at {row['position']}"
    return f"'{visible(row['token'], LONGEST)}'"
