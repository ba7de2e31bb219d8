"""Cards that change start runs: each change once, a change back too, and what failed again when its card is touched."""

import os
import textwrap
from pathlib import Path

import dagster as dg
import pytest

from assets.registry import cards_can_be_read, evaluation
from pipelines.definitions import defs
from pipelines.sensors import invalid_cards, new_models
from pipelines.store.store import Store

MODEL = "source: {weights}\ncorpus: {{source: nowhere, tokens: 1_000}}\n"
RECIPE = """
    site: resid_post.@0.5
    sae: {architecture: topk, n_features: 64, k: 4}
    training: {tokens: 16_384}
"""


class Registry:
    """A registry of one model and one recipe, `m/r`, under a daemon that starts a run key once."""

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor, self.used = instance, "", set[str]()
        self.store = Store(home=str(root / "data"), registry=str(root / "registry"))
        (root / "weights").mkdir()
        (root / "weights" / "config.json").write_text("{}")
        for kind in ("models", "recipes"):
            (root / "registry" / kind).mkdir(parents=True)
        self.model = root / "registry" / "models" / "m.yaml"
        self.model.write_text(MODEL.format(weights=root / "weights"))
        self.recipe = root / "registry" / "recipes" / "r.yaml"
        self.write(RECIPE)
        self.seconds = 0

    def write(self, text: str) -> None:
        self.recipe.write_text(textwrap.dedent(text).lstrip())

    def touch(self) -> None:
        """Later than any time before, whatever the clock of the file system counts in."""
        self.seconds += 1
        at = self.recipe.stat().st_mtime + self.seconds
        os.utime(self.recipe, (at, at))

    def tick(self) -> list[dg.DagsterRun]:
        """What Dagster's daemon does with an evaluation: partitions are added, and runs whose key is new recorded."""
        resources = {"store": self.store}
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor or None, definitions=defs, resources=resources
        ) as context:
            result = new_models(context)
        assert isinstance(result, dg.SensorResult)
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions("sae", request.partition_keys)
        self.cursor = result.cursor or self.cursor
        new = [request for request in result.run_requests or () if request.run_key not in self.used]
        self.used |= {request.run_key or "" for request in new}
        return [self._recorded(request) for request in new]

    def _recorded(self, request: dg.RunRequest) -> dg.DagsterRun:
        job = defs.resolve_job_def(request.job_name or "")
        tags = {
            **request.tags,
            "dagster/run_key": request.run_key or "",
            "dagster/partition": request.partition_key or "",
        }
        return self.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)

    def started(self) -> list[str]:
        """Jobs of the runs that a tick starts; all of them succeed."""
        runs = self.tick()
        for run in runs:
            self.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", run.job_name), run.run_id)
        return [run.job_name for run in runs]

    def fails(self) -> list[str]:
        """Jobs of the runs that a tick starts; all of them fail."""
        runs = self.tick()
        for run in runs:
            self.instance.report_run_failed(run)
        return [run.job_name for run in runs]


@pytest.fixture
def registry(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Registry(tmp_path, instance)


def test_a_card_that_is_changed_and_changed_back_runs_three_times(registry):
    for k in (4, 5, 4):
        registry.write(RECIPE.replace("k: 4", f"k: {k}"))
        assert registry.started() == ["full_pipeline"], f"k {k}"
        assert registry.started() == []
    assert len(registry.instance.get_runs(dg.RunsFilter(job_name="full_pipeline"))) == 3


def test_labels_that_are_changed_and_changed_back_are_made_each_time(registry):
    assert registry.started() == ["full_pipeline"]
    for line in ("explanations: {features: 10}\n", "", "explanations: {features: 10}\n"):
        registry.write(RECIPE + f"    {line}")
        assert registry.started() == ["label"], line
        assert registry.started() == []


def test_weights_that_are_changed_and_changed_back_run_each_time(registry, tmp_path):
    assert registry.started() == ["full_pipeline"]
    for text in ('{"more": 1}', "{}", '{"more": 1}'):
        (tmp_path / "weights" / "config.json").write_text(text)
        assert registry.started() == ["full_pipeline"], text
        assert registry.started() == []


def test_the_same_evaluation_again_asks_for_the_same_run(registry):
    """A daemon that is killed after it started runs, and before it kept the cursor, evaluates again."""
    registry.tick()
    registry.write(RECIPE.replace("k: 4", "k: 5"))
    before = registry.cursor
    assert len(registry.tick()) == 1
    registry.cursor = before
    assert registry.tick() == []


def test_a_failed_chain_is_offered_again_when_its_card_is_touched_and_only_then(registry):
    assert registry.fails() == ["full_pipeline"]
    assert registry.started() == []
    registry.touch()
    assert registry.fails() == ["full_pipeline"]
    registry.touch()
    assert registry.started() == ["full_pipeline"]
    registry.touch()
    assert registry.started() == [], "what succeeded is not offered for a touch"


def test_failed_labels_are_offered_again_alone(registry):
    assert registry.started() == ["full_pipeline"]
    registry.write(RECIPE + "    explanations: {features: 10}\n")
    assert registry.fails() == ["label"]
    registry.touch()
    assert registry.started() == ["label"]


def test_labels_that_change_after_a_failed_chain_run_the_chain(registry):
    assert registry.fails() == ["full_pipeline"]
    registry.write(RECIPE + "    explanations: {features: 10}\n")
    assert registry.started() == ["full_pipeline"]


def test_labels_that_change_while_a_chain_waits_are_left_to_it(registry):
    registry.started()
    chain = defs.resolve_job_def("full_pipeline")
    waiting = dg.DagsterRunStatus.NOT_STARTED
    registry.instance.create_run_for_job(chain, tags={"dagster/partition": "m/r"}, status=waiting)
    registry.write(RECIPE + "    explanations: {features: 10}\n")
    assert registry.started() == []


def test_a_lost_cursor_offers_all_again(registry):
    registry.started()
    registry.cursor = ""
    assert registry.started() == ["full_pipeline"]
    registry.cursor = '{"m/r": ["of", "another version"]}'
    assert registry.started() == ["full_pipeline"]


def test_a_card_that_comes_back_after_its_partition_was_removed_runs(registry):
    registry.started()
    registry.instance.delete_dynamic_partition("sae", "m/r")
    assert registry.started() == ["full_pipeline"]


@pytest.mark.parametrize("sensor", [new_models, invalid_cards])
def test_a_registry_that_is_not_there_is_said_and_forgets_nothing(registry, tmp_path, sensor):
    registry.started()
    (tmp_path / "registry").rename(tmp_path / "elsewhere")
    with dg.build_sensor_context(
        instance=registry.instance, cursor=registry.cursor, definitions=defs, resources={"store": registry.store}
    ) as context:
        result = sensor(context)
    reason = result.skip_reason if isinstance(result, dg.SensorResult) else result
    assert isinstance(reason, dg.SkipReason)
    assert "registry is not there (no such folder): set GLASSHOUSE_REGISTRY" in (reason.skip_message or "")
    assert registry.started() == []
    (tmp_path / "elsewhere").rename(tmp_path / "registry")
    assert registry.started() == []


def test_a_broken_card_is_a_failed_check_once_and_a_passed_one_when_it_is_mended(registry):
    events, cursor = [], ""

    def looks() -> str:
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor, resources={"store": registry.store}) as context:
            result = invalid_cards(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor or ""
        events.extend(result.asset_events)
        return str(result.skip_reason.skip_message) if result.skip_reason else ""

    looks()
    registry.write("site: nowhere\ncolour: red\n")
    assert looks() == "1 of the registry cannot be read: recipes/r.yaml"
    looks()
    registry.write(RECIPE)
    assert looks() == "every card in the registry can be read"
    looks()
    assert [(event.asset_key.to_user_string(), event.passed) for event in events] == [
        ("registry", True),
        ("registry", False),
        ("registry", True),
    ]
    assert "line 2: colour = 'red': unknown key" in str(events[1].metadata["recipes/r.yaml"].value)
    assert registry.started() == ["full_pipeline"]


def test_the_check_of_the_registry_says_the_same_when_it_is_run(registry):
    registry.write("site: nowhere\ncolour: red\n")
    result = cards_can_be_read(registry.store)
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    assert "unknown key" in str(result.metadata["recipes/r.yaml"].value)


def test_many_broken_cards_are_counted_and_not_listed_without_end():
    found = evaluation({f"models/m{n}.yaml": "x" for n in range(1_000)})
    assert len(found.metadata) == 21
    assert found.metadata["and"].value == "980 more"
    assert len(found.description or "") < 200


def test_every_sensor_and_schedule_says_what_it_does():
    repository = defs.get_repository_def()
    for each in [*repository.sensor_defs, *repository.schedule_defs, *repository.get_all_jobs()]:
        if not each.name.startswith("__"):
            assert len(each.description or "") > 60, each.name
