"""Attribution graphs of the warehouse as JSON for the viewers of other tools, with the labels of features."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.interchange.graph_json import graph_json
from sql.warehouse import connect

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OF = "where model_id = $model_id and experiment_id = $experiment_id and prompt_id = $prompt_id"
_LABELLED = (
    "select n.*, f.label from graph_node as n left join feature_card as f using (model_id, recipe_id, feature_id)"
)


def exported_graph(published: Path, model_id: str, experiment_id: str, prompt_id: int) -> Any:
    """The JSON of a graph that is in the warehouse.

    Raises:
        ValueError: If there is none of this experiment and prompt.
    """
    keys = {"model_id": model_id, "experiment_id": experiment_id, "prompt_id": prompt_id}
    with closing(connect(published)) as con:
        graphs = _rows(
            con,
            f"select * from attribution_graph inner join prompt using (model_id, experiment_id, prompt_id) {_OF}",
            keys,
        )
        if not graphs:
            known = con.execute("select distinct model_id || '/' || experiment_id from attribution_graph order by all")
            said = ", ".join(name for (name,) in known.fetchall()) or "none"
            raise ValueError(
                f"{model_id}/{experiment_id} has no attribution graph of prompt {prompt_id}: there are graphs of {said}"
            )
        nodes = _rows(con, f"select * from ({_LABELLED}) {_OF} and kept order by node_id", keys)
        edges = _rows(con, f"select * from graph_edge {_OF} and kept order by target_node_id, source_node_id", keys)
    [graph] = graphs
    slug = f"{model_id}-{experiment_id}-{prompt_id}"
    return graph_json(slug, model_id, graph, graph["tokens"], nodes, edges)


def _rows(con: "DuckDBPyConnection", query: str, keys: dict[str, Any]) -> list[dict[str, Any]]:
    found = con.execute(query, keys)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
