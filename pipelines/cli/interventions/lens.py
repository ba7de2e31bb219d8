"""`glasshouse lens`: the logit lens on one prompt."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

console = Console()
COLUMN = 14
"""Characters of a position's column."""
OTHERS = 34
"""Characters of the columns beside them."""


def lens(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    prompt: Annotated[str, typer.Argument(help="What the model reads.")],
    answer: Annotated[str | None, typer.Option(help="The next token, such as ' Paris'.")] = None,
    kind: Annotated[str, typer.Option(help="logit, tuned or jacobian: the last two are fitted first.")] = "logit",
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show what the model would say next if it ended after each block.

    Example: glasshouse lens pystdlib "import os; print(os.path." --answer join
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    question = HandQuestion(
        "logit_lens", model, (Prompt(0, prompt=prompt, answer=answer),), settings={"lenses": [kind]}
    )
    if card:
        typer.echo(question.cards(Store()))
        return
    rows = question.ask(Store()).rows["logit_lens"]
    most = max(1, (console.width - OTHERS) // COLUMN)
    last = max(row["position"] for row in rows)
    shown = [row["token"] for row in rows if row["layer"] == -1 and row["position"] > last - most]
    table = Table("behind block", *(escape(visible(token, 10)) for token in shown), "answer", "rank")
    for layer in sorted({row["layer"] for row in rows}, reverse=True):
        here = [row for row in rows if row["layer"] == layer and row["position"] > last - most]
        cells = [escape(f"{visible(row['top_tokens'][0], 6)} {row['top_probabilities'][0]:.2f}") for row in here]
        asked = here[-1].get("answer_probability"), here[-1].get("answer_rank")
        told = ("", "") if asked[0] is None else (f"{asked[0]:.4f}", str(asked[1]))
        table.add_row("none" if layer < 0 else str(layer), *cells, *told)
    console.print(table)
