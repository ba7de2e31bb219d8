"""A partition that is removed leaves the store and the warehouse, whole; what others share stays."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
import s3fs
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from pipelines.store.publication import publish_store
from pipelines.store.removal import Removal, plan_removal, publish_removal, remove_from_store
from pipelines.store.store import Store
from sql.consistency import inspect
from sql.dropped_partitions import MostWouldBeDropped
from sql.publish import publish
from sql.warehouse import connect
from storage.folder import AbsentFolder, Folder
from storage.manifest import Manifest

MODEL, RECIPE = (
    "source: {0}\ncorpus: {{source: x}}\n",
    "site: resid_post.1\nsae: {architecture: topk, n_features: 8, k: 2}\n",
)


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_s3 = getattr(request, "param", "local") == "s3"
    return f"{request.getfixturevalue('s3')}/home" if on_s3 else str(tmp_path / "home")


both = pytest.mark.parametrize("home", ["local", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file and, beside it, the home that it was published from: demo/mid and demo/late."""
    root = tmp_path_factory.mktemp("published")
    synthetic = SyntheticStore(str(root / "home"))
    synthetic.write_model("demo")
    for recipe in ("mid", "late"):
        synthetic.write_sae("demo", recipe)
        (Folder(str(root / "home")) / "saes" / "demo" / recipe).write_bytes("sae_weights.safetensors", b"weights")
    publish(root / "warehouse.duckdb", synthetic.stored)
    return root / "warehouse.duckdb"


@pytest.fixture
def store(published: Path, home: str, tmp_path: Path) -> Store:
    """A copy of that home and of its file; a registry that asks for nothing."""
    if home.startswith("s3://"):
        s3fs.S3FileSystem().put(f"{published.parent}/home/", f"{home}/", recursive=True)
    else:
        shutil.copytree(published.parent / "home", home)
    shutil.copy(published, tmp_path)
    for kind in ("models", "recipes"):
        (tmp_path / "registry" / kind).mkdir(parents=True)
    return Store(home=home, registry=str(tmp_path / "registry"), warehouse=str(tmp_path / "warehouse.duckdb"))


def remove(store: Store, plan: Removal) -> None:
    remove_from_store(plan)
    publish_removal(store, plan)


def dictionaries(store: Store) -> list[tuple[str, int]]:
    with closing(connect(store.published)) as con:
        assert inspect(con) == []
        return con.execute("select recipe_id, count(*) from feature group by all order by all").fetchall()


def below(home: str) -> list[str]:
    return Folder(home).files_below()


@both
def test_what_is_removed_is_gone_and_nothing_else(store: Store, home: str):
    before = below(home)
    plan = plan_removal(store, ("demo/late",))
    assert {part.name for part in plan.parts} >= {"table feature", "table llm_request", "dictionary"}
    assert below(home) == before, "a plan removes nothing"
    of_late = [name for name in before if "late" in name]
    assert sum(part.n_bytes for part in plan.parts) == sum(Folder(home).size(name) for name in of_late)
    assert {part.name: part.rows for part in plan.parts}["table feature"] == N_FEATURES
    remove(store, plan)
    assert below(home) == [name for name in before if "late" not in name]
    assert dictionaries(store) == [("mid", N_FEATURES)]


@both
def test_the_last_one_may_go_too(store: Store, home: str):
    remove(store, plan_removal(store, ("demo/late", "demo/mid", "demo/late")))
    assert dictionaries(store) == []
    assert {name.split("/")[1] for name in below(home)} <= {
        "model", "corpus", "context_frame", "activation_shard", "activation_site", "activation_profile",
    }  # fmt: skip


def test_a_removal_does_not_hide_what_else_is_missing(store: Store, home: str):
    plan = plan_removal(store, ("demo/late",))
    for table in (Folder(home) / "tables").folders():
        if table not in ("model", "feature"):
            (Folder(home) / "tables" / table).remove()
    with pytest.raises(MostWouldBeDropped):
        remove(store, plan)


def test_a_damaged_partition_can_be_removed(store: Store, home: str):
    late = Path(home) / "tables" / "example" / "model_id=demo" / "recipe_id=late"
    (late / "_manifest.json").write_text("{")
    for name in ("part-00000.parquet", "part-00001.parquet"):
        (late / name).unlink()
    (late / "part-00001.parquet").symlink_to("gone")
    remove(store, plan_removal(store, ("demo/late",)))
    assert dictionaries(store) == [("mid", N_FEATURES)]


@pytest.mark.parametrize("sae_id", ["demo/none", "demo", "", "demo/../mid", "../../etc", "demo/mid/more"])
def test_a_partition_that_is_not_there_is_said_and_nothing_goes(store: Store, home: str, sae_id: str):
    before = below(home)
    with pytest.raises(ValueError, match=r"holds nothing of .* \(there: demo/late, demo/mid\): name partitions as"):
        plan_removal(store, ("demo/mid", sae_id))
    assert below(home) == before


def test_a_card_that_claims_a_partition_is_named(store: Store, tmp_path: Path):
    (tmp_path / "registry" / "models" / "demo.yaml").write_text(MODEL.format(tmp_path))
    (tmp_path / "registry" / "recipes" / "mid.yaml").write_text(RECIPE)
    plan = plan_removal(store, ("demo/mid", "demo/late"))
    [claim] = plan.claims
    assert "demo/mid is asked for by" in claim
    assert "models/demo.yaml and" in claim
    assert "recipes/mid.yaml: the next run makes it again" in claim
    assert plan.claimed == {"demo/mid"}


def test_an_absent_store_is_said(store: Store, tmp_path: Path):
    elsewhere = Store(home=str(tmp_path / "none"), registry=store.registry, warehouse=store.warehouse)
    with pytest.raises(AbsentFolder, match="correct GLASSHOUSE_HOME"):
        plan_removal(elsewhere, ("demo/mid",))


def as_imported(home: str, *tables: str) -> None:
    """Has the rows of some shared tables say that an import brought them."""
    for table in tables:
        for path in (Path(home) / "tables" / table).rglob("_manifest.json"):
            folder = Folder(str(path.parent))
            manifest = Manifest.read(folder)
            assert manifest is not None
            Manifest(manifest.identity | {"import": "delphi"}, manifest.files, manifest.facts).write(folder)


def shared(plan: Removal) -> set[str]:
    return {part.name.split(":")[0] for part in plan.parts} & {"table model", "table corpus"}


def sae_folder(home: str, recipe: str) -> Path:
    return Path(home) / "tables" / "sae" / "model_id=demo" / f"recipe_id={recipe}"


def test_an_import_takes_its_model_and_corpus_with_its_last_dictionary(store: Store, home: str):
    as_imported(home, "model", "corpus")
    assert shared(plan_removal(store, ("demo/late",))) == set()
    assert shared(plan_removal(store, ("demo/late", "demo/mid"))) == {"table model", "table corpus"}


def test_a_damaged_dictionary_blocks_no_removal_of_another_and_what_it_may_name_stays(store: Store, home: str):
    as_imported(home, "model", "corpus")
    SyntheticStore(home).write_sae("other", "mid")
    (sae_folder(home, "mid") / "_manifest.json").write_text("{")
    assert shared(plan_removal(store, ("demo/late",))) == set()
    assert shared(plan_removal(store, ("demo/late", "demo/mid"))) == {"table model"}, "other/mid reads the corpus"
    for path in (Path(home) / "tables" / "model").rglob("_manifest.json"):
        path.write_text("{")
    assert shared(plan_removal(store, ("demo/late", "demo/mid"))) == set()


def test_what_an_import_that_is_under_way_has_written_stays(store: Store, home: str):
    as_imported(home, "model", "corpus")
    under_way = sae_folder(home, "new")
    under_way.mkdir()
    (under_way / "part-0.parquet").write_bytes(b"half")
    assert shared(plan_removal(store, ("demo/late", "demo/mid"))) == set()
    under_way.rename(under_way.parents[1] / "elsewhere")
    for name in ("mid", "late"):
        (sae_folder(home, name) / "_manifest.json").unlink()
    assert shared(plan_removal(store, ("demo/late", "demo/mid"))) == {"table model"}


@both
def test_a_removal_that_could_not_be_published_can_be_finished(store: Store, home: str):
    remove_from_store(plan_removal(store, ("demo/late",)))
    plan = plan_removal(store, ("demo/late",))
    assert plan.parts == ()
    remove(store, plan)
    assert dictionaries(store) == [("mid", N_FEATURES)]
    with pytest.raises(ValueError, match="holds nothing of 'demo/late'"):
        plan_removal(store, ("demo/late",))
    assert plan_removal(store, ("demo/late",), listed=["demo/late"]).parts == ()


def test_shared_rows_of_a_removal_that_could_not_be_published_go_too(store: Store, home: str):
    """Of a store that holds imports alone nothing is left: what is published of it is no loss."""
    as_imported(home, "model", "corpus")
    for table in ("context_frame", "activation_shard", "activation_site", "activation_profile"):
        (Folder(home) / "tables" / table).remove()
    publish_store(store)
    remove_from_store(plan_removal(store, ("demo/late", "demo/mid")))
    with pytest.raises(MostWouldBeDropped):
        publish_store(store)
    remove(store, plan_removal(store, ("demo/late", "demo/mid")))
    with closing(connect(store.published)) as con:
        assert con.execute("select count(*) from _partition").fetchall() == [(0,)]


def test_a_removal_that_was_cut_short_is_planned_whole_again(store: Store, home: str, monkeypatch: pytest.MonkeyPatch):
    as_imported(home, "model", "corpus")
    plan, removed = plan_removal(store, ("demo/late", "demo/mid")), []
    plain = Folder.remove

    def killed(self: Folder, name: str = "") -> None:
        if len(removed) == len(plan.parts) - 2:
            raise KeyboardInterrupt
        removed.append(self)
        plain(self, name)

    with monkeypatch.context() as short:
        short.setattr(Folder, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_from_store(plan)
    again = plan_removal(store, ("demo/late", "demo/mid"))
    assert [part.name for part in again.parts] == ["table sae", "table sae"]
    remove(store, again)
    assert dictionaries(store) == []


def test_a_model_without_dictionaries_left_hides_no_other(store: Store, home: str):
    synthetic = SyntheticStore(home)
    synthetic.write_model("other")
    synthetic.write_sae("other", "mid")
    remove(store, plan_removal(store, ("demo/late", "demo/mid")))
    with pytest.raises(ValueError, match=r"\(there: other/mid\)"):
        plan_removal(store, ("demo/late",))
