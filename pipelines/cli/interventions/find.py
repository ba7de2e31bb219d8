"""`glasshouse find`: which features tell some texts from others."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

if TYPE_CHECKING:
    from pipelines.store.store import Store

console = Console()
LONGEST = 90
"""Characters of a text that is shown."""


def find(
    sae: Annotated[str, typer.Argument(help="model_id/recipe_id of a dictionary.")],
    texts: Annotated[str, typer.Option(help="Card of a text set, or of labelled prompts.")],
    label: Annotated[str | None, typer.Option(help="Label that is told from all others; else each.")] = None,
    pool: Annotated[str, typer.Option(help="What is made of a text's tokens: max, mean or last.")] = "max",
    lengths: Annotated[
        str, typer.Option(help="matched cuts texts so that length tells nothing; checked, as_they_are.")
    ] = "matched",
    most: Annotated[int, typer.Option(min=1, max=1000, help="Features that are shown of each label.")] = 10,
    card: Annotated[bool, typer.Option(help="Print the card that repeats this, and run nothing.")] = False,
) -> None:
    """Show which features tell the texts of a label from the others, and how good a detector each is on held-out texts.

    Example: glasshouse find pystdlib/mid-topk --texts python-packages --label email
    """
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.registry.cards import InvalidCard
    from pipelines.store.prompt_reading import read_prompts
    from pipelines.store.store import Store

    model_id, _, recipe_id = sae.partition("/")
    if not recipe_id:
        raise typer.BadParameter(f"{sae!r} is no dictionary: write model_id/recipe_id, such as pystdlib/mid-topk")
    store = Store()
    sets = store.cards().prompt_sets
    if texts not in sets or sets[texts].kind != "labelled":
        there = ", ".join(name for name, each in sets.items() if each.kind == "labelled") or "none"
        raise InvalidCard(
            f"{texts} is no set of labelled texts; there are {there}: write registry/text_sets/{texts}.yaml"
        )
    settings: dict[str, Any] = {"pool": pool, "lengths": lengths} | ({} if label is None else {"labels": [label]})
    if card:
        typer.echo(_card(model_id, recipe_id, texts, settings))
        return
    settings |= {"kept_features": most, "texts_of": most, "shown_texts": 1}
    prompts, cut = read_prompts(sets[texts]), sets[texts].max_tokens
    question = HandQuestion("concept_search", model_id, prompts, "labelled", (recipe_id,), settings, max_tokens=cut)
    rows = question.ask(store).rows
    said, names = {prompt.prompt_id: prompt.text for prompt in prompts}, _feature_labels(store, model_id, recipe_id)
    for each in dict.fromkeys(row["label"] for row in rows["feature_contrast"]):
        found, of_texts = (
            [row for row in rows[table] if row["label"] == each]
            for table in ("feature_contrast", "feature_contrast_text")
        )
        _show(each, found, of_texts, said, names)


def _card(model_id: str, recipe_id: str, texts: str, settings: Mapping[str, Any]) -> str:
    import yaml

    values = {"method": "concept_search", "prompt_set": texts, "models": [model_id], "recipe": recipe_id}
    body = yaml.safe_dump(values | {"settings": dict(settings)}, sort_keys=False)
    return f"# registry/experiments/{texts}-search.yaml\n{body}"


def _feature_labels(store: "Store", model_id: str, recipe_id: str) -> dict[int, str]:
    """Of the published file; none where nothing is published."""
    from sql.warehouse import connect

    if not store.published.exists():
        return {}
    with connect(store.published) as con:
        query = "select feature_id, label from feature_card where model_id = ? and recipe_id = ? and label is not null"
        return dict(con.execute(query, [model_id, recipe_id]).fetchall())


def _show(
    label: str,
    rows: Sequence[Mapping[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    said: Mapping[int, str],
    names: Mapping[int, str],
) -> None:
    first, false_alarms = rows[0], {row["feature_id"]: row for row in texts if row["kind"] == "false_alarm"}
    found = sum(row["q"] < 0.05 for row in rows)
    title = (
        f"{label}: {first['n_tested']:,} features tested on {first['n_units']} groups of it and "
        f"{first['n_other_units']} others, {found} of those shown with q < .05; judged on "
        f"{first['n_test_of_label']} of {first['n_test']} texts; length alone {first['length_area']:.2f}"
    )
    columns = (
        "feature",
        "label",
        "fires in",
        "of others",
        "q",
        "area",
        "precision",
        "recall",
        "false alarms",
        "such as",
    )
    table = Table(*columns, title=escape(title))
    for row in rows:
        alarm = false_alarms.get(row["feature_id"])
        ends = (
            ""
            if row["test_auroc_ci_low"] is None
            else f" {row['test_auroc_ci_low']:.2f}–{row['test_auroc_ci_high']:.2f}"
        )
        table.add_row(
            str(row["feature_id"]),
            escape(visible(names.get(row["feature_id"], ""), 40)),
            f"{row['firing_share']:.2f}",
            f"{row['firing_share_others']:.2f}",
            f"{row['q']:.1e}",
            f"{row['test_auroc']:.3f}{ends}",
            "" if row["precision"] is None else f"{row['precision']:.2f}",
            f"{row['recall']:.2f}",
            f"{row['false_positive_rate']:.2f}",
            "" if alarm is None else escape(visible(said[alarm["prompt_id"]], LONGEST)),
        )
    console.print(table)
