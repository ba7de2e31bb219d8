"""The command `glasshouse label SAE FEATURE TEXT`: a person's own label."""

from rich.console import Console

from models.autointerp.human_labels import HumanLabel

console = Console()


def write_own_label(sae: str, feature: int | None, text: str | None, author: str, *, replace: bool) -> None:
    """Writes the label into the registry; raises ValueError if something is missing or may not be replaced."""
    from pipelines.labels.label_writing import label_folder, write_human_label
    from pipelines.registry.human_label_files import LabelConflict
    from pipelines.store.store import Store

    if feature is None or text is None:
        raise ValueError(
            f'{sae}: name a feature and say its label, such as: glasshouse label {sae} 7 "the word import"'
        )

    def may_replace(known: tuple[HumanLabel, ...]) -> bool:
        return replace or all(label.author != author for label in known)

    store = Store()
    try:
        label = write_human_label(store, sae, feature, text, author, may_replace)
    except LabelConflict as error:
        raise LabelConflict(f"{error}. Say --replace to write over it, or --author to stand beside it") from error
    model_id, recipe_id = sae.split("/")
    console.print(
        f"{label_folder(store)}/{sae}.csv: feature {feature} is {label.label!r}. It is rated, scored and published by "
        f"`glasshouse label --model {model_id} --recipe {recipe_id}`, or by Dagster within a minute",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
