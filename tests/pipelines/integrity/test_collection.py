"""What nothing refers to is shown, then deleted; what a card, a manifest or a run needs stays."""

import os
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from experiment_rows import experiment_row, prompt_row
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore
from typer.testing import CliRunner

from pipelines.cli.main import app as commands
from pipelines.integrity.collection import collect, plan_collection
from pipelines.store.publication import publish_store
from pipelines.store.removal import plan_removal
from pipelines.store.store import Store
from sql.warehouse import connect
from storage.folder import LEFT_BEHIND, Folder
from storage.manifest import Manifest, ManifestFile
from storage.store_lock import StoreInUse, shared_use

MODEL = "source: {0}\ncorpus: {{source: x}}\nrecipes: [mid]\n"
RECIPE = "site: resid_post.2\nsae: {architecture: topk, n_features: 12, k: 4}\n"
EXPERIMENT = "method: steering\nprompt_set: some\nrecipe: mid\n"


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_s3 = getattr(request, "param", "local") == "s3"
    return f"{request.getfixturevalue('s3')}/home" if on_s3 else str(tmp_path / "home")


@pytest.fixture
def store(home: str, tmp_path: Path) -> Store:
    """demo/mid, which the registry asks for, and demo/late, which it does not; both stand there, unpublished."""
    synthetic = SyntheticStore(home)
    synthetic.write_model("demo")
    for recipe in ("mid", "late"):
        synthetic.write_sae("demo", recipe, labels=False, codes=False)
    registry = tmp_path / "registry"
    for kind, name, text in (
        ("models", "demo", MODEL.format(tmp_path)),
        ("recipes", "mid", RECIPE),
        ("prompt_sets", "some", "prompts: [{prompt: a}]\n"),
        ("experiments", "asked", EXPERIMENT),
    ):
        (registry / kind).mkdir(parents=True)
        (registry / kind / f"{name}.yaml").write_text(text)
    write_experiment(synthetic, "asked")
    return Store(home=home, registry=str(registry), warehouse=str(tmp_path / "warehouse.duckdb"))


def write_experiment(synthetic: SyntheticStore, experiment_id: str) -> None:
    """The shared tables of an experiment on the dictionary demo/mid."""
    keys = {"model_id": "demo", "experiment_id": experiment_id}
    for table, row in (("prompt", prompt_row()), ("experiment", experiment_row())):
        folder = synthetic.write(table, keys, [row])
        manifest = Manifest.read(folder)
        assert manifest is not None
        Manifest({"settings": {"experiment.recipes": ["mid"]}}, manifest.files).write(folder)


def dataset(home: str, *place: str) -> Folder:
    """A whole dataset of one file."""
    folder = Folder(home)
    for name in place:
        folder = folder / name
    folder.write_bytes("shard-00000.parquet", b"rows")
    facts = {"corpus_id": "stdlib", "frame_sha256": "1" * 64}
    Manifest({}, (ManifestFile.written(folder, "shard-00000.parquet", 1),), facts).write(folder)
    return folder


def places(store: Store, older_than: float = 0.0) -> set[str]:
    return {each.place for each in plan_collection(store, older_than).goes}


def test_a_store_in_which_everything_is_needed_loses_nothing(store: Store):
    assert places(store) == set()


@pytest.mark.parametrize("home", ["local", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_what_no_card_and_no_dictionary_needs_goes_and_nothing_else(store: Store, home: str):
    synthetic = SyntheticStore(home)
    write_experiment(synthetic, "without-a-card")
    synthetic.write("neighbor", {"model_id": "demo", "recipe_id": "gone"}, [])
    synthetic.write("model", {"model_id": "nobodys"}, [])
    dataset(home, "corpora", "stdlib", "1" * 16)
    dataset(home, "corpora", "other", "2" * 16)
    dataset(home, "activations", "demo", "resid_post.2")
    dataset(home, "activations", "nobodys", "resid_post.2")
    for name, content in (("label_requests/demo/gone", b"[1]"), ("experiment_chunks/demo/without-a-card/ab", b"[]")):
        (Folder(home) / name).write_bytes("features.json", content)
    (Folder(home) / "ledger").write_bytes("000000000-ab.jsonl", b'{"paid": "for"}\n')
    before = Folder(home).files_below()
    goes = {
        "tables/experiment/model_id=demo/experiment_id=without-a-card",
        "tables/prompt/model_id=demo/experiment_id=without-a-card",
        "tables/neighbor/model_id=demo/recipe_id=gone",
        "tables/model/model_id=nobodys",
        "corpora/other/2222222222222222",
        "activations/nobodys/resid_post.2",
        "label_requests/demo/gone",
        "experiment_chunks/demo/without-a-card/ab",
    }
    assert places(store) == goes
    assert Folder(home).files_below() == before, "a plan deletes nothing"
    assert plan_collection(store, 3600).goes == (), "what was written a moment ago may be somebody's on another machine"
    plan, published = collect(store, 0.0)
    assert plan.by_kind()["experiments without a card"][0] == 2
    assert published is None, "nothing was published before"
    assert Folder(home).files_below() == [name for name in before if not name.startswith(tuple(goes))]
    assert places(store) == set()


def test_what_goes_leaves_the_published_file_too(store: Store, home: str):
    write_experiment(SyntheticStore(home), "without-a-card")
    publish_store(store)
    collect(store, 0.0)
    with closing(connect(store.published)) as con:
        assert con.execute("select experiment_id from experiment").fetchall() == [("asked",)]
        counted = con.execute("select recipe_id, count(*) from feature group by all order by all").fetchall()
    assert counted == [("late", N_FEATURES), ("mid", N_FEATURES)]


def test_what_a_killed_run_left_goes_once_it_is_old(store: Store, home: str):
    left = {
        "tables/neighbor/model_id=demo/recipe_id=mid/.tmp-0123-part.parquet": b"half",
        "tables/neighbor/model_id=demo/recipe_id=mid/part-other-00000.parquet": b"of another identity",
        ".tmp-4567-warehouse": b"half",
    }
    for place, content in left.items():
        (Path(home) / place).write_bytes(content)
    building = store.published.parent / f".{store.published.name}.building"
    building.mkdir()
    (building / "warehouse.duckdb").write_bytes(b"half")
    assert places(store, LEFT_BEHIND) == set()
    for path in [*(Path(home) / place for place in left), building / "warehouse.duckdb"]:
        os.utime(path, (0, time.time() - 2 * LEFT_BEHIND))
    assert places(store, LEFT_BEHIND) == {*left, str(building)}
    collect(store, LEFT_BEHIND)
    assert not building.exists()
    assert not [place for place in left if (Path(home) / place).exists()]
    assert places(store) == set()


def test_what_a_launch_left_goes_when_nobody_took_it_up_for_a_day(store: Store, home: str):
    for name, hours in (("activations-old", 25), ("activations-new", 2)):
        folder = store.layout.launch(name)
        folder.write_bytes("order.json", b"{}")
        (folder / "records").write_bytes("shard-00000.safetensors", b"sums")
        for path in Path(folder.path).rglob("*.*"):
            os.utime(path, (0, time.time() - 3600 * hours))
    assert places(store, LEFT_BEHIND) == {"launches/activations-old"}
    collect(store, LEFT_BEHIND)
    assert (store.layout.root / "launches").folders() == ["activations-new"]


def test_nothing_is_deleted_while_a_run_is_at_work(store: Store, home: str):
    SyntheticStore(home).write("neighbor", {"model_id": "demo", "recipe_id": "gone"}, [])
    before = Folder(home).files_below()

    @dg.asset
    def at_work(store: Store) -> None:
        with pytest.raises(StoreInUse, match=r"a run is at work with .*: nothing was deleted"):
            collect(store, 0.0)

    assert dg.materialize([at_work], resources={"store": store}).success
    with shared_use(home), pytest.raises(StoreInUse):
        collect(store, 0.0)
    assert Folder(home).files_below() == before
    collect(store, 0.0)
    assert len(Folder(home).files_below()) == len(before) - 1 - 1, "the file and its manifest"


def test_nothing_is_deleted_while_a_card_cannot_be_read(store: Store, home: str):
    SyntheticStore(home).write("neighbor", {"model_id": "demo", "recipe_id": "gone"}, [])
    before = Folder(home).files_below()
    (Path(store.registry or "") / "recipes" / "gone.yaml").write_text("site: [\n")
    with pytest.raises(ValueError, match=r"nothing was deleted, for it is not known .*gone\.yaml"):
        collect(store, 0.0)
    assert Folder(home).files_below() == before


def test_a_removed_dictionary_takes_its_experiments_along(store: Store):
    plan = plan_removal(store, ("demo/mid",))
    assert {part.name for part in plan.parts} >= {
        "experiment asked, table experiment",
        "experiment asked, table prompt",
    }
    assert ("experiment", "model_id=demo/experiment_id=asked") in plan.published
    assert any("demo/asked goes with its dictionary, and is asked for by" in claim for claim in plan.claims)
    assert not any("experiment" in part.name for part in plan_removal(store, ("demo/late",)).parts)


def test_the_command_shows_and_deletes_only_if_told_to(store: Store, home: str, monkeypatch: pytest.MonkeyPatch):
    SyntheticStore(home).write("neighbor", {"model_id": "demo", "recipe_id": "gone"}, [])
    for name, value in (("HOME", home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    place = "tables/neighbor/model_id=demo/recipe_id=gone"

    def said(*arguments: str) -> str:
        ran = CliRunner().invoke(commands, ["gc", *arguments], env={"COLUMNS": "200"}, catch_exceptions=False)
        assert ran.exit_code == 0
        return ran.output

    assert "1 more were written less than 1 hours ago, and stay" in said()
    assert place in said("--older-than", "0")
    assert "1 things, " in said("--older-than", "0")
    assert Folder(f"{home}/{place}").exists()
    assert "deleted 1 things" in said("--older-than", "0", "--delete")
    assert not Folder(f"{home}/{place}").exists()
    assert "nothing is unneeded" in said("--older-than", "0")
