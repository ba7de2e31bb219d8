"""A query, and a view in a warehouse of somebody else's, read no file but the warehouse and its store's codes."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from synthetic_codes import plant
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.query_output import answer, format_table, rows_of, write
from sql.warehouse import connect

CODES = "select count(*) as n from feature_activation"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret.csv").write_text("word\nswordfish\n")
    (tmp_path / "feature_activation").mkdir()
    return tmp_path / "secret.csv"


READS = [
    "select * from read_csv('{0}')",
    "select * from '{0}'",
    "from read_text('{0}')",
    "from glob('{0}*')",
    "copy (select 1) to '{0}.out'",
    "attach '{0}.db' as other",
    "export database '{0}.folder'",
    "load '{0}'",
    "set enable_external_access = true; select * from read_csv('{0}')",
    "set allowed_directories = ['/']; select * from read_csv('{0}')",
    "set threads = 1; select 1",
    "select * from read_csv('{1}/feature_activation/../../../../../../../../../{0}')",
]


@pytest.mark.parametrize("query", READS)
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_query_opens_no_other_file(warehouse: Path, secret: Path, tmp_path: Path, query: str, form: str):
    tables = rows_of(warehouse, "select tables_url from _publication")[0]["tables_url"]
    with pytest.raises(ValueError) as refused:
        write(answer(warehouse, query.format(secret, tables)), form, tmp_path / "out")
    assert "swordfish" not in str(refused.value)
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feature_activation", "secret.csv"]


def test_the_sentence_says_the_flag_that_opens(warehouse: Path, secret: Path):
    with pytest.raises(
        ValueError, match=r"(?s)Queries read the warehouse and the codes of its store only.*--allow-external"
    ):
        format_table(answer(warehouse, READS[0].format(secret)))
    assert "swordfish" in format_table(answer(warehouse, READS[0].format(secret), allow_external=True))
    written = f"set threads = 1; copy (select 7 as n) to '{secret}.out' (format csv)"
    format_table(answer(warehouse, written, allow_external=True))
    assert Path(f"{secret}.out").read_text() == "n\n7\n"


@pytest.mark.parametrize("url", ["/", "/etc", "{0}", "file://{0}"])
def test_a_view_of_a_foreign_warehouse_reads_no_local_file(warehouse: Path, secret: Path, tmp_path: Path, url: str):
    foreign = tmp_path / "foreign.duckdb"
    foreign.write_bytes(warehouse.read_bytes())
    with closing(duckdb.connect(foreign)) as con:
        con.execute("update _publication set tables_url = $1", [url.format(tmp_path)])
        con.execute(f"create or replace view sae_summary as select * from read_csv('{secret}')")
    with pytest.raises(ValueError, match=r"secret\.csv"):
        format_table(answer(foreign, "from sae_summary"))
    with closing(connect(foreign)) as con, pytest.raises(duckdb.PermissionException):
        con.execute("from sae_summary")


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "table"])
def test_every_form_is_written_and_the_codes_are_read(warehouse: Path, tmp_path: Path, form: str):
    write(answer(warehouse, f"{CODES} where recipe_id = 'mid'"), form, tmp_path / "out")
    n = len(plant(0))
    if form == "parquet":
        assert pq.read_table(tmp_path / "out").to_pylist() == [{"n": n}]
    else:
        assert str(n) in (tmp_path / "out").read_text()


@pytest.mark.slow
def test_the_codes_of_a_store_on_s3_are_read(s3: str, published: Path):
    remote = SyntheticStore(s3)
    remote.write_model("demo")
    remote.write_sae("demo", "mid")
    publish(published, remote.stored)
    assert rows_of(published, CODES) == [{"n": len(plant(0))}]
    with pytest.raises(ValueError, match="--allow-external"):
        rows_of(published, f"select * from read_text('{s3}/elsewhere.txt')")


def test_a_query_that_does_not_fit_in_memory_is_spilled(warehouse: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(connect(warehouse)) as con:
        con.execute("set memory_limit = '64MB'")
        con.execute("set threads = 1")
        [(n,)] = con.execute(
            "select count(*) from (select random() as r, repeat('x', 100) as t from range(1_500_000) order by r)"
        ).fetchall()
    assert n == 1_500_000


def test_names_of_columns_send_no_commands_to_the_terminal(warehouse: Path):
    shown = format_table(answer(warehouse, 'select 1 as "\x1b[2J\nname", 2 as "' + "w" * 500 + '"'))
    assert all(line.isprintable() for line in shown.splitlines())
    assert len(shown.splitlines()) == 4
    assert r"\x1b[2J\nname" in shown
    assert max(map(len, shown.splitlines())) < 100


def test_a_warehouse_that_somebody_writes_to_is_said_to_be_held_not_broken(warehouse: Path, tmp_path: Path):
    held = tmp_path / "held.duckdb"
    held.write_bytes(warehouse.read_bytes())
    script = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1])\n"
        "con.execute('create table t (x integer)')\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(held)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        assert shell.stdin
        assert shell.stdout.readline() == "open\n"
        with pytest.raises(ValueError, match="is sound, but process") as refused:
            connect(held)
        shell.stdin.close()
    assert re.search(rf"process {shell.pid} \(.*python.*\) has it open to write: close it there", str(refused.value))
    assert "move it away" not in str(refused.value)
    with closing(connect(held)) as con:
        assert con.execute("select count(*) from t").fetchall() == [(0,)]
