"""`glasshouse run`: in which order parts of the chain are made and published."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from command_line import glasshouse, one_instance

from pipelines.runs import in_process
from pipelines.runs.in_process import RunResult

MODEL = "source: models/demo\ncorpus: {source: stdlib, tokens: 1_000, context_length: 32}\n"
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"
ASKS = "explanations: {explainer: anthropic, judge: lexical, llm: claude, budget_usd: 1, features: 10}\n"


@dataclass
class Runs:
    """What is run, in order, and what of it fails."""

    told: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    def write_tables(self, store, sae_id, instance, job_name="full_pipeline", on=None) -> RunResult:
        self.told.append(f"{job_name} {sae_id}")
        return RunResult(sae_id, self.told[-1] not in self.failing, (), None)

    def publish(self, store, instance, *, allow_drop=False) -> RunResult:
        self.told.append("publish")
        return RunResult("published_warehouse", True, (), None)


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Iterator[Runs]:
    """Of a model with a recipe that asks an LLM and one that asks none."""
    cards = {"models/first": MODEL, "recipes/asking": RECIPE + ASKS, "recipes/plain": RECIPE}
    for name, text in cards.items():
        (tmp_path / "registry" / f"{name}.yaml").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "registry" / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("GLASSHOUSE_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("GLASSHOUSE_HOME", str(tmp_path / "data"))
    found = Runs()
    monkeypatch.setattr(in_process, "write_tables", found.write_tables)
    monkeypatch.setattr(in_process, "publish", found.publish)
    monkeypatch.setattr(
        "pipelines.cli.pipeline_runs.end_with_summary", lambda success, sae_id: found.told.append(f"success {success}")
    )
    with one_instance():
        yield found


def test_features_are_published_before_an_llm_is_asked(runs):
    glasshouse("run")
    assert runs.told == [
        *("features first/asking", "publish"),
        *("full_pipeline first/asking", "full_pipeline first/plain", "publish", "success True"),
    ]


def test_a_recipe_whose_features_fail_asks_no_llm_and_holds_up_no_other(runs):
    runs.failing.add("features first/asking")
    glasshouse("run")
    assert runs.told == ["features first/asking", "full_pipeline first/plain", "publish", "success False"]


def test_where_no_llm_is_asked_there_is_one_publication(runs):
    glasshouse("run", "--recipe", "plain")
    assert runs.told == ["full_pipeline first/plain", "publish", "success True"]
