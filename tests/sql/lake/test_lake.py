"""The lake on a real Postgres, files in a folder or on a server that speaks S3; by an interpreter with DuckDB 1.5.5."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import glasshouse
from postgres_server import postgres_server
from synthetic_store import SyntheticStore

from sql.lake.lake_address import LakeAddress, LakeUnavailable
from sql.publish import publish

ROOT = Path(__file__).resolve().parents[3]
PYTHON = os.environ.get("GLASSHOUSE_PEER_LAKE_PYTHON")
PUBLISHERS, PUBLICATIONS = 4, 20

slow = pytest.mark.slow
needs_lake = pytest.mark.skipif(
    not PYTHON, reason="GLASSHOUSE_PEER_LAKE_PYTHON names no interpreter with DuckDB 1.5.5 and its extensions"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as address:
        yield f"postgresql://{address}"


@pytest.fixture
def store(tmp_path: Path) -> SyntheticStore:
    """Two dictionaries, one of them labelled, and an experiment; also published as a file."""
    store = SyntheticStore(str(tmp_path / "store"))
    store.write_model("demo")
    store.write_sae("demo", "mid")
    store.write_sae("demo", "late", seed=3, labels=False, codes=False)
    store.write_experiment("demo", "asked")
    return store


class Lake:
    """Work of `lake_process` in the other interpreter."""

    def __init__(self, catalog: str, data: str) -> None:
        self.places = {"GLASSHOUSE_LAKE": catalog, "GLASSHOUSE_LAKE_DATA": data}

    def start(self, *work: str) -> subprocess.Popen[str]:
        command = [str(PYTHON), str(ROOT / "tests" / "support" / "lake_process.py"), *work]
        paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
        return subprocess.Popen(
            command,
            env=os.environ | self.places | paths,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]):
        out, err = process.communicate(timeout=3600)
        assert process.returncode == 0, err[-3000:]
        return json.loads(out.splitlines()[-1])

    def do(self, *work: str):
        return self.end(self.start(*work))


@pytest.fixture
def catalog(postgres: str) -> str:
    """A database of its own in the server."""
    name = f"lake_{uuid.uuid4().hex[:8]}"
    [psql] = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))[-1:]
    subprocess.run([str(psql), postgres, "-c", f"create database {name}"], check=True, capture_output=True)
    return postgres.replace("/postgres", f"/{name}")


@pytest.fixture
def lake(catalog: str, tmp_path: Path) -> Lake:
    return Lake(catalog, str(tmp_path / "lake"))


def home(store: SyntheticStore) -> str:
    return str(Path(store.tables.path).parent)


@slow
@needs_lake
def test_every_table_view_macro_and_question_says_the_same_as_in_the_file(lake: Lake, store: SyntheticStore):
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    lake.do("publish", home(store))
    assert lake.do("same_answers", home(store)) == []


@slow
@needs_lake
def test_only_what_changed_is_replaced_and_what_went_is_gone(lake: Lake, store: SyntheticStore):
    assert len(lake.do("publish", home(store))["replaced"]) > 60
    assert lake.do("publish", home(store)) == {"replaced": [], "dropped": [], "left_out": []}
    store.write("logit_shape", {"model_id": "demo", "recipe_id": "mid"}, [], made_from="another")
    store.folder("neighbor", model_id="demo", recipe_id="late").remove()
    changed = lake.do("publish", home(store))
    assert changed["replaced"] == ["logit_shape/model_id=demo/recipe_id=mid"]
    assert changed["dropped"] == ["neighbor/model_id=demo/recipe_id=late"]
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    assert lake.do("same_answers", home(store)) == []


@slow
@needs_lake
def test_a_damaged_partition_is_left_out_and_said(lake: Lake, store: SyntheticStore):
    [file] = Path(store.folder("logit_shape", model_id="demo", recipe_id="mid").path).glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1])
    [said] = lake.do("publish", home(store))["left_out"]
    assert "logit_shape" in said
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    assert lake.do("same_answers", home(store)) == []


@slow
@needs_lake
def test_what_is_written_while_it_is_read_is_read_again(lake: Lake, store: SyntheticStore):
    store.folder("logit_shape", model_id="demo", recipe_id="late").remove()
    assert lake.do("publish_while_written", home(store)) == {"left_out": [], "rows": [[2.0]]}


@slow
@needs_lake
def test_what_was_derived_from_a_partition_goes_with_it_when_it_is_left_out(lake: Lake, store: SyntheticStore):
    lake.do("publish", home(store))
    store.write("explanation", {"model_id": "demo", "recipe_id": "mid"}, [{"feature_id": 3}], as_given=True)
    [said] = lake.do("publish", home(store))["left_out"]
    assert "explanation" in said
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    assert lake.do("same_answers", home(store)) == []


@slow
@needs_lake
def test_four_publishers_of_twenty_publications_lose_none_and_no_reader_is_torn(lake: Lake, store: SyntheticStore):
    names = [f"d{number}" for number in range(PUBLISHERS)]
    for number, name in enumerate(names):
        store.write_sae("demo", name, seed=number, labels=False, codes=False)
    lake.do("publish", home(store))
    writers = [lake.start("publications", home(store), name, str(PUBLICATIONS)) for name in names]
    reader = lake.start("reads", "30")
    found = lake.end(reader)
    assert [lake.end(writer) for writer in writers] == [PUBLICATIONS] * PUBLISHERS
    assert found["torn"] == 0 < found["looks"], found
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    assert lake.do("same_answers", home(store)) == []


@slow
@needs_lake
def test_files_on_s3_and_no_credentials_in_the_catalog(catalog: str, store: SyntheticStore, s3: str, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-found-anywhere")
    remote = Lake(catalog, f"{s3}/lake")
    remote.do("publish", home(store))
    publish(Path(home(store)) / "warehouse.duckdb", store.stored)
    assert remote.do("same_answers", home(store)) == []
    assert remote.do("catalog_mentions", "not-to-be-found-anywhere") == []


def test_where_there_is_no_lake_one_sentence_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("GLASSHOUSE_LAKE", raising=False)
    with pytest.raises(LakeUnavailable, match=r"GLASSHOUSE_LAKE is '' .* set the first to postgresql://"):
        LakeAddress.of_environment()
    monkeypatch.setenv("GLASSHOUSE_LAKE", "mysql://root:secret@host/x")
    monkeypatch.setenv("GLASSHOUSE_LAKE_DATA", "s3://b/l")
    with pytest.raises(LakeUnavailable, match="root:…@host") as refused:
        LakeAddress.of_environment()
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("GLASSHOUSE_LAKE", "postgresql://gh:secret@127.0.0.1:9/x")
    with pytest.raises(LakeUnavailable, match=r"pip install duckdb==1\.5\.5|cannot be reached") as refused:
        LakeAddress.of_environment().connect()
    assert "secret" not in str(refused.value)


def test_the_command_says_what_is_missing_and_publishes_nothing(tmp_path):
    places = {"GLASSHOUSE_HOME": str(tmp_path / "data"), "GLASSHOUSE_REGISTRY": str(tmp_path / "registry")}
    ended = glasshouse("publish", "--lake", **places)
    assert ended.returncode == 1
    assert "set the first to postgresql://user@host:port/database" in ended.stderr
    assert not (tmp_path / "data").exists()
