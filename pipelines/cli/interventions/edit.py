"""`glasshouse edit`: one fact rewritten in the weights, and what the model says before and after."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.visible_text import visible

if TYPE_CHECKING:
    from models.experiments.prompt import Prompt
    from models.language_model.hooked_model import HookedModel
    from pipelines.experiments.by_hand import HandAnswer
    from pipelines.registry.experiment_cards import ExperimentRegistration

console = Console()
EDIT_FILE = "edit.safetensors"
MOST = 300
"""Characters of a completion that are shown."""


def edit(
    model: Annotated[str, typer.Argument(help="model_id of a card in the registry.")],
    subject: Annotated[str, typer.Argument(help="What the fact is about.")],
    prompt: Annotated[str, typer.Argument(help="What the model reads, with {} in the subject's place.")],
    new: Annotated[str, typer.Argument(help="The next token that it should say, such as ' Rome'.")],
    answer: Annotated[str | None, typer.Option(help="What is true; else what the model says.")] = None,
    paraphrase: Annotated[list[str] | None, typer.Option(help="The same in other words, with {}; several.")] = None,
    neighbor: Annotated[list[str] | None, typer.Option(help="A prompt that should stay as it is; several.")] = None,
    layer: Annotated[str, typer.Option(help="Block that is edited; auto: found by causal tracing.")] = "auto",
    tokens: Annotated[int, typer.Option(min=2, help="Tokens that the keys' covariance is taken from.")] = 100_000,
    save: Annotated[Path | None, typer.Option(help="New folder for the edited model.")] = None,
    card: Annotated[bool, typer.Option(help="Print the two cards that repeat this, and run no edit.")] = False,
) -> None:
    """Rewrite one fact in the weights and show what changes. Nothing is kept, unless --save names a folder.

    Example: glasshouse edit pystdlib struct "data = {}." join --neighbor "pattern = re."
    """
    from pipelines.experiments.by_hand import HandQuestion
    from pipelines.experiments.experiment_input import load_host, prompt_prefix
    from pipelines.store.store import Store

    if "{}" not in prompt:
        raise typer.BadParameter(f"{prompt!r} has no {{}}: write it where the subject stands")
    store, texts = Store(), [prompt, *(paraphrase or [])]
    labels = ["rewrite"] + ["paraphrase"] * (len(texts) - 1) + ["neighborhood"] * len(neighbor or [])
    texts = [*(text.replace("{}", subject) for text in texts), *(neighbor or [])]
    settings: dict[str, Any] = {"layer": layer if layer == "auto" else int(layer), "baselines": []}

    def question(prompts: "Sequence[Prompt]") -> HandQuestion:
        return HandQuestion("model_editing", model, prompts, "labelled", settings=settings)

    asked = question(_prompts(texts, labels, subject, new, [new] * len(texts))).registration(store)
    settings |= {"fit_source": asked.model.corpus.source, "covariance_tokens": tokens}
    host = load_host(asked)
    prefix = prompt_prefix(store, asked, host.tokenizer)
    own = [answer if answer and label != "neighborhood" else None for label in labels]
    answers = [each or _likeliest(host, prefix, text, new) for each, text in zip(own, texts, strict=True)]
    whole = question(_prompts(texts, labels, subject, new, answers))
    if card:
        typer.echo(whole.cards(store))
        return
    found = whole.ask(store, host)
    _show(found.rows, texts, answers)
    if save is not None:
        typer.echo(_saved(found, save, asked))


def _prompts(
    texts: Sequence[str], labels: Sequence[str], subject: str, new: str, answers: Sequence[str]
) -> "Sequence[Prompt]":
    from models.experiments.prompt import Prompt

    return [
        Prompt(
            number,
            prompt=text,
            answer=answer,
            foil=new,
            subject=subject if label == "rewrite" else None,
            group="fact",
            label=label,
        )
        for number, (text, label, answer) in enumerate(zip(texts, labels, answers, strict=True))
    ]


def _likeliest(host: "HookedModel", prefix: tuple[int, ...], text: str, new: str) -> str:
    """What the model says next: the likeliest token that stands for itself behind the text, and is not the new one."""
    from models.corpora.text_tokens import text_token_ids
    from models.interventions.model_editing.edit_measures import next_token_probabilities

    [ids] = text_token_ids(host.tokenizer, [text])
    [probability_V] = next_token_probabilities(host, [(*prefix, *ids)])
    for token in probability_V.argsort(descending=True).tolist():
        said = host.tokenizer.decode([token])
        if said != new and text_token_ids(host.tokenizer, [text + said])[0] == [*ids, token]:
            return said
    raise ValueError(f"no token of the vocabulary stands for itself behind {text!r}: give --answer")


def _show(rows: Mapping[str, Sequence[Mapping[str, Any]]], texts: Sequence[str], answers: Sequence[str]) -> None:
    by_state = {
        state: [row for row in rows["edit_effect"] if row["condition"] == state] for state in ("unedited", "edited")
    }
    made, written = rows["edit"][0], {row["condition"]: row for row in rows["edit_fluency"]}
    title = f"block {made['layer']}, {made['module']}: the new value is found in {made['steps']} steps"
    table = Table("prompt", "for", "true", "P(true)", "P(new)", "likeliest after", title=escape(title))
    for text, answer, before, after in zip(texts, answers, by_state["unedited"], by_state["edited"], strict=True):
        pairs = (f"{before[name]:.3f} → {after[name]:.3f}" for name in ("true_probability", "new_probability"))
        cells = (visible(text, 60), after["split"], repr(answer), *pairs, repr(after["likeliest_token"]))
        table.add_row(*map(escape, cells))
    console.print(table)
    for state, row in written.items():
        console.print(f"{state}: {escape(visible(row['completion'], MOST))}", highlight=False)
    losses = (written[state]["corpus_loss"] for state in ("unedited", "edited"))
    console.print("loss on text of the corpus: {:.4f} → {:.4f} nats per token".format(*losses), highlight=False)


def _saved(found: "HandAnswer", folder: Path, asked: "ExperimentRegistration") -> str:
    """Writes the edited model and its edit; says the card that makes it a new arrival."""
    import torch
    import yaml

    from models.interventions.model_editing.patched_checkpoint import save_patched
    from models.interventions.model_editing.rank_one_edit import RankOneEdit

    row, host = found.rows["edit"][0], found.given.host
    notes = {name: str(row[name]) for name in ("subject", "answer", "new_answer")}
    vectors = torch.tensor(row["u"]), torch.tensor(row["dv"])
    made = RankOneEdit(row["layer"], row["module"], host.weights_sha256, *vectors, notes)
    with made.applied(host):
        save_patched(host, folder)
    made.save(folder / EDIT_FILE)
    values = asked.model.model_dump(mode="json", exclude_defaults=True) | {"source": str(folder)}
    body = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return f"wrote {folder}, and the edit alone as {EDIT_FILE}\n# registry/models/{asked.model_id}-edited.yaml\n{body}"
