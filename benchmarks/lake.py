"""One replaced partition in a table of 1,000,000 and of 20,000,000 rows: a lake beside the file, in one environment.

`python -m benchmarks.lake [DICTIONARIES …]`, of 250,000 rows each, in the environment of docs/lake.md;
`GLASSHOUSE_LAKE` and `GLASSHOUSE_LAKE_DATA` name an empty lake, which is filled.
"""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.pages import DRAWN
from benchmarks.publication import N_FEATURES, write_partition, written_bytes
from sql.lake.lake_address import LakeAddress
from sql.lake.lake_publication import publish_lake
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.folder import Folder

N_DICTIONARIES = (4, 80)
TABLES, REPLACED = ("sae", "feature", "logit_effect"), "logit_effect"
REPEATS = 3
QUERY = "select recipe_id, count(*), sum(rank), count(distinct token) from logit_effect group by all order by all"


def measured(work: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds, seconds of this process's processor, and MB that it wrote."""
    before, began, cpu = written_bytes(), time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu, (written_bytes() - before) / 1e6


def drawn() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(DRAWN)
    con.execute(
        "create table feature_drawn as select f, if(hash(f) % 50 = 0, 0, 1 + hash(f) % 9999)::bigint as firings, "
        f"1 + hash(f, 's') % 100 / 10 as strongest from range({N_FEATURES}) as t(f)"
    )
    return con


def main(*counts: int) -> None:
    address, made = LakeAddress.of_environment(), 0
    with TemporaryDirectory() as aside, closing(drawn()) as con:
        tables, published = Folder(aside) / "tables", Path(aside) / "warehouse.duckdb"
        ways: dict[str, Callable[[], object]] = {
            "file": lambda: publish(published, StoredTables(tables)),
            "lake": lambda: publish_lake(address, StoredTables(tables)),
        }
        for count in counts or N_DICTIONARIES:
            for number in range(made, count):
                for table in TABLES:
                    write_partition(con, tables, table, f"wide-{number}")
            made = count
            firsts = {name: measured(way)[0] for name, way in ways.items()}
            costs = dict[str, list[tuple[float, float, float]]]()
            for seed in range(1, REPEATS + 1):
                write_partition(con, tables, REPLACED, "wide-0", seed)
                for name, way in ways.items():
                    costs.setdefault(name, []).append(measured(way))
            with closing(connect(published)) as file, closing(address.connect()) as lake:
                assert file.execute(QUERY).fetchall() == lake.execute(QUERY).fetchall()
            for name, rows in costs.items():
                seconds, cpu, mb = (statistics.median(column) for column in zip(*rows, strict=True))
                print(
                    f"{count * 10 * N_FEATURES:>12,} rows, {name}: one partition of {10 * N_FEATURES:,} rows "
                    f"{seconds:.2f} s ({cpu:.2f} of processor), {mb:.1f} MB written; what was new {firsts[name]:.1f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
