"""`glasshouse steer`: a feature set to a value while the model writes on from one prompt."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

console = Console()
MOST = 600
"""Characters of a completion that are shown."""


def steer(
    sae: Annotated[str, typer.Argument(help="model_id/recipe_id of a dictionary.")],
    feature: Annotated[int, typer.Argument(help="Number of the feature.")],
    prompt: Annotated[str, typer.Argument(help="What the model goes on from.")],
    strength: Annotated[
        list[float] | None, typer.Option(help="Multiples of the feature's strongest activation; several are allowed.")
    ] = None,
    kind: Annotated[str, typer.Option(help="clamp, min_clamp, add, scale or ablate.")] = "clamp",
    unit: Annotated[str, typer.Option(help="max_activation, or residual_norm.")] = "max_activation",
    tokens: Annotated[str, typer.Option(help="What is edited: all, prompt or generated.")] = "all",
    concept: Annotated[
        str, typer.Option(help="Text whose tokens are the target; else what the feature promotes.")
    ] = "",
    new_tokens: Annotated[int, typer.Option(help="Tokens that are written at most.")] = 40,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token each time.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    baselines: Annotated[bool, typer.Option(help="Show the baselines too.")] = False,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show what the model writes while a feature is turned up or off, beside what it writes without.

    Example: glasshouse steer pystdlib/mid-topk 3779 "import " --strength 3 --strength 5
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    settings: dict[str, Any] = {"features": [feature], "strengths": strength or [5.0], "kind": kind, "unit": unit}
    settings |= {"tokens": tokens, "new_tokens": new_tokens, "temperature": temperature}
    settings |= {"concepts": {str(feature): concept}} if concept else {}
    settings |= {} if baselines else {"baselines": []}
    model_id, _, recipe_id = sae.partition("/")
    if not recipe_id:
        raise typer.BadParameter(f"{sae!r} is no dictionary: write model_id/recipe_id, such as pystdlib/mid-topk")
    asked = (Prompt(0, prompt=prompt),)
    question = HandQuestion("steering", model_id, asked, recipes=(recipe_id,), settings=settings, seed=seed)
    if card:
        typer.echo(question.cards(Store()))
        return
    rows = question.ask(Store()).rows
    targets = " ".join(repr(token) for token in rows["steering_effect"][0]["target_tokens"])
    console.print(f"target: {escape(targets)}", highlight=False)
    console.print(_table(rows["steering_completion"]))


def _table(rows: Any) -> Table:
    table = Table("condition", "strength", "what is written", "target", "surprise", "repetition", "KL", show_lines=True)
    first = rows[0]
    plain = (first[f"unsteered_{name}"] for name in ("target_log_probability", "surprise", "repetition"))
    table.add_row(
        "plain", "", escape(visible(first["unsteered_completion"], MOST)), *(f"{value:.2f}" for value in plain), ""
    )
    for row in rows:
        measures = (row[name] for name in ("target_log_probability", "surprise", "repetition", "kl"))
        name, text = row["condition"].replace("_", " "), escape(visible(row["completion"], MOST))
        table.add_row(name, f"{row['strength']:g}", text, *(f"{value:.2f}" for value in measures))
    return table
