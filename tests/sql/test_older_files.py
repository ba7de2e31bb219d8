"""A file of an older version is brought to this one: its tables are made anew, its views too."""

from contextlib import closing
from pathlib import Path

import duckdb
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql.catalog import table_names
from sql.empty_warehouse import empty_warehouse
from sql.publish import publish
from sql.sql_files import SQLFile, sql_files
from sql.warehouse import connect


def test_a_file_of_another_schema_is_rebuilt_from_the_store(store: SyntheticStore, published_before: Path):
    with closing(duckdb.connect(published_before)) as con:
        con.execute("update _publication set schema_sha256 = 'older'; drop view stale; drop table neighbor")
    done = publish(published_before, store.stored)
    assert "neighbor/model_id=demo/recipe_id=mid" in done.replaced
    assert done.rows["neighbor"] == 2 * N_FEATURES


def test_a_process_that_outlives_its_schema_makes_no_file_of_the_older_one(tmp_path: Path, monkeypatch):
    """The file would say that it is of the new one, and never be made anew."""
    empty_warehouse()
    added = SQLFile("invented", "One.", "create table invented (a integer)")
    monkeypatch.setattr("sql.warehouse.sql_files", lambda folder: [*sql_files(folder), added])
    (tmp_path / "empty.duckdb").write_bytes(empty_warehouse())
    with closing(duckdb.connect(tmp_path / "empty.duckdb", read_only=True)) as con:
        assert "invented" in table_names(con)


def test_views_of_an_older_version_are_dropped(store: SyntheticStore, published_before: Path):
    with closing(duckdb.connect(published_before)) as con:
        con.execute("create view retired as select 1; create macro forgotten(x) as table select x")
        con.execute("update _publication set views_sha256 = 'older'")
    publish(published_before, store.stored)
    with closing(connect(published_before)) as con:
        assert ("retired",) not in con.execute("select view_name from duckdb_views()").fetchall()
        assert ("forgotten",) not in con.execute("select function_name from duckdb_functions()").fetchall()


def test_the_file_is_of_the_format_that_older_duckdb_opens_too(store: SyntheticStore, published: Path):
    publish(published, store.stored)
    publish(published, store.stored)
    with closing(connect(published)) as con:
        tags = dict(con.execute("select database_name, tags['storage_version'] from duckdb_databases()").fetchall())
    assert tags["warehouse"].startswith("v1.5"), tags
