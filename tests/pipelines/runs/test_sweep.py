"""Many dictionaries of one model: several architectures (with `-m slow` the others), a transcoder, the neurons and an
import, in one sweep."""

import json
import shutil
import textwrap
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import torch
from small_house import RECIPE, small_house

from assets.sae import checks
from models.dictionaries import architectures
from models.dictionaries.saelens_format import load
from models.evaluation.config import QualityBounds
from pipelines.runs.in_process import run_partition, run_sweep
from pipelines.store import build_dictionary
from pipelines.store.store import Store
from pipelines.sweep_job import sweep_registrations, train_sweep
from sql.warehouse import connect

ARCHITECTURES = ("jumprelu",)
OTHERS = ("batchtopk", "gated", "matryoshka_batchtopk", "standard", "p_anneal")
LOOSE = "quality_bounds: {max_fvu: 2, max_dead_fraction: 1, min_ce_recovered: -100, max_l0_error: 3}"
FEW_LABELS = "explanations: {features: 4}"
SHORT = RECIPE.replace("16_384", "8_192")


def add(store: Store, name: str, recipe: str) -> None:
    folder = Path(store.registry_folder.path) / "recipes"
    (folder / f"{name}.yaml").write_text(textwrap.dedent(recipe).lstrip())


def recipe_of(sae: str, site: str = "resid_post.@0.5") -> str:
    lines = textwrap.dedent(SHORT).strip().splitlines()
    return "\n".join([f"site: {site}", f"sae: {sae}", *lines[2:4], LOOSE, FEW_LABELS]) + "\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    store = small_house(tmp_path_factory.mktemp("sweep"), SHORT)
    for name in ARCHITECTURES:
        add(store, name, recipe_of(f"{{architecture: {name}, n_features: 64, k: 4}}"))
    crossing = "{architecture: batchtopk, n_features: 64, k: 4, output_site: mlp_out.1, skip_connection: true}"
    add(store, "transcoder", recipe_of(crossing, "mlp_in.1"))
    add(store, "neurons", recipe_of("{architecture: neurons}", "mlp_act.1"))
    keys = [key for key in store.cards().sae_ids() if "import" not in key]
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_sweep(store, keys, instance)
        assert [(r.name, r.error) for r in ran if not r.success] == []
        for check in ("export_equals_trained", "l0_matches_target", "provenance_matches"):
            key = dg.AssetCheckKey(dg.AssetKey("sae"), check)
            assert instance.event_log_storage.get_asset_check_execution_history(key, limit=1), check
        materialized = instance.get_materialized_partitions(dg.AssetKey("sae"))
        assert set(keys) <= materialized, "the sweep tells Dagster of every dictionary"
        publications = instance.fetch_materializations(dg.AssetKey("published_warehouse"), limit=100).records
        assert [record.partition_key for record in publications] == [None], "one publication of all partitions"
        add(store, "imported", recipe_of(f"{{import: {store.layout.root.url}/saes/first/jumprelu}}"))
        ran = run_partition(store, "first/imported", instance)
        assert (ran.success, ran.error) == (True, None)
    return store


@pytest.mark.slow
def test_every_other_architecture_runs_through_the_chain(tmp_path: Path):
    files = {path.stem for path in Path(architectures.__path__[0]).glob("[!_]*.py")}
    assert files == {*ARCHITECTURES, *OTHERS, "topk", "neurons", "cross_layer_transcoder"}
    store = small_house(tmp_path, SHORT)
    for name in OTHERS:
        add(store, name, recipe_of(f"{{architecture: {name}, n_features: 64, k: 4}}"))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_sweep(store, [f"first/{name}" for name in OTHERS], instance)
    assert [(r.name, r.error) for r in ran if not r.success] == []
    rows = dict(ask(store, "select recipe_id, (architecture, n_features) from sae"))
    assert rows == {name: (name, 64) for name in OTHERS}
    for name in ("batchtopk", "matryoshka_batchtopk"):
        calibrated = store.datasets.trained(store.registration(f"first/{name}")).facts["calibration"]
        assert calibrated["exported"]["l0"] == pytest.approx(4, abs=0.02), name


def ask(store: Store, query: str) -> list[tuple]:
    con = connect(store.published)
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def test_a_dictionary_of_a_sweep_is_the_one_that_is_trained_alone(house, tmp_path):
    """Bit for bit: the same batches in the same order."""
    alone = Store(home=str(tmp_path), registry=house.registry, warehouse=str(tmp_path / "w.duckdb"))
    for name in ("corpora", "activations", "tables"):
        (tmp_path / name).symlink_to(Path(house.layout.root.path) / name)
    registration = alone.registration("first/jumprelu")
    (tmp_path / "tables").unlink()
    shutil.copytree(Path(house.layout.root.path) / "tables" / "model", tmp_path / "tables" / "model")
    train_sweep(alone, [registration], lambda *told: None)
    found, wanted = (load(store.layout.sae(registration)).tensors() for store in (alone, house))
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_tables_say_what_each_dictionary_is(house):
    rows = dict(ask(house, "select recipe_id, (architecture, output_site, origin, n_features) from sae"))
    for name in ARCHITECTURES:
        assert rows[name] == (name, None, "trained", 64)
    assert rows["transcoder"] == ("batchtopk", "mlp_out.1", "trained", 64)
    assert rows["neurons"] == ("neurons", None, "neurons", 48)
    assert rows["imported"] == ("jumprelu", None, "imported:saelens6", 64)
    assert ask(house, "select count(*) from sae_training where recipe_id in ('neurons', 'imported')") == [(0,)]


def test_an_import_says_of_every_feature_what_its_original_says(house):
    columns = "feature_id, n_firings, max_activation, decoder_norm"
    original, imported = (
        ask(house, f"select {columns} from feature where recipe_id = '{name}' order by all")
        for name in ("jumprelu", "imported")
    )
    assert original == imported


def test_the_exported_l0_is_the_calibrated_one(house):
    """k of a token on the held-out tokens, whatever it was in training."""
    found = house.datasets.trained(house.registration("first/transcoder")).facts["calibration"]
    assert found["exported"]["l0"] == pytest.approx(4, abs=0.02)
    exported = dict(ask(house, "select recipe_id, value from sae_metric where metric = 'l0_exported'"))
    assert exported["transcoder"] == pytest.approx(4, abs=0.02)


def test_an_l0_that_was_not_reached_is_a_failed_check(house):
    def passed(name: str, trained: tuple[float, float], exported: tuple[float, float]) -> bool:
        registration, stages = house.registration(f"first/{name}"), {"trained": trained, "exported": exported}
        strict = registration.recipe.model_copy(update={"quality_bounds": QualityBounds()})
        known = {stage: {"l0": l0, "fvu": fvu} for stage, (l0, fvu) in stages.items()} | {"n_tokens": 9, "factor": 1.0}
        made = house.datasets.trained(registration)
        made = replace(made, facts=made.facts | {"calibration": known})
        results = {str(c.check_name): c.passed for c in checks(replace(registration, recipe=strict), made)}
        assert results["export_equals_trained"]
        return results["l0_matches_target"]

    assert passed("jumprelu", (4.4, 0.2), (4.1, 0.2))
    assert not passed("jumprelu", (6.0, 0.2), (4.5, 0.2)), "4.5 where 4 was wanted"
    assert not passed("jumprelu", (4.0, 0.2), (4.0, 0.3)), "the exported one is worse than the trained"
    assert passed("small", (3.5, 0.2), (3.5, 0.2)), "top-k may have fewer"
    assert not passed("small", (4.1, 0.2), (4.1, 0.2)), "but never more"


def test_a_transcoder_is_measured_where_it_writes(house):
    """FVU and CE by hand: what it writes against the stored activations of the other site."""
    registration = house.registration("first/transcoder")
    source = build_dictionary.training_stream(house, registration, held_out=True)
    rows = torch.cat(list(source.chunks())).float()
    x_TD, y_TE = rows.split(source.widths, dim=1)
    sae = load(house.layout.sae(registration))
    fvu = (y_TE - sae(x_TD)).double().square().sum() / (y_TE - y_TE.mean(0)).double().square().sum()
    [(found,)] = ask(house, "select value from sae_metric where recipe_id = 'transcoder' and metric = 'fvu_exported'")
    assert found == pytest.approx(float(fvu), rel=1e-4)
    config = json.loads((Path(house.layout.sae(registration).path) / "cfg.json").read_text())
    assert (config["architecture"], config["metadata"]["hook_name_out"]) == ("jumprelu_skip_transcoder", "mlp_out.1")
    assert ask(house, "select count(*) > 0 from logit_effect where recipe_id = 'transcoder'") == [(True,)]


def test_neurons_stand_in_the_same_tables(house):
    [(firings, tokens)] = ask(
        house, "select sum(n_firings), any_value(n_tokens) from feature where recipe_id = 'neurons'"
    )
    shards = house.datasets.shards(house.registration("first/neurons"))
    x_TD = torch.cat([batch.x_TD.float() for batch in shards.batches(4096)])
    assert (firings, tokens) == (int((x_TD > 0).sum()), len(x_TD))


def test_the_front_holds_what_nothing_beats(house):
    rows = ask(house, "select recipe_id, site, l0, fvu, is_pareto_fvu from sae_pareto")
    assert len(rows) == 5
    for name, site, l0, fvu, on_front in rows:
        beaten = any(
            s == site and a <= l0 and b <= fvu and (a < l0 or b < fvu) for n, s, a, b, _ in rows if n != "transcoder"
        )
        assert on_front != beaten or name == "transcoder", name


def test_a_second_sweep_makes_nothing(house):
    registrations = sweep_registrations(house, "first", [])
    assert train_sweep(house, registrations, lambda *told: None) == []


def test_a_sweep_names_what_it_does_not_know(house):
    with pytest.raises(ValueError, match="first has no recipe nonsense; it has imported, jumprelu"):
        sweep_registrations(house, "first", ["nonsense"])
    with pytest.raises(ValueError, match="there is no model 'nobody'; the registry holds first"):
        sweep_registrations(house, "nobody", [])


def test_an_import_of_another_width_is_refused(house):
    add(
        house,
        "import-wrong",
        recipe_of(f"{{import: {house.layout.root.url}/saes/first/neurons, allow_mismatch: [site]}}"),
    )
    try:
        with pytest.raises(
            ValueError, match=r"made for activations of width 48, resid_post.@0.5 of this model have 32"
        ):
            build_dictionary.import_or_neurons(house, house.registration("first/import-wrong"))
    finally:
        (Path(house.registry_folder.path) / "recipes" / "import-wrong.yaml").unlink()
