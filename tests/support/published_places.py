"""What lies beside a published file, and what it holds of each dictionary."""

from contextlib import closing
from pathlib import Path

from sql.warehouse import connect


def beside(published: Path) -> set[str]:
    """What lies beside a published file but its lock and its sha256."""
    own = {published.name, f".{published.name}.lock", f".{published.name}.sha256"}
    return {path.name for path in published.parent.iterdir()} - {"tables", *own}


def features(published: Path) -> dict[str, int]:
    """Features of each dictionary."""
    with closing(connect(published)) as con:
        return dict(con.execute("select sae_id, count(*) from feature_card group by all").fetchall())
