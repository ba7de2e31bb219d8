"""A small synthetic store that is published again and again, and what whoever reads the file must find in it."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.warehouse import connect

os.fsync = lambda descriptor: None  # a killed process loses nothing that it wrote, a machine without power might
TORN = """
    select count(*) from feature as f
    full join (select model_id, recipe_id, feature_id, sum(n) as n from activation_histogram group by all) as h
        using (model_id, recipe_id, feature_id)
    where f.n_firings is distinct from coalesce(h.n, 0)
"""
"""Features whose firings, in one table, are not those of their histogram, in another."""


def warehouse(root: Path) -> Path:
    return root / "warehouse.duckdb"


def write_first(root: Path) -> None:
    """One model with two dictionaries, and their publication."""
    store = SyntheticStore(str(root))
    store.write_model("demo")
    for name in ("mid", "late"):
        store.write_sae("demo", name, labels=False, codes=False, together=True)
    publish_all(root)


def publish_all(root: Path) -> None:
    publish(warehouse(root), SyntheticStore(str(root)).stored)


def write_again(root: Path, name: str, seed: int) -> None:
    """Some tables of a dictionary, all of which follow from the seed."""
    SyntheticStore(str(root)).write_sae("demo", name, seed=seed, labels=False, codes=False, together=True)


def identity(root: Path, name: str) -> str:
    """Of the dictionary as it is published."""
    with closing(connect(warehouse(root))) as con:
        found = con.execute(
            "select identity_sha256 from _partition where table_name = 'sae' and partition = $1",
            [f"model_id=demo/recipe_id={name}"],
        ).fetchall()
    return found[0][0] if found else "none"


def look(root: Path) -> None:
    """Opens the file as it is published, and holds it to what any publication is."""
    with closing(connect(warehouse(root))) as con:
        for _ in range(2):
            counts = con.execute("select recipe_id, count(*) from feature_card group by all order by all").fetchall()
            assert counts == [("late", N_FEATURES), ("mid", N_FEATURES)], counts
            assert con.execute(TORN).fetchall() == [(0,)]
            time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Span:
    """How long something is done again and again: so many seconds, and so often, however slow the machine is."""

    seconds: float
    least: int

    def rounds(self) -> Iterator[int]:
        """Numbers from 0 on, until both are reached; says how many there were."""
        end, n = time.monotonic() + self.seconds, 0
        while time.monotonic() < end or n < self.least:
            yield n
            n += 1
        os.write(1, f"{n}\n".encode())


def read_for(span: Span, root: Path) -> None:
    """Looks again and again."""
    for _ in span.rounds():
        look(root)


def export_for(span: Span, root: Path) -> None:
    """Writes a table to Parquet again and again."""
    from sql.query_output import answer, write

    for _ in span.rounds():
        out = root / f"{os.getpid()}.parquet"
        write(answer(warehouse(root), "from feature"), "parquet", out)
        with closing(connect(warehouse(root), allow_external=True)) as con:
            assert con.execute("select count(*) from read_parquet($1)", [str(out)]).fetchall() == [(2 * N_FEATURES,)]


def publish_for(span: Span, name: str, root: Path) -> None:
    """Writes one dictionary anew and publishes, again and again: each time what it wrote is there."""
    from sql.stored_partitions import StoredTables
    from storage.manifest import Manifest

    place = StoredTables(SyntheticStore(str(root)).tables).tables / "sae" / "model_id=demo" / f"recipe_id={name}"
    for n in span.rounds():
        write_again(root, name, n % 7 + 1)
        publish_all(root)
        manifest = Manifest.read(place)
        assert manifest is not None
        assert identity(root, name) == manifest.identity_sha256, f"publication {n} of {name} is lost"
