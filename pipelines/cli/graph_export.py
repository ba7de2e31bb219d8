"""The command `glasshouse export graph`: an attribution graph as a file for another tool's viewer."""

import json
from pathlib import Path
from typing import Annotated

import typer


def export_graph(
    experiment: Annotated[str, typer.Argument(help="model_id/experiment_id of an attribution_graph.")],
    prompt: Annotated[int, typer.Argument(min=0, help="prompt_id, counted from 0.")],
    out: Annotated[Path, typer.Argument(help="The file, such as graph.json.")],
) -> None:
    """Write an attribution graph, with labels, as the JSON that circuit-tracer's and Neuronpedia's viewers read.

    Example: glasshouse export graph pystdlib/code-graphs 0 graph.json
    """
    from pipelines.interchange.graph_export import exported_graph
    from pipelines.store.store import Store

    model_id, _, experiment_id = experiment.partition("/")
    written = exported_graph(Path(Store().published), model_id, experiment_id, prompt)
    out.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    typer.echo(out)
