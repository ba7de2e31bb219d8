"""What a run prints at its end: what was published, where to look at it, and three queries to paste into a shell."""

import shlex
import sys
from contextlib import closing
from pathlib import Path

from rich.console import Console

from pipelines.dagster_support.metadata import page_link
from sql.query_output import answer, format_table
from sql.warehouse import connect
from web.urls import dagster_address

SUMMARY = """
select sae_id, site, n_features, n_tokens, dead_fraction, one_position_fraction, l0, fvu, largest_rows_share,
ce_recovered, n_labelled, detection, specificity_above_controls
from sae_summary
"""
BEST = """
select feature_id, trim(top_tokens[1]) from feature_card
where sae_id = ? and not is_dead
order by regexp_full_match(trim(top_tokens[1]), '[A-Za-z]{3,}') desc nulls last, detection desc nulls last, feature_id
limit 1
"""


def print_summary(console: Console, published: Path, sae_id: str) -> None:
    """Prints size and content of the published file, the ways in, and queries about the SAE."""
    console.print(f"\n[bold]{published}[/bold] ({published.stat().st_size / 1e6:,.0f} MB)")
    for query in (SUMMARY, "select * from table_rows where n_rows > 0"):
        _plain(console, format_table(answer(published, query)))
    _plain(console, f"Feature pages:  {command()} serve   then {page_link(sae_id).value}")
    _plain(console, f"Dagster:        make dev   then {dagster_address()}")
    _plain(console, "Three queries to paste:")
    for query in queries(published, sae_id):
        _plain(console, f'  {command()} sql "{query}"')


def queries(published: Path, sae_id: str) -> list[str]:
    """Labels that the judge can use, features about a word, and the strongest examples of one feature."""
    with closing(connect(published)) as con:
        feature_id, token = con.execute(BEST, [sae_id]).fetchone() or (0, "")
    word = token if token and token.isascii() and token.isalnum() else "import"
    model_id, recipe_id = sae_id.split("/")
    return [
        "select feature_id, label, detection, specificity_above_controls, density from feature_card "
        f"where sae_id = '{sae_id}' and label is not null order by detection_ci_low desc limit 10",
        f"select sae_id, feature_id, label, found_in from find_features('{word}') limit 10",
        f"select rank, activation, text from feature_examples('{model_id}', '{recipe_id}', {feature_id}) "
        "where kind = 'top' limit 10",
    ]


def command() -> str:
    """How to start `glasshouse` from the current folder: the command beside this interpreter."""
    script = Path(sys.executable).parent / "glasshouse"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
