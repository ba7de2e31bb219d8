"""`glasshouse patch`: activation patching between two prompts, or causal tracing of one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

console = Console()
COLUMN = 9
"""Characters of a position's column."""
SITES = "resid_pre,attn_out,mlp_out,z"


def patch(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    clean: Annotated[str, typer.Argument(help="The prompt with the property.")],
    corrupt: Annotated[str | None, typer.Argument(help="A prompt of as many tokens without it.")] = None,
    answer: Annotated[str, typer.Option(help="The next token of the clean prompt, such as ' Paris'.")] = ...,  # type: ignore[assignment]
    foil: Annotated[str | None, typer.Option(help="The token of the corrupt prompt; the probability if none.")] = None,
    subject: Annotated[str | None, typer.Option(help="Part of the prompt to noise in place of a corrupt one.")] = None,
    noising: Annotated[bool, typer.Option(help="Put corrupt values into the clean run, not the other way.")] = False,
    sites: Annotated[str, typer.Option(help="Kinds of site, with commas; z are heads.")] = SITES,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show which places of a model carry what makes the difference between two prompts.

    Example: glasshouse patch pystdlib "for i in range(" "for i in sorted(" --answer 1 --foil self
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    if (corrupt is None) == (subject is None):
        raise typer.BadParameter("give a corrupt prompt, or --subject for causal tracing with noise")
    kinds = [kind.strip() for kind in sites.split(",")]
    settings: dict[str, Any] = {
        "methods": ["exact"],
        "metric": "probability" if foil is None else "logit_difference",
        "directions": ["noising" if noising else "denoising"],
        "sites": kinds,
    }
    if corrupt is None:
        asked = Prompt(0, prompt=clean, answer=answer, foil=foil, subject=subject)
        question = HandQuestion("activation_patching", model, (asked,), settings=settings | {"corruption": "noise"})
    else:
        asked = Prompt(0, clean=clean, corrupt=corrupt, answer=answer, foil=foil)
        question = HandQuestion("activation_patching", model, (asked,), "contrast_pairs", settings=settings)
    if card:
        typer.echo(question.cards(Store()))
        return
    found = question.ask(Store())
    rows, given = found.rows["patching_effect"], found.given
    decode, prompt = given.host.tokenizer.decode, given.prompts[0]
    console.print(f"{rows[0]['metric']}: clean {rows[0]['clean_metric']:.4f}, corrupt {rows[0]['corrupt_metric']:.4f}")
    for kind in kinds:
        here = [row for row in rows if row["site"] == kind]
        if here[0]["position"] is None:
            heads = range(1 + max(row["head"] for row in here))
            console.print(_table(f"{kind}: heads", here, "head", heads, [str(head) for head in heads]))
        else:
            most = max(1, console.width // COLUMN - 1)
            positions = range(max(0, len(prompt.token_ids) - most), len(prompt.token_ids))
            names = [escape(visible(decode([prompt.token_ids[position]]), COLUMN - 4)) for position in positions]
            console.print(_table(kind, here, "position", positions, names))


def _table(
    kind: str, rows: Sequence[Mapping[str, Any]], axis: str, values: Sequence[int], names: Sequence[str]
) -> Table:
    """Share of the difference, block by block from the last."""
    table, share = (
        Table("block", *names, title=kind),
        {(row["layer"], row[axis]): row["normalized_effect"] for row in rows},
    )
    for layer in sorted({row["layer"] for row in rows}, reverse=True):
        cells = [share.get((layer, value)) for value in values]
        table.add_row(str(layer), *("" if cell is None else f"{cell:.2f}" for cell in cells))
    return table
