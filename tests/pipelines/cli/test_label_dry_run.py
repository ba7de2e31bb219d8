"""`glasshouse label --dry-run` counts every partition that has features, and says why another is not counted."""

import textwrap
from pathlib import Path

import pytest
from small_house import RECIPE, small_house

from models.autointerp.cost_estimate import Estimate
from pipelines.cli.main import main
from pipelines.labels import cost_estimate
from pipelines.labels.cost_estimate import EstimateLine

LLM = "explanations: {explainer: anthropic, judge: anthropic, llm: claude-haiku-4-5, budget_usd: 1}\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three recipes whose labels cost money; nothing is made of any."""
    store = small_house(tmp_path, textwrap.dedent(RECIPE) + LLM)
    recipes = tmp_path / "registry" / "recipes"
    for name in ("other", "third"):
        (recipes / f"{name}.yaml").write_text((recipes / "small.yaml").read_text())
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("GLASSHOUSE_HOME", str(tmp_path / "data"))
    assert store.cards().errors == {}
    (tmp_path / "data").mkdir()
    return tmp_path


def dry_run(monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    monkeypatch.setattr("sys.argv", ["glasshouse", "label", "--dry-run", *more])
    main()


def test_partitions_without_features_keep_no_other_from_being_counted(house: Path, monkeypatch, capsys):
    counted = cost_estimate.estimate_cost

    def some(store, registration, asked):
        if registration.recipe_id != "third":
            return counted(store, registration, asked)
        return [EstimateLine(registration.sae_id, "claude", Estimate("explain", 3, 1, 100, 10, 1.25, 0.625))]

    monkeypatch.setattr(cost_estimate, "estimate_cost", some)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        dry_run(monkeypatch)
    assert ended.value.code in (0, None)
    said = capsys.readouterr().out
    assert "1.2500" in said
    assert said.count("not counted") == 2
    assert "first/small" in said
    assert "first/other" in said


def test_where_none_has_features_each_is_named(house: Path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        dry_run(monkeypatch)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert all(f"first/{name}" in said for name in ("small", "other", "third"))
    assert "materialize" in said
