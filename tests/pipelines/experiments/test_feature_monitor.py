"""A monitor raises alerts where a watched model differs, and none where it does not; lists of the registry say what it
watches."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from comparison_house import add_model
from experiment_house import write_card
from text_set_house import asked, dictionary_in_place, text_set_house, two_labels

from models.comparison.rate_band import rate_band
from models.experiments.method import method_of
from models.experiments.paired_firings import paired_firings
from pipelines.experiments.experiment_asset import experiment_asset
from pipelines.store import experiment_identity as identities
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.store import Store

TAGGED = {
    "title": "Signs",
    "author": "a test",
    "features": [
        {"feature": "m/mid/3", "tag": "other", "note": "coordinate 3"},
        {"feature": "m/mid/4", "tag": "scam", "status": "struck"},
        {"feature": "m/late/5", "tag": "scam"},
        {"feature": "m/mid/6"},
    ],
}


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)
    monkeypatch.setattr(identities, "sae_registrations", lambda store, registration: [])


def monitored(root: Path, tagged: dict[str, Any] | None = TAGGED, **settings: Any) -> Store:
    store = text_set_house(root, "feature_monitor", two_labels(48), **({"other_model": "m"} | settings))
    (root / "registry" / "lists").mkdir()
    if tagged is not None:
        write_card(root, "lists/signs", tagged)
    return store


def rows_of(store: Store) -> list[dict[str, Any]]:
    given = asked(store)
    return [dict(row) for row in method_of("feature_monitor").measure(given, given.prompts)["alert"]]


def test_a_model_watched_by_itself_raises_nothing(tmp_path: Path):
    rows = rows_of(monitored(tmp_path, features=[7]))
    assert [(row["check_name"], row["feature_id"], row["tag"]) for row in rows] == [
        ("rate", 3, "other"),
        ("rate", 7, None),
        ("fvu", None, None),
        ("drifted_features", None, None),
    ]
    assert not any(row["is_raised"] for row in rows)
    assert all(row["value"] == row["reference"] for row in rows)


def test_another_model_raises_alerts_and_the_check_of_the_asset_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = monitored(tmp_path, other_model="tuned")
    add_model(tmp_path, "tuned", "gpt2", noise=0.3)
    raised = {row["check_name"] for row in rows_of(store) if row["is_raised"]}
    assert "drifted_features" in raised
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("feature_monitor", ["m/asked"])
        result = dg.materialize(
            [experiment_asset("feature_monitor")],
            partition_key="m/asked",
            instance=instance,
            resources={"store": store},
        )
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("no_alert", False)
    assert "of 3 checks of the watched model lie outside" in str(check.description)


def test_new_weights_and_new_tags_make_it_due_again(tmp_path: Path):
    """The sensor runs what has another identity: a later revision of the watched model, or another tag."""
    store = monitored(tmp_path, other_model="tuned")
    add_model(tmp_path, "tuned", "gpt2")
    first = experiment_identity(store, store.experiment("m/asked"))
    assert first["found"]["tags"] == {"3": "other"}
    add_model(tmp_path, "tuned", "gpt2", noise=0.1)
    second = experiment_identity(store, store.experiment("m/asked"))
    assert first["found"]["other"]["revision"] != second["found"]["other"]["revision"]
    write_card(tmp_path, "lists/signs", TAGGED | {"features": TAGGED["features"][1:2] + TAGGED["features"][3:]})
    assert experiment_identity(store, store.experiment("m/asked"))["found"]["tags"] == {}


@pytest.mark.parametrize(
    ("settings", "tagged", "wanted"),
    [
        ({}, None, "no feature of mid is tagged"),
        ({"features": [64]}, TAGGED, "there is no feature 64"),
        ({"other_model": "other"}, TAGGED, "cuts texts into other tokens"),
    ],
)
def test_what_cannot_be_watched_is_said_before_the_first_pass(
    tmp_path: Path, settings: dict[str, Any], tagged: dict[str, Any] | None, wanted: str
):
    store = monitored(tmp_path, tagged, **settings)
    if settings.get("other_model") == "other":
        add_model(tmp_path, "other", "llama")
    with pytest.raises(ValueError, match=wanted):
        asked(store)


def test_bands_are_over_draws_of_groups_and_fvu_may_grow_by_half(tmp_path: Path):
    given = asked(monitored(tmp_path, other_model="m", features=[7, 9]))
    rows = method_of("feature_monitor").measure(given, given.prompts)["alert"]
    read = paired_firings(given)
    groups = [prompt.group_name for prompt in given.prompts]
    assert len(set(groups)) == 12
    firings_CW = read.own_CF.toarray()[:, [3, 7, 9]]
    low_W, high_W = rate_band(firings_CW, read.tokens_C, groups, 0.99, given.seed)
    assert [row["low"] for row in rows[:3]] == pytest.approx(low_W.tolist())
    assert [row["high"] for row in rows[:3]] == pytest.approx(high_W.tolist())
    [fvu] = [row for row in rows if row["check_name"] == "fvu"]
    assert fvu["high"] == pytest.approx(1.5 * fvu["reference"])
