"""One changed partition published into a file of 1,000,000 features: seconds and bytes written, by step.

Forty made-up dictionaries of 25,000 features each; then one table of one of them is made anew, and published.
"""

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import sql.build
import sql.publish
from benchmarks.pages import DRAWN
from sql.consistency import inspect
from sql.publish import publish
from sql.stored_partitions import StoredTables
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest, ManifestFile
from storage.table_schemas import table_schema

N_DICTIONARIES, N_FEATURES = 40, 25_000
REPEATS = 3
ALL = "beside: relations of all rows"
ROWS = {
    "sae": """
        select '0' as identity, 'made-up' as corpus_id, '0' as frame_sha256, 'resid_post.5' as site, 5 as layer,
            'topk' as architecture, 768 as d_in, $n as n_features, '{}' as config, 1000 as n_training_tokens, 0 as seed,
            'made-up' as uri, 'trained' as origin, '1' as code_version, timestamp '2026-01-02 12:00:00' as created_at
    """,
    "feature": """
        select f as feature_id, firings as n_firings, 12800000 as n_tokens, firings / 12800000 as density,
            case when firings > 0 then 1.5 end as mean_activation,
            case when firings > 0 then strongest end as max_activation,
            firings = 0 as is_dead, 1.0 as decoder_norm, 0.5 as encoder_decoder_cosine
        from feature_drawn
    """,
    "logit_shape": "select f as feature_id, 0.25 as logit_skew, 3.0 + $seed as logit_kurtosis from feature_drawn",
    "activation_histogram": """
        select f as feature_id, bin, strongest * bin / 10 as lower, strongest * (bin + 1) / 10 as upper,
            if(bin = 0, firings, 0)::bigint as n
        from feature_drawn, range(10) as t(bin) where firings > 0 order by f, bin
    """,
    "logit_effect": """
        select f as feature_id, direction, rank, hash(f, direction, rank) % 8000 as token_id,
            word(hash(f, direction, rank) % 8000) as token, (2 - rank / 10) as logit_weight
        from feature_drawn, range(5) as t(rank), (select unnest(['negative', 'positive']) as direction)
        order by f, direction, rank
    """,
    "neighbor": """
        select f as feature_id, 'decoder_cosine' as kind, rank, 'made-up' as other_model_id, $recipe as other_recipe_id,
            hash(f, rank) % $n as other_feature_id, 0.9 - rank / 20 as value
        from feature_drawn, range(5) as t(rank) order by f, rank
    """,
    "explanation": """
        select printf('%016x', hash(f, $recipe)) as explanation_id, f as feature_id, 'lexical' as explainer,
            concat_ws(' ', word(hash(f, 1, $seed) % 8000), word(hash(f, 2) % 8000)) as label, 'ok' as status,
            8 as n_examples
        from feature_drawn
    """,
    "explanation_score": """
        select printf('%016x', hash(f, $recipe)) as explanation_id, 'detection' as scorer,
            'balanced_accuracy' as metric, 0.5 as value, 0.4 as ci_low, 0.6 as ci_high, 20 as n_trials, 0 as n_failed,
            true as is_headline
        from feature_drawn order by explanation_id
    """,
}


def write_partition(con: duckdb.DuckDBPyConnection, tables: Folder, table: str, recipe: str, seed: int = 0) -> None:
    """One partition, as a stage would write it."""
    folder, schema = tables / table / "model_id=made-up" / f"recipe_id={recipe}", table_schema(table)
    asked = {"n": N_FEATURES, "recipe": recipe, "seed": seed}
    query = ROWS[table]
    made = con.execute(query, {name: value for name, value in asked.items() if f"${name}" in query}).to_arrow_table()
    assert made is not None
    columns = [
        made.column(field.name).cast(field.type) if field.name in made.column_names else _nulls(len(made), field.type)
        for field in schema
    ]
    rows, name = pa.table(columns, schema=schema), "part-0.parquet"
    with folder.writing(name) as path:
        pq.write_table(rows, path, compression="zstd")
        entry = ManifestFile.of(path, name, rows.num_rows)
    Manifest({"made_from": [table, recipe, seed]}, (entry,)).write(folder)


def _nulls(n: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(n, kind)


@contextmanager
def timed(spent: dict[str, float], names: dict[str, tuple[object, str]]) -> Iterator[None]:
    """Seconds in some functions, each replaced by itself with a clock around it."""
    with ExitStack() as patches:
        for label, (home, name) in names.items():
            patches.enter_context(mock.patch.object(home, name, _clocked(spent, label, getattr(home, name))))
        yield


def _clocked(spent: dict[str, float], label: str, inner: Callable) -> Callable:
    def called(*args, **kwargs):
        began = time.perf_counter()
        try:
            return inner(*args, **kwargs)
        finally:
            spent[label] += time.perf_counter() - began

    return called


STEPS = {
    "manifests": (StoredTables, "partitions"),
    "load": (sql.build, "load"),
    "derived tables": (sql.build, "refresh_derived"),
    "changed relations": (sql.build, "inspect_changes"),
    "counts": (sql.build, "counted_rows"),
    "views": (sql.build, "bring_views_up_to_date"),
    "sha256, fsync, rename": (sql.publish, "_put"),
}


def written_bytes() -> int:
    """By this process, to the page cache or past it."""
    said = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(said["wchar"])


def main(n_dictionaries: int = N_DICTIONARIES) -> None:
    with TemporaryDirectory() as aside:
        tables, published = Folder(aside) / "tables", Path(aside) / "warehouse.duckdb"
        con = duckdb.connect()
        con.execute(DRAWN)
        con.execute(
            "create table feature_drawn as select f, if(hash(f) % 50 = 0, 0, 1 + hash(f) % 9999)::bigint as firings, "
            f"1 + hash(f, 's') % 100 / 10 as strongest from range({N_FEATURES}) as t(f)"
        )
        for number in range(n_dictionaries):
            for table in ROWS:
                write_partition(con, tables, table, f"wide-{number}")
        began = time.perf_counter()
        publish(published, StoredTables(tables))
        first = time.perf_counter() - began
        size = published.stat().st_size
        print(f"{n_dictionaries * N_FEATURES:,} features: first publication {first:.1f} s, {size / 1e6:,.0f} MB")
        for table in ("logit_shape", "explanation"):
            totals, rows = list[float](), list[dict[str, float]]()
            for seed in range(1, REPEATS + 1):
                write_partition(con, tables, table, "wide-0", seed)
                spent, before, began = defaultdict[str, float](float), written_bytes(), time.perf_counter()
                with timed(spent, STEPS):
                    publish(published, StoredTables(tables))
                total, n_bytes = time.perf_counter() - began, written_bytes() - before
                began = time.perf_counter()
                done = connect(published)
                inspect(done)
                done.close()
                spent[ALL] = time.perf_counter() - began
                spent["rest"] = total - sum(n for name, n in spent.items() if name != ALL)
                totals.append(total)
                rows.append({**spent, "MB written": n_bytes / 1e6})
            told = ", ".join(f"{name} {statistics.median(row[name] for row in rows):.2f}" for name in rows[0])
            print(f"one partition of {table}: {statistics.median(totals):.2f} s ({told})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
