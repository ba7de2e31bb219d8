"""Whether an imported graph is one of a model and of transcoders that the store knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pipelines.store.store import Store
from pipelines.store.tables import TableStore

if TYPE_CHECKING:
    from models.interchange.graph_json import ReadGraph


@dataclass(frozen=True, slots=True)
class TranscoderNames:
    """The dictionary of the store that each block's features belong to; none where nobody said."""

    by_layer: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """Its recipe_id, and how many features it has."""

    @classmethod
    def of(cls, store: Store, model_id: str, recipe_id: str | None) -> Self:
        """Those of a recipe, or of the card of a set.

        Raises:
            ValueError: If the store has none.
        """
        if recipe_id is None:
            return cls()
        held = [own for of_model, own in store.layout.dictionaries() if of_model == model_id]
        wanted = [own for own in held if recipe_id in (own, own.rpartition(".")[0])]
        tables, found = TableStore(store.layout), dict[int, tuple[str, int]]()
        for own in wanted:
            for row in tables.read_rows(store.layout.table_at("sae", model_id=model_id, recipe_id=own)):
                if row["layer"] is not None:
                    found[row["layer"]] = own, row["n_features"]
        if not found:
            raise ValueError(
                f"the store has no transcoders {model_id}/{recipe_id} (of this model: {', '.join(held) or 'none'}): "
                "correct --recipe, or leave it out"
            )
        return cls(found)

    def recipe_of(self, node: Mapping[str, Any]) -> str | None:
        """The recipe of a node's feature.

        Raises:
            ValueError: If there is no dictionary of its block, or the dictionary has fewer features.
        """
        if node["kind"] != "feature" or not self.by_layer:
            return None
        if node["layer"] not in self.by_layer:
            raise ValueError(
                f"node {node['name']} is of layer {node['layer']}, and --recipe has layers "
                f"{', '.join(map(str, sorted(self.by_layer)))}: name the transcoders of the graph, or leave it out"
            )
        recipe, n_features = self.by_layer[node["layer"]]
        if node["feature_id"] >= n_features:
            raise ValueError(
                f"node {node['name']} is feature {node['feature_id']}, and {recipe} has {n_features:,}: the graph is "
                "of other transcoders; correct --recipe, or leave it out"
            )
        return recipe


def refuse_other_model(store: Store, model_id: str, graph: "ReadGraph", path: str) -> None:
    """Holds the graph against what the store and the registry know of the model: blocks, vocabulary, tokens.

    Raises:
        ValueError: If it is of another one.
    """
    rows = TableStore(store.layout).read_rows(store.layout.table_at("model", model_id=model_id))
    for row in rows:
        layers, known = graph.n_layers, row["n_layers"]
        if None not in (layers, known) and layers != known:
            raise ValueError(f"{path} is of a model of {layers} blocks, and {model_id} has {known}: correct --model")
        beyond = [node for node in graph.nodes if (node["token_id"] or 0) >= (row["vocab_size"] or 2**63)]
        if beyond:
            raise ValueError(
                f"{path} has token {beyond[0]['token_id']} in node {beyond[0]['name']}, and the vocabulary of "
                f"{model_id} has {row['vocab_size']:,}: correct --model"
            )
    card = store.cards().models.get(model_id)
    if card is not None:
        _refuse_other_tokens(card.source, card.revision, model_id, graph, path)


def _refuse_other_tokens(source: str, revision: str | None, model_id: str, graph: "ReadGraph", path: str) -> None:
    from models.language_model.hooked_model import load_tokenizer
    from storage.revisions import is_available_offline, is_folder, resolve_revision

    if not is_available_offline(source, revision):
        return  # a tokenizer alone is not worth a download
    tokenizer = load_tokenizer(source, None if is_folder(source) else resolve_revision(source, revision))
    for node in graph.nodes_of("token"):
        number, said = node["token_id"], node["token"]
        if number is not None and (own := tokenizer.decode([number])) != said:
            raise ValueError(
                f"{path} has {said!r} as token {number}, which is {own!r} to {model_id}: it is a graph of a model with "
                "another tokenizer; correct --model"
            )
