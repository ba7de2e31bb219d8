"""What a run makes again after a change, and what it says of why."""

from pathlib import Path

import dagster as dg
import pytest
from small_house import copied_house

from pipelines.registry.identities.stages.logit_effects import LOGIT_EFFECTS
from pipelines.runs.in_process import run_partition
from pipelines.store.tables import MissingDataset

LABELS = {"explanations", "specificity_ratings", "label_scores"}
NOT_MADE = "it was there, made of the same"


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def house(made_house: Path, tmp_path_factory, instance):
    """What another instance has made: this one has heard of nothing."""
    return copied_house(made_house, tmp_path_factory.mktemp("house"))


def reasons(store, instance) -> dict[str, str]:
    """Why each asset made what it made in a run; those that made nothing are left out."""
    ran = run_partition(store, "first/small", instance)
    assert ran.success, ran
    found = {}
    for key in instance.all_asset_keys():
        event = instance.get_latest_materialization_event(key)
        metadata = event.asset_materialization.metadata
        if "remade_because" in metadata and metadata["remade_because"].value != NOT_MADE:
            found[key.to_user_string()] = metadata["remade_because"].value
    again = {f"{name}: {why}" for name, why in found.items() if why != "nothing was there"}
    assert set(ran.remade) == again, "what the terminal is told"
    return found


def add(store, line: str) -> None:
    card = Path(store.registry_folder.path) / "recipes" / "small.yaml"
    card.write_text(card.read_text() + line)


def written(store) -> dict[str, int]:
    """When each file of the store that labels, or a projection, have no part in was written."""
    root = Path(store.layout.root.path)
    files = [path for kind in ("corpora", "activations", "saes", "tables/feature") for path in (root / kind).rglob("*")]
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def test_what_was_deleted_of_a_dictionary_or_its_scores_is_made_again_by_the_next_run(house, instance):
    """As `glasshouse verify` says of a damaged folder, whichever it is."""
    tables = [house.layout.table_at(t, model_id="first", recipe_id="small") for t in ("sae_training", "judgement")]
    for folder in tables:
        folder.remove()
    assert reasons(house, instance) == {"sae": "nothing was there", "label_scores": "nothing was there"}
    assert all(folder.exists("_manifest.json") for folder in tables)


def test_a_field_that_labels_alone_read_makes_labels_again_and_nothing_upstream(house, instance):
    before = written(house)
    add(house, "explanations: {features: 10}\n")
    found = reasons(house, instance)
    assert found.keys() == LABELS
    assert all("recipe.explanations.features was all, is 10" in why for why in found.values()), found
    assert written(house) == before
    assert reasons(house, instance) == {}


def test_a_raised_code_version_makes_its_stage_again_and_what_reads_it(house, instance):
    before, now = written(house), LOGIT_EFFECTS.code_version
    object.__setattr__(LOGIT_EFFECTS, "code_version", "raised")
    try:
        found = reasons(house, instance)
    finally:
        object.__setattr__(LOGIT_EFFECTS, "code_version", now)
    said = f"code version of logit_effects was {now}, is raised"
    assert found == {"logit_effects": said, "label_scores": said}
    assert written(house) == before


def test_what_is_not_as_the_cards_ask_is_refused_with_the_field_that_differs(house):
    assert house.datasets.trained(house.registration("first/small"))
    add(house, "# a remark\n")
    assert house.datasets.trained(house.registration("first/small"))
    card = Path(house.registry_folder.path) / "recipes" / "small.yaml"
    card.write_text(card.read_text().replace("k: 4", "k: 5"))
    with pytest.raises(MissingDataset, match=r"recipe.sae.k was 4, is 5\): materialize `sae`"):
        house.datasets.trained(house.registration("first/small"))
    assert house.datasets.harvested(house.registration("first/small"))
    model = Path(house.registry_folder.path) / "models" / "first.yaml"
    model.write_text(model.read_text() + "skip_first: 1\n")
    with pytest.raises(MissingDataset, match=r"model.skip_first was auto, is 1\): materialize `activations`"):
        house.datasets.harvested(house.registration("first/small"))
