"""Every kind of dump comes in at the command line, is published, keeps every rule and has pages; one kind goes out."""

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from delphi_run import written as delphi_run
from door_house import exported_house
from saedashboard_run import written as saedashboard_run
from starlette.testclient import TestClient
from typer.testing import CliRunner

from pipelines.cli.main import app as commands
from pipelines.store import publication
from pipelines.store.store import Store
from sql.consistency import Violation, inspect
from sql.warehouse import connect
from web.app import app

CARD = "source: {source}\ncorpus: {{source: nowhere, tokens: 1_000}}\nrecipes: []\n"
DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The two commands over a store of their own; what fails shows why."""
    home = tmp_path / "home"
    (tmp_path / "registry" / "models").mkdir(parents=True)
    (tmp_path / "registry" / "models" / "gpt2.yaml").write_text(CARD.format(source=DEMO))
    monkeypatch.setenv("GLASSHOUSE_HOME", str(home))
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("GLASSHOUSE_WAREHOUSE", str(home / "warehouse.duckdb"))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(commands, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def shown(*addresses: str) -> None:
    """The rules hold and the pages open."""
    published = Store().published
    with closing(connect(published)) as con:
        assert inspect(con) == []
    visitor = TestClient(app(published))
    for address in ("/", *addresses):
        answer = visitor.get(address)
        assert answer.status_code == 200, f"{address}: {answer.text}"


@pytest.mark.slow
def test_saedashboard(run, tmp_path: Path):
    folder = saedashboard_run(tmp_path)
    said = run("import", folder.url, "--model", "small", "--recipe", "res-jb")
    assert "small/res-jb: 1 of sae, 5 of feature, 250 of activation_histogram" in said
    assert "note 1 of 6 features have no dashboard" in said
    shown("/sae/small/res-jb", "/sae/small/res-jb/3", "/sae/small/res-jb/5")


@pytest.mark.slow
def test_delphi(run, tmp_path: Path):
    folder = delphi_run(tmp_path)
    said = run("import", str(folder), "--model", "gpt2", "--recipe", "topk")
    assert "10 of feature" in said
    assert "note 1 files of scores/simulation hold no answers" in said
    shown("/sae/gpt2/topk", "/sae/gpt2/topk/0", "/sae/gpt2/topk/1", "/sae/gpt2/topk/7")
    with closing(connect(Store().published)) as con:
        cards = con.execute("select label, label_status, detection from feature_card order by feature_id limit 2")
        [first, second] = cards.fetchall()
        assert first == ("Words about water", "ok", pytest.approx(7 / 12))
        assert second == (None, "parse_error", None)


def test_delphi_of_a_model_without_a_card(run, tmp_path: Path):
    with pytest.raises(ValueError, match=r"models/other.yaml, which would name the tokenizer, is not there .*gpt2"):
        run("import", str(delphi_run(tmp_path)), "--model", "other", "--recipe", "topk")


def test_neuronpedia_there_and_back(run, tmp_path: Path):
    exported_house(tmp_path / "home")
    out = tmp_path / "out"
    where = ("--model", "demo", "--recipe", "mid")
    said = run("export", "neuronpedia", *where, "--out", str(out), "--features", "1,2,5")
    assert said.strip() == str(out / "demo" / "2-mid")
    came = ("--model", "demo", "--recipe", "came")
    assert "3 of feature" in run("import", said.strip(), *came)
    assert "(as before)" in run("import", said.strip(), "--format", "neuronpedia", *came)
    shown("/sae/demo/mid", "/sae/demo/came/5")
    with pytest.raises(ValueError, match="--features '1-2': wanted numbers with commas"):
        run("export", "neuronpedia", *where, "--out", str(out), "--features", "1-2")


PLACES: dict[tuple[str | None, str | None], bool] = {
    ("small", "res-jb"): True,
    ("small", None): True,
    (None, None): True,
    ("small", "other"): False,
    ("other", None): False,
    ("other", "res-jb"): False,
}


def test_an_import_fails_where_a_finding_may_be_its_own(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    findings = {place: Violation("a_rule", "Rows agree.", *place, 2, "a row") for place in PLACES}
    assert {place: finding.may_be_of("small", "res-jb") for place, finding in findings.items()} == PLACES
    folder = saedashboard_run(tmp_path)
    for place, code in ((("small", None), 1), (("other", "res-jb"), 0)):
        monkeypatch.setattr(
            publication, "publish_store", lambda _, f=findings[place]: SimpleNamespace(findings=[f], violations=[f])
        )
        result = CliRunner().invoke(commands, ["import", folder.url, "--model", "small", "--recipe", "res-jb"])
        assert result.exit_code == code, result.output
        assert "check failed a_rule" in result.output
