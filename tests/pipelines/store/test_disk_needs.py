"""What is asked of the disk beforehand is what a stage then writes, and a disk without it is said before the work."""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from small_house import copied_house

from models.activations.harvest import harvest_bytes
from models.corpora.contexts import TokenizedCorpus
from models.language_model.sites import Site
from pipelines.runs.in_process import write_tables
from pipelines.store import disk_needs
from pipelines.store.store import Store
from storage import free_space
from storage.folder import Folder
from storage.free_space import SPARED, require_room
from storage.manifest import Manifest
from storage.unwritable import Unwritable


class Wide:
    """A model as far as its widths go."""

    def width(self, site: Site) -> int:
        return 64 if site.kind == "resid_post" else 256


@pytest.fixture
def store(made_house, tmp_path) -> Store:
    return copied_house(made_house, tmp_path)


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, int]]:
    """What every stage asks for, by the words of its message."""
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(disk_needs, "require_room", lambda folder, n_bytes, what: found.append((what, n_bytes)))
    return found


def on_disk(folder: Folder, pattern: str = "*") -> int:
    return sum(file.stat().st_size for file in Path(folder.path).glob(pattern))


def test_a_harvest_asks_for_the_bytes_that_it_then_takes(store: Store, asked):
    folder = store.layout.activations("first", store.datasets.site(store.registration("first/small")))
    taken = on_disk(folder, "*.parquet")
    folder.remove()
    with dg.DagsterInstance.ephemeral() as instance:
        assert write_tables(store, "first/small", instance, "harvest").success
    [(what, n_bytes)] = asked
    assert "the activations of 1 sites" in what
    assert 0.9 < n_bytes / taken < 1.1, f"{n_bytes:,} were asked for, {taken:,} taken"


def test_a_training_asks_for_two_checkpoints_and_the_dictionary(store: Store, asked):
    registration = store.registration("first/small")
    weights = on_disk(store.layout.sae(registration), "sae_weights.safetensors")
    disk_needs.require_room_for_training(store, registration)
    [(what, n_bytes)] = asked
    assert "two checkpoints" in what
    assert 6.5 < n_bytes / weights < 8, f"{n_bytes:,} for weights of {weights:,}: weights, and twice with two moments"


def test_codes_ask_for_no_less_than_they_take(store: Store, asked, monkeypatch):
    registration = store.registration("first/small")
    taken = on_disk(store.layout.table("feature_activation", registration), "*.parquet")
    monkeypatch.setattr(disk_needs, "_bytes_in", lambda folder: 0)
    disk_needs.require_room_for_codes(store, registration)
    [(_, n_bytes)] = asked
    assert 0.8 < n_bytes / taken < 3, f"{n_bytes:,} were asked for, {taken:,} taken"


def test_what_a_stopped_run_left_is_not_asked_for_again(store: Store, asked):
    disk_needs.require_room_for_codes(store, store.registration("first/small"))
    [(_, n_bytes)] = asked
    taken = on_disk(store.layout.table("feature_activation", store.registration("first/small")))
    assert n_bytes < 2 * taken


def test_shards_that_a_stopped_harvest_left_are_not_asked_for_again(store: Store, asked, monkeypatch):
    registration = store.registration("first/small")
    site = store.datasets.site(registration)
    there = on_disk(store.layout.activations("first", site))
    for needed, rest in ((there + 1_000_000, 1_000_000), (there - 1, 0)):
        monkeypatch.setattr("models.activations.harvest.harvest_bytes", lambda *_, needed=needed: needed)
        disk_needs.require_room_for_harvest(store, registration, None, None, [site])  # type: ignore[arg-type]
        assert asked.pop()[1] == rest


def test_dictionaries_of_one_card_are_asked_for_together_and_what_learns_nothing_is_not(store: Store, asked):
    registration = store.registration("first/small")
    disk_needs.require_room_for_training(store, registration)
    recipe = registration.recipe
    of_set = SimpleNamespace(recipe=recipe, sae_id="first/small.0", set_id="small")
    three = SimpleNamespace(
        datasets=SimpleNamespace(harvested=lambda _, site: store.datasets.harvested(registration, site)),
        cards=lambda: SimpleNamespace(dictionaries_of=lambda set_id: {"small": "abc"}[set_id]),
        layout=store.layout,
    )
    disk_needs.require_room_for_training(three, of_set)  # type: ignore[arg-type]
    [(_, one), (_, all_of_them)] = asked
    assert all_of_them == pytest.approx(3 * one, abs=3)
    fixed = SimpleNamespace(recipe=SimpleNamespace(sae=SimpleNamespace(learns=False)))
    disk_needs.require_room_for_training(store, fixed)  # type: ignore[arg-type]
    assert len(asked) == 2


def test_codes_of_a_dictionary_whose_l0_is_not_known_are_not_asked_for(store: Store, asked):
    unknown = SimpleNamespace(datasets=SimpleNamespace(trained=lambda _: SimpleNamespace(facts={"calibration": None})))
    disk_needs.require_room_for_codes(unknown, store.registration("first/small"))  # type: ignore[arg-type]
    assert asked == []


def test_a_full_disk_is_said_before_the_stage_begins_with_what_is_needed_and_what_is_free(store: Store, monkeypatch):
    folder = store.layout.activations("first", store.datasets.site(store.registration("first/small")))
    folder.remove()
    monkeypatch.setattr(free_space.shutil, "disk_usage", lambda place: type("Usage", (), {"free": SPARED + 1000}))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = write_tables(store, "first/small", instance, "harvest")
    assert not ran.success
    assert "first: the activations of 1 sites needs 0.00 GB" in str(ran.error)
    assert "has 0.27 GB free: nothing was begun" in str(ran.error)
    assert not folder.exists(), "the model ran before anybody asked"


def test_an_object_store_is_not_asked(monkeypatch):
    monkeypatch.setattr(free_space.shutil, "disk_usage", lambda place: pytest.fail("it has no end"))
    require_room(Folder("memory://store"), 10**15, "much")


def test_a_place_that_is_not_there_yet_is_asked_of_what_it_will_lie_in(tmp_path):
    with pytest.raises(Unwritable, match=rf"much needs 1,000,000\.00 GB, .* but {tmp_path} has [\d.,]+ GB free"):
        require_room(Folder(str(tmp_path / "a" / "b")), 10**15, "much")


def test_bytes_of_a_harvest_are_those_of_rows_and_vectors():
    contexts = TokenizedCorpus(Folder("memory://corpus"), Manifest({}, (), {"n_tokens": 1000, "n_skipped": 100}))
    sites = [Site.parse("resid_post.1"), Site.parse("mlp_act.1")]
    assert harvest_bytes(Wide(), contexts, sites, "bfloat16") == 900 * (64 * 2 + 16 + 256 * 2 + 16)  # type: ignore[arg-type]
