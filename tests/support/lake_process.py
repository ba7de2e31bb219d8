"""What a test has done in an interpreter that has DuckDB 1.5.5 and its extensions: the product's own reads no lake.

`python lake_process.py WORK …` prints what it found as JSON; `GLASSHOUSE_LAKE` and `GLASSHOUSE_LAKE_DATA` say where.
"""

import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql.lake import lake_publication
from sql.lake.lake_address import LakeAddress
from sql.lake.lake_publication import publish_lake
from sql.sql_files import sql_files
from sql.warehouse import FEATURE_ACTIVATION, connect

os.fsync = lambda descriptor: None


def publish(home: str) -> dict[str, Any]:
    done = publish_lake(LakeAddress.of_environment(), SyntheticStore(home).stored)
    return {"replaced": done.replaced, "dropped": done.dropped, "left_out": list(map(str, done.left_out))}


def publish_while_written(home: str) -> dict[str, Any]:
    """Publishes while a table that is read is written once more: what was left out, and what the lake has of it."""
    store, again = SyntheticStore(home), [2.0]
    load = lake_publication.load

    def written_again(con: Any, stored: Any, partition: Any, layout: Any) -> None:
        if partition.table == "logit_shape" and again:
            shape = {"feature_id": 0, "logit_skew": 0.5, "logit_kurtosis": again.pop()}
            store.write("logit_shape", {"model_id": "demo", "recipe_id": "mid"}, [shape], made_from="again")
        load(con, stored, partition, layout)

    lake_publication.load = written_again
    said = publish(home)
    with closing(LakeAddress.of_environment().connect()) as con:
        rows = con.execute("select logit_kurtosis from logit_shape where recipe_id = 'mid'").fetchall()
    return {"left_out": said["left_out"], "rows": rows}


def same_answers(home: str) -> list[str]:
    """Names of tables, views, macros and questions that say one thing in the file and another in the lake."""
    from sql.catalog import table_names

    differ = []
    address = LakeAddress.of_environment()
    with closing(connect(Path(home) / "warehouse.duckdb")) as file, closing(address.connect()) as lake:
        asked = {name: f"from {name}" for name in table_names(file, internal=True)}
        asked |= {view.name: f"from {view.name}" for view in sql_files("views") if view.name != "run_health"}
        asked |= {question.name: question.sql for question in sql_files("queries")}
        asked |= {
            "find_features": "from find_features('str')",
            "feature_examples": "from feature_examples('demo', 'mid', 3)",
            FEATURE_ACTIVATION: f"from {FEATURE_ACTIVATION}",
        }
        of_the_publication = {"_publication", "_table_rows", "_violation", "table_rows"}
        for name in sorted(asked.keys() - of_the_publication):
            query = asked[name].rstrip().removesuffix(";")
            asks = (query, query.replace("find_features('str')", "find_features('str', null, null)"))
            rows = [
                sorted(map(_rounded, con.execute(ask).fetchall())) for con, ask in zip((file, lake), asks, strict=True)
            ]
            if rows[0] != rows[1]:
                differ.append(name)
        assert len(asked) > 100
    return differ


def _rounded(value: Any) -> str:
    """A value as text; sums of floats depend in their last digits on the order of the rows."""
    if isinstance(value, float):
        return f"{value:.11g}"
    if isinstance(value, dict):
        return _rounded(sorted(map(_rounded, value.items())))
    return f"[{', '.join(map(_rounded, value))}]" if isinstance(value, list | tuple) else repr(value)


def publications(home: str, name: str, n: str) -> int:
    """Makes a table of one dictionary anew and publishes, so many times; after each, the lake has what was made."""
    store, kept = SyntheticStore(home), 0
    keys = {"model_id": "demo", "recipe_id": name}
    for number in range(int(n)):
        shape = [{"feature_id": f, "logit_skew": 0.5, "logit_kurtosis": float(number)} for f in range(N_FEATURES)]
        store.write("logit_shape", keys, shape, made_from=str(number))
        address = LakeAddress.of_environment()
        publish_lake(address, store.stored)
        with closing(address.connect()) as con:
            found = con.execute(
                "select count(*), min(logit_kurtosis), max(logit_kurtosis) from logit_shape where recipe_id = $1",
                [name],
            ).fetchall()
        kept += found == [(N_FEATURES, number, number)]
    return kept


def reads(seconds: str) -> dict[str, int]:
    """Looks again and again: in one look, a dictionary's rows are all of one publication."""
    looks, torn = 0, 0
    ends = time.monotonic() + float(seconds)
    while time.monotonic() < ends:
        with closing(LakeAddress.of_environment().connect()) as con:
            rows = con.execute(
                "select recipe_id, count(*), count(distinct logit_kurtosis) from logit_shape group by all"
            ).fetchall()
        looks += 1
        torn += any(kinds != 1 for _, _, kinds in rows)
    return {"looks": looks, "torn": torn}


def catalog_mentions(text: str) -> list[str]:
    """Tables of the catalog in which a text stands."""
    found = []
    with closing(LakeAddress.of_environment().connect_catalog()) as con:
        named = con.execute("select schema_name, table_name from duckdb_tables() where database_name = 'catalog'")
        tables = named.fetchall()
        assert len(tables) > 10
        for schema, table in tables:
            rows = con.execute(f'from catalog."{schema}"."{table}"').fetchall()
            found += [table] if any(text in repr(row) for row in rows) else []
    return found


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
