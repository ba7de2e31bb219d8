"""`glasshouse attend`: why a head attends where it does, by features of transcoders."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.cli.interventions.graph import LONGEST, members
from storage.visible_text import visible

if TYPE_CHECKING:
    from models.attribution.graphs.attended_position import AttendedPosition

console = Console()


def attend(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    recipes: Annotated[str, typer.Argument(help="Transcoders, one a block, as mlp0,mlp1,mlp2; or the name of a set.")],
    prompt: Annotated[str, typer.Argument(help="What the model reads.")],
    head: Annotated[str, typer.Option(help="Block and number of the head, as 3.2.")],
    query: Annotated[int | None, typer.Option(help="Position that attends; the last, if left out.")] = None,
    key: Annotated[int | None, typer.Option(help="Position attended to; the most attended, if left out.")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs that are shown, the strongest first.")] = 10,
) -> None:
    """Show what makes a head attend from one position to another: pairs of a source of its query and one of its key.

    Example: glasshouse attend pystdlib across "def set(self, name): self.name =" --head 3.2
    """
    from models.attention.head import Head
    from models.attribution.graphs.attended_position import attended_position
    from models.experiments.block_transcoders import model_transcoders
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.experiments.experiment_input import experiment_input
    from pipelines.store.store import Store

    store = Store()
    named = tuple(recipe for name in recipes.split(",") for recipe in members(name, store.cards().recipes))
    question = HandQuestion("attribution_graph", model, (Prompt(0, prompt=prompt),), recipes=named)
    given = experiment_input(store, question.registration(store))
    [encoded] = given.prompts
    transcoders, (layer, number) = model_transcoders(given.dictionaries), Head.parse(head)
    read = encoded.token_ids, encoded.n_special
    found = attended_position(given.host, transcoders, *read, layer, number, query, key)
    recipe_of = {int(each.written.layer or 0): each.recipe_id for each in given.dictionaries}
    tokens = [given.host.tokenizer.decode([token]) for token in encoded.token_ids]
    _print(found, head, tokens, recipe_of, pairs)


def _print(found: "AttendedPosition", head: str, tokens: list[str], recipe_of: dict[int, str], n: int) -> None:
    query, key = (f"{at} '{visible(tokens[at], LONGEST)}'" for at in (found.query_position, found.key_position))
    console.print(
        escape(
            f"head {head} at {query} takes {found.weight:.2f} of what it takes from {key}, by a score of "
            f"{found.score.total:.2f}"
        ),
        highlight=False,
        soft_wrap=True,
    )
    table = Table("score", "of the query", "of the key", title="strongest pairs")
    for pair in found.score.strongest(n):
        sides = (_named(found, source, tokens, recipe_of) for source in (pair.query_source, pair.key_source))
        table.add_row(f"{pair.score:+.3f}", *(escape(side) for side in sides))
    console.print(table)


def _named(found: "AttendedPosition", source: int | None, tokens: list[str], recipe_of: dict[int, str]) -> str:
    if source is None:
        return "constant: biases, positions"
    kind, layer, position, feature = found.source(source)
    at = f"at {position} '{visible(tokens[position], LONGEST)}'"
    if layer is None:
        return f"{kind} {at}"
    return f"error of block {layer} {at}" if feature is None else f"{recipe_of[layer]}/{feature} {at}"
