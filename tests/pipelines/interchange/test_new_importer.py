"""An importer is one file: in a copy of the tree with one more, its dump comes in at the command line."""

from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tree_copy import python_in, tree_with

from sql.warehouse import connect
from web.app import app

IMPORTER = '''"""A file of "feature, firings, tokens, label" per line. Made up by a test."""

from datetime import datetime

from models.interchange.dashboards.dump import BadDump, DumpInfo, FeatureDump, explanation_id, table

FOLDER = "the folder that holds counts.csv"
EXAMPLE = "counts --model small --recipe counted"


def recognises(folder):
    return folder.exists("counts.csv")


def read(source):
    if not source.folder.exists("counts.csv"):
        raise BadDump(f"{source.folder} holds no counts.csv: name the folder that holds it")
    rows = [line.split(", ") for line in source.folder.read_bytes("counts.csv").decode().splitlines()]
    about = DumpInfo(model="counted", site="resid_post.3", layer=3, n_tokens=int(rows[0][2]), config={})
    features, labels = [], []
    for feature, firings, tokens, label in rows:
        counts = {"n_firings": int(firings), "n_tokens": int(tokens), "density": int(firings) / int(tokens)}
        features.append({"feature_id": int(feature), "is_dead": firings == "0", **counts})
        said = {"feature_id": int(feature), "explainer": "hand", "prompt": "none", "label": label, "status": "ok"}
        named = {"explanation_id": explanation_id(source.sae_id, feature), "created_at": datetime(2026, 1, 1)}
        labels.append({**said, **named})
    return FeatureDump(about, [{"feature": table("feature", features), "explanation": table("explanation", labels)}])
'''
COMMAND = ("-c", "from pipelines.cli.main import main; main()", "import")
COUNTS = {0: (30, "Numbers in a list"), 1: (0, "Nothing at all"), 2: (7, "Names of rivers")}
TOKENS = 1_000


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    new = {"models/interchange/dashboards/importers/counts.py": IMPORTER}
    return tree_with(tmp_path_factory.mktemp("copy"), new)


def test_its_dump_comes_in_at_the_command_line(tree: Path, tmp_path: Path):
    lines = [f"{feature}, {firings}, {TOKENS}, {label}" for feature, (firings, label) in COUNTS.items()]
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "counts.csv").write_text("\n".join(lines))
    where = {"GLASSHOUSE_HOME": str(tmp_path / "home"), "GLASSHOUSE_WAREHOUSE": str(tmp_path / "warehouse.duckdb")}
    asked = (str(tmp_path / "dump"), "--model", "small", "--recipe", "counted")
    ran = python_in(tree, *COMMAND, *asked, **where)
    assert ran.returncode == 0, ran.stdout + ran.stderr[-3000:]
    assert "small/counted: 1 of sae, 3 of feature, 3 of explanation" in ran.stdout
    with closing(connect(tmp_path / "warehouse.duckdb")) as con:
        features = con.execute("select feature_id, n_firings, n_tokens, density from feature order by all").fetchall()
        [dictionary] = con.execute("select model_id, recipe_id, site, n_features, origin from sae").fetchall()
    assert features == [(feature, n, TOKENS, n / TOKENS) for feature, (n, _) in COUNTS.items()]
    assert dictionary == ("small", "counted", "resid_post.3", 3, "imported:counts")
    pages = TestClient(app(tmp_path / "warehouse.duckdb"))
    for feature, (_, label) in COUNTS.items():
        page = pages.get(f"/sae/small/counted/{feature}")
        assert page.status_code == 200
        assert label in page.text


def test_help_and_errors_name_it(tree: Path, tmp_path: Path):
    told = python_in(tree, *COMMAND, "--help").stdout
    assert "FOLDER is the folder that holds counts.csv." in told
    assert "Example: glasshouse import counts --model small --recipe counted" in " ".join(told.split())
    where = {"GLASSHOUSE_HOME": str(tmp_path)}
    asked = ("dump", "--format", "csv", "--model", "small", "--recipe", "counted")
    unknown = python_in(tree, *COMMAND, *asked, **where)
    assert unknown.returncode == 1
    assert "no importer 'csv'; there are counts, delphi, neuronpedia, saedashboard" in unknown.stderr
