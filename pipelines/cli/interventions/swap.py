"""`glasshouse swap`: one feature off and another on, and whether the answer of one prompt becomes that of another."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()
METRICS = {
    "answer_probability": "P(answer)",
    "foil_probability": "P(foil)",
    "logit_difference": "answer - foil [logit]",
    "foil_is_likeliest": "foil is likeliest",
}


def swap(
    sae: Annotated[str, typer.Argument(help="model_id/recipe_id of a dictionary.")],
    clean: Annotated[str, typer.Argument(help="The prompt in which features are swapped.")],
    corrupt: Annotated[str, typer.Argument(help="A prompt of as many tokens, whose answer is the foil.")],
    answer: Annotated[str, typer.Option(help="The next token of the clean prompt, such as ')'.")],
    foil: Annotated[str, typer.Option(help="The next token of the corrupt prompt.")],
    off: Annotated[int | None, typer.Option(help="Feature that is switched off; else the prompts choose.")] = None,
    on: Annotated[int | None, typer.Option(help="Feature that is switched on; with --off.")] = None,
    strength: Annotated[
        list[float] | None, typer.Option(help="Multiples of the second feature's strongest activation; several.")
    ] = None,
    random_pairs: Annotated[int, typer.Option(min=0, help="Random pairs of features beside.")] = 10,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show whether the answer follows when one feature is swapped for another.

    Example: glasshouse swap pystdlib/mid-topk "x = (a, b" "x = [a, b" --answer ")" --foil "]"
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    model_id, _, recipe_id = sae.partition("/")
    if not recipe_id:
        raise typer.BadParameter(f"{sae!r} is no dictionary: write model_id/recipe_id, such as pystdlib/mid-topk")
    if (off is None) != (on is None):
        raise typer.BadParameter("name both --off and --on, or neither: then the prompts choose")
    settings: dict[str, Any] = {"strengths": strength or [1.0, 2.0, 4.0], "random_pairs": random_pairs}
    settings |= {} if off is None else {"pairs": [[off, on]]}
    asked = (Prompt(0, clean=clean, corrupt=corrupt, answer=answer, foil=foil),)
    question = HandQuestion("feature_swap", model_id, asked, "contrast_pairs", (recipe_id,), settings, seed)
    if card:
        typer.echo(question.cards(Store()))
        return
    console.print(_table(question.ask(Store()).rows["feature_swap_effect"]))


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The plain model, then each condition at each strength."""
    first = rows[0]
    title = f"feature {first['feature_off']} off, feature {first['feature_on']} on"
    if not first["firing_share"]:
        title += ": the first does not fire here, so the swap reaches the last token only"
    table = Table("swap", "strength", *METRICS.values(), title=title)
    plain = {row["metric"]: row["unswapped_value"] for row in rows}
    table.add_row("none", "", *(f"{plain[metric]:.3f}" for metric in METRICS))
    cells = {(row["condition"], row["strength"], row["metric"]): row["value"] for row in rows}
    for condition, strength in dict.fromkeys((row["condition"], row["strength"]) for row in rows):
        name = "the pair" if condition == "pair" else f"{_n_pairs(rows, condition)} random pairs"
        table.add_row(name, f"{strength:g}", *(f"{cells[condition, strength, metric]:.3f}" for metric in METRICS))
    return table


def _n_pairs(rows: Sequence[Mapping[str, Any]], condition: str) -> int:
    return next(row["n_pairs"] for row in rows if row["condition"] == condition)
