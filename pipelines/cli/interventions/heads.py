"""`glasshouse heads`: which attention heads look for what came before, and what the model loses without them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

console = Console()
SCORES = ("induction", "previous_token", "duplicate_token", "ov_copying", "effective_ov_copying", "qk_matching")
SHORT = {"previous_token": "previous", "duplicate_token": "duplicate", "effective_ov_copying": "behind block 0"}
MOST_HEADS, SHOWN_HEADS, MOST_LOOKS = 12, 3, 12


def heads(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    prompt: Annotated[str, typer.Argument(help="Text in which the heads are shown.")] = "when in the course of when in",
    ablate: Annotated[int, typer.Option(min=0, help="Heads that are ablated one by one.")] = 4,
    sequences: Annotated[int, typer.Option(min=2, help="Random sequences that are averaged over.")] = 8,
    longest_period: Annotated[int, typer.Option(min=3, help="Tokens of the longest piece that is said twice.")] = 50,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run nothing.")] = False,
) -> None:
    """Show which attention heads are induction, previous-token, duplicate-token and copying heads.

    Example: glasshouse heads pystdlib "import os; import os"
    """
    from models.experiments.prompt import Prompt
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.store.store import Store

    settings = {
        "sequences": sequences,
        "longest_period": longest_period,
        "shortest_period": max(2, min(20, longest_period // 2)),
        "ablation": "zero",
        "ablated_one_by_one": ablate,
    }
    question = HandQuestion("attention_heads", model, (Prompt(0, prompt=prompt),), settings=settings)
    if card:
        typer.echo(question.cards(Store()))
        return
    answer = question.ask(Store())
    tokens = [answer.given.host.tokenizer.decode([token]) for token in answer.given.prompts[0].token_ids]
    strongest = _show_scores(answer.rows["head_score"])
    _show_ablations(answer.rows["head_ablation"])
    _show_looks(answer.rows["attention_pattern"], strongest[:SHOWN_HEADS], tokens)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['layer']}.{row['head']}"


def _show_scores(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The heads of the highest induction score, best first; a star stands where a score exceeds its baseline."""
    by_head: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_head.setdefault(_name(row), {})[row["score"]] = row
    ranked = sorted(by_head, key=lambda head: -by_head[head]["induction"]["value"])
    error = max(row["standard_error"] or 0 for row in rows)
    columns = (SHORT.get(name, name).replace("_", " ") for name in SCORES)
    table = Table("head", *columns, title=f"scores (* above chance), standard errors up to {error:.2f}")
    for head in ranked[:MOST_HEADS]:
        table.add_row(head, *(_cell(by_head[head][name]) for name in SCORES))
    console.print(table)
    if lacks := sorted({row["lack"] for row in rows if row["lack"]}):
        console.print(escape("; ".join(lacks)))
    return ranked


def _cell(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return ""
    return f"{row['value']:.2f}{' *' if row['is_above'] else ''}"


def _show_ablations(rows: Sequence[Mapping[str, Any]]) -> None:
    base = rows[0]
    title = (
        f"loss {base['first_loss']:.2f} on the first copy, {base['second_loss']:.2f} on the second; "
        f"{100 * base['accuracy']:.0f} % of the second copy right"
    )
    table = Table("without", "change of second loss [nats]", "95 % interval", "right", title=title)
    for row in rows[1:]:
        interval = (
            "" if row["change_ci_low"] is None else f"{row['change_ci_low']:+.3f} to {row['change_ci_high']:+.3f}"
        )
        name = f"{row['ablated']} ({len(row['heads'])})" if row["layer"] is None else row["ablated"]
        table.add_row(name, f"{row['change']:+.3f}", interval, f"{100 * row['accuracy_ablated']:.0f} %")
    console.print(table)


def _show_looks(rows: Sequence[Mapping[str, Any]], heads: Sequence[str], tokens: Sequence[str]) -> None:
    """Where some heads look most; what they take from the first token and from their own place says little."""
    looks = [row for row in rows if _name(row) in heads and row["key_position"] not in (0, row["query_position"])]
    looks = sorted(looks, key=lambda row: -row["weight"])[:MOST_LOOKS]
    table = Table("head", "from", "to", "weight", title="where they look, beyond the first token and their own")
    shown = [escape(f"{place} {visible(token, 12)}") for place, token in enumerate(tokens)]
    for row in looks:
        table.add_row(_name(row), shown[row["query_position"]], shown[row["key_position"]], f"{row['weight']:.2f}")
    console.print(table if looks else "In this prompt they look at the first token and at their own.")
