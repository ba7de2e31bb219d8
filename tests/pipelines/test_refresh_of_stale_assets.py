"""What is cheap is made again where something that it reads is another than before, not where it was found made."""

import dagster as dg
import pytest

from pipelines.dagster_support.data_versions import TAG, data_version
from pipelines.definitions import defs

CHAIN: tuple[str, ...] = (
    "context_frame",
    "corpus",
    "activations",
    "sae",
    "sae_evaluation",
    "feature_matches",
    "feature_statistics",
    "logit_effects",
    "neighbors",
    "feature_map",
    "feature_families",
    "monosemanticity",
    "explanations",
    "specificity_ratings",
    "label_scores",
)
BLOCKING = {"sae": ["export_equals_trained"], "feature_statistics": ["firing_counts_agree"]}
READ_THE_DICTIONARY = {"sae_evaluation", "feature_matches", "feature_statistics"}


class Automation:
    """The conditions of every asset, evaluated by Dagster tick by tick, over records of one partition."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor = instance, None
        self.versions: dict[str, str] = dict.fromkeys(CHAIN, "first")

    def write(self, asset: str, version: str | None = None) -> None:
        """A run wrote the asset: another version than before, or found the same."""
        self.versions[asset] = version or self.versions[asset]
        code = next(spec.code_version for spec in defs.resolve_all_asset_specs() if spec.key == dg.AssetKey(asset))
        tags = {TAG: self.versions[asset], "dagster/code_version": code or ""}
        self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition="m/r", tags=tags))
        for check in BLOCKING.get(asset, ()):
            self.instance.report_runless_asset_event(dg.AssetCheckEvaluation(dg.AssetKey(asset), check, passed=True))

    def requested(self) -> set[str]:
        """Assets that a tick asks for."""
        result = dg.evaluate_automation_conditions(
            defs=defs, instance=self.instance, cursor=self.cursor, asset_selection=dg.AssetSelection.all()
        )
        self.cursor = result.cursor
        return {each.key.to_user_string() for each in result.results if each.true_subset.size}


@pytest.fixture
def automation():
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", ["m/r"])
        ready = Automation(instance)
        for asset in CHAIN:
            ready.write(asset)
        for _ in range(2):
            assert ready.requested() == set(), "all is there"
        yield ready


@pytest.mark.slow
def test_a_run_that_made_nothing_starts_no_other(automation):
    for found in (("sae", "sae_evaluation"), ("context_frame", "corpus", "activations"), CHAIN):
        for asset in found:
            automation.write(asset)
        assert automation.requested() == set(), found
    assert automation.requested() == set()


@pytest.mark.parametrize(
    "versions", [("second",), pytest.param(("second", "first"), marks=pytest.mark.slow)], ids=["anew", "changed back"]
)
def test_a_dictionary_that_was_made_anew_is_measured_again_and_one_that_was_changed_back_too(automation, versions):
    for version in versions:
        automation.write("sae", version)
        assert automation.requested() >= READ_THE_DICTIONARY
        for asset in CHAIN[4:]:
            automation.write(asset, f"of {version}")
        assert automation.requested() == set(), version


def test_what_is_missing_is_made():
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", ["m/r"])
        automation = Automation(instance)
        for asset in set(CHAIN) - {"neighbors"}:
            automation.write(asset)
        assert automation.requested() == {"neighbors"}


@pytest.mark.slow
def test_labels_that_were_made_anew_are_rated_again(automation):
    automation.write("explanations", "second")
    assert "specificity_ratings" in automation.requested()


def test_a_version_says_what_a_dataset_was_made_from():
    first = data_version({"code": {"sae": "1"}, "settings": {"k": 4}})
    assert first == data_version({"settings": {"k": 4}, "code": {"sae": "1"}})
    assert first != data_version({"code": {"sae": "1"}, "settings": {"k": 5}})
