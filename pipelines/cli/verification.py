"""The command `glasshouse verify`: the store, read again."""

from typing import Annotated

import typer
from rich.console import Console

from storage.visible_text import visible

console = Console()
MOST_SAID = 4_000
"""Characters of a finding."""


def verify(
    model: Annotated[str | None, typer.Option(help="Only what belongs to this model_id.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only what belongs to this recipe_id.")] = None,
    sample: Annotated[int, typer.Option(help="Features of each dictionary whose numbers are made again.", min=0)] = 20,
    every: Annotated[bool, typer.Option("--all", help="Make the numbers of every feature again.")] = False,
) -> None:
    """Read the whole store again and say what is wrong.

    Every file is compared with its manifest, tables with each other, the published file with the store, and a sample of
    the numbers with the codes and the weights. One line a finding, with what to do; exit code 1 if anything is wrong.

    Example: glasshouse verify --model pystdlib --sample 100
    """
    from pipelines.cli.progress_bars import progress_bars
    from pipelines.dagster_support.progress import terminal_listener
    from pipelines.integrity.verification import Scope, Verification
    from pipelines.store.store import Store

    with progress_bars(console):
        report = terminal_listener.get()
        assert report is not None, "the bars listen"
        done = Verification(Store(), Scope(model, recipe), None if every else sample, report)
        notes: dict[str, list[str]] = {}
        for finding in done.findings():
            if finding.is_wrong:
                _print("red", "wrong", str(finding))
            else:
                notes.setdefault(finding.what, []).append(str(finding))
    for same in notes.values():
        more = f" (and {len(same) - 1:,} more of the kind)" if len(same) > 1 else ""
        _print("yellow", "note", same[0] + more)
    tally = done.tally
    wrong = f"{tally.wrong:,} wrong" if tally.wrong else "nothing is wrong"
    console.print(
        f"read {tally.files:,} files of {tally.folders:,} datasets ({tally.n_bytes / 1e6:,.0f} MB), made the numbers "
        f"of {tally.features:,} features again: {wrong}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if tally.wrong:
        raise SystemExit(1)


def _print(colour: str, kind: str, line: str) -> None:
    from rich.markup import escape

    console.print(f"[{colour}]{kind}[/{colour}] {escape(visible(line, MOST_SAID))}", highlight=False, soft_wrap=True)
