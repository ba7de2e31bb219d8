"""`glasshouse attribute`: direct logit attribution on one prompt."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console()


def attribute(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    prompt: Annotated[str, typer.Argument(help="What the model reads.")],
    answer: Annotated[str, typer.Option(help="The next token that is asked about, such as ' Paris'.")],
    foil: Annotated[str | None, typer.Option(help="What it is compared with; the vocabulary if none.")] = None,
    sae: Annotated[str | None, typer.Option(help="recipe_id: its features in the place of what they describe.")] = None,
    parts: Annotated[int, typer.Option(min=1, help="Parts that are shown, the largest first.")] = 20,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show which heads, MLPs or features speak for an answer, and how much.

    Example: glasshouse attribute pystdlib "import os; print(os.path." --answer join --foil exists
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    asked = (Prompt(0, prompt=prompt, answer=answer, foil=foil),)
    question = HandQuestion("logit_attribution", model, asked, recipes=(sae,) if sae else ())
    if card:
        typer.echo(question.cards(Store()))
        return
    rows = question.ask(Store()).rows["logit_attribution"]
    other = "the vocabulary's average" if foil is None else f"the foil {foil!r}"
    table = Table("part", "block", "adds [logits]", title=escape(f"{answer!r} over {other}: {rows[0]['logit']:.3f}"))
    for row in sorted(rows, key=lambda row: -abs(row["contribution"]))[:parts]:
        number = next((row[name] for name in ("head", "feature_id") if row[name] is not None), "")
        layer = "" if row["layer"] is None else str(row["layer"])
        table.add_row(f"{row['component'].replace('_', ' ')} {number}", layer, f"{row['contribution']:+.3f}")
    console.print(table)
    typer.echo(f"{len(rows)} parts add up to {sum(row['contribution'] for row in rows):.3f}")
