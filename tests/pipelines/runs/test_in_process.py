"""The whole chain on a tiny model: what it leaves, that it does nothing twice, and that a model that arrives gets its
own run."""

import hashlib
import json
import re
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from experiment_rows import method_tables
from small_house import RECIPE, small_house, write_model_card
from starlette.testclient import TestClient

from models.activations.shards import ActivationShards
from models.dictionaries.saelens_format import load
from pipelines.definitions import defs
from pipelines.labels.label_writing import known_labels, write_human_label
from pipelines.runs.in_process import run_partition
from pipelines.sensors import invalid_cards, new_models
from pipelines.store.publication import publish_store
from sql.warehouse import connect
from storage.folder import Folder
from tests.support.table_hashes import table_hashes
from web.app import app

NEEDS_A_KEY = {"llm_request"}
NEEDS_AN_ENCODER = {"label_embedding"}
LIST = "title: Totals\nfeatures: [{feature: first/small/3, note: the word}]\n"
NEEDS_ANOTHER_DICTIONARY = {"feature_match"}
NEEDS_ALIKE_FEATURES = {"feature_family", "feature_parent"}
NEEDS_IMAGES = {"image", "patch_example", "feature_class", "monosemanticity"}
NEEDS_AN_IMPORTED_GRAPH = {"graph_import", "imported_node"}


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="module")
def house(tmp_path_factory, instance):
    probed = RECIPE.replace(", probe_tokens: 0", "")
    assert probed != RECIPE
    store = small_house(tmp_path_factory.mktemp("house"), probed)
    written = {"labels/first/small.csv": "feature,label,author\n3,the word total,anna\n", "lists/totals.yaml": LIST}
    for name, text in written.items():
        file = Path(store.registry_folder.path) / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
    ran = run_partition(store, "first/small", instance)
    assert (ran.success, ran.failed_checks) == (True, ()), ran
    return store


def ask(store, query, **values):
    con = connect(store.published)
    try:
        return con.execute(query, values or None).fetchall()
    finally:
        con.close()


def files(store) -> dict[str, int]:
    root = Path(store.layout.root.path)
    return {
        str(p.relative_to(root)): p.stat().st_mtime_ns
        for p in root.rglob("*")
        if p.is_file() and p.suffix in (".parquet", ".safetensors")
    }


def test_every_table_is_filled(house):
    con = connect(house.published)
    empty = [name for name in table_hashes(con) if con.execute(f'select count(*) from "{name}"').fetchone() == (0,)]
    metrics = {name for (name,) in con.execute("select metric from sae_metric").fetchall()}
    con.close()
    assert {"fvu", "ce_recovered", "sparse_probing_k1"} <= metrics
    of_experiments = {"experiment", "prompt", *method_tables()}
    of_others = NEEDS_A_KEY | NEEDS_AN_ENCODER | NEEDS_ANOTHER_DICTIONARY | NEEDS_ALIKE_FEATURES
    assert set(empty) - of_experiments == of_others | NEEDS_IMAGES | NEEDS_AN_IMPORTED_GRAPH


def test_what_only_images_have_says_why_it_has_no_rows_of_text(house):
    manifest = house.tables.manifest_of("monosemanticity", house.registration("first/small"))
    assert (manifest.rows, manifest.facts["reason"].partition(":")[0]) == (0, "a model of text sees no images")


def test_a_persons_label_is_rated_scored_and_shown_first_and_stands_on_its_list(house):
    [(explainer, author, label)] = ask(
        house, "select explainer, author, label from _feature_summary where feature_id = 3"
    )
    assert (explainer, author, label) == ("human", "anna", "the word total")
    labels = "from feature_label join feature_list_entry using (model_id, recipe_id, feature_id)"
    shown = dict(ask(house, f"select explainer, n_ratings {labels}"))
    assert shown["human"] == shown["lexical"] > 0
    assert ask(house, f"select count(*) {labels} where detection is not null and note = 'the word'") == [(2,)]


def test_the_warehouse_says_what_the_exported_files_say(house):
    """Density, maximum, histogram and L0 again, in numpy, from the shards and the exported weights alone."""
    sae = load(Folder(house.layout.root.url) / "saes" / "first" / "small")
    shards = ActivationShards.open(Folder(house.layout.root.url) / "activations" / "first" / "resid_post.1")
    x_TD = np.concatenate([batch.x_TD.float().numpy() for batch in shards.batches(4096)])
    W_enc, b_enc, b_dec = (sae.tensors()[name].detach().numpy() for name in ("W_enc", "b_enc", "b_dec"))
    pre_TF = (x_TD - b_dec) @ W_enc + b_enc
    kept_TF = np.where(pre_TF >= np.sort(pre_TF, axis=1)[:, -4][:, None], np.maximum(pre_TF, 0), 0)

    found = ask(house, "select n_firings, n_tokens, max_activation from feature order by feature_id")
    assert [row[0] for row in found] == (kept_TF > 0).sum(axis=0).tolist()
    assert {row[1] for row in found} == {len(x_TD)}
    np.testing.assert_allclose([row[2] or 0 for row in found], kept_TF.max(axis=0), rtol=1e-5)
    bins = ask(house, "select feature_id, sum(n) from activation_histogram group by all order by all")
    assert [n for _, n in bins] == [row[0] for row in found]
    assert ask(house, "select count(*) from feature_activation") == [((kept_TF > 0).sum(),)]


def test_a_second_run_makes_nothing(house, instance):
    before = files(house)
    assert run_partition(house, "first/small", instance).success
    assert files(house) == before


def test_a_persons_label_of_another_dictionary_is_left_out_and_said(house, instance):
    """Numbers mean other features in a dictionary that was trained anew."""
    label = write_human_label(house, "first/small", 5, "the word class", "anna", lambda now: True)
    weights = Path(house.layout.root.path) / "saes" / "first" / "small" / "sae_weights.safetensors"
    assert label.dictionary == hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    file = Path(house.registry_folder.path) / "labels" / "first" / "small.csv"
    file.write_text(file.read_text() + "6,the word def,anna,,0123456789ab\n64,beyond its features,anna,,0123456789ab\n")

    ran = run_partition(house, "first/small", instance, "label")
    assert ran.success
    [told] = ran.failed_checks
    assert told.startswith(
        "explanations.people_labels_of_this_dictionary: 2 of 4 labels that people wrote of first/small"
    )
    people = ask(house, "select feature_id, label from explanation where explainer = 'human' order by feature_id")
    assert people == [(3, "the word total"), (5, "the word class")]


def test_an_entry_of_a_list_that_is_of_another_dictionary_is_left_out_and_said(house):
    file = Path(house.registry_folder.path) / "lists" / "totals.yaml"
    mine = known_labels(house, "first/small", 5)[0].dictionary
    try:
        file.write_text(
            "title: Totals\nfeatures:\n"
            f"  - {{feature: first/small/3, dictionary: {mine}}}\n"
            "  - {feature: first/small/5, dictionary: 0123456789ab}\n"
        )
        [told] = publish_store(house).outdated
        assert "lists/totals.yaml: first/small/5 is of the dictionary 0123456789ab, and there is " + mine in told
        assert ask(house, "select place, feature_id from feature_list_entry") == [(0, 3)]
        file.write_text("title: Totals\nfeatures: [{feature: first/small/5, dictionary: 0123456789ab}]\n")
        assert len(publish_store(house).outdated) == 1
        assert TestClient(app(house.published)).get("/list/totals").status_code == 200, "a list of nothing has a page"
    finally:
        file.write_text(LIST)
        assert publish_store(house).findings == []


def sensed(store, instance, cursor=None) -> tuple[list[dg.RunRequest], str, list[str]]:
    """Runs requested, the new cursor, and partitions added."""
    resources = {"store": store}
    with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs, resources=resources) as context:
        result = new_models(context)
    assert isinstance(result, dg.SensorResult)
    added = [key for request in result.dynamic_partitions_requests or [] for key in request.partition_keys]
    return list(result.run_requests or []), result.cursor or "", added


def test_a_model_that_arrives_gets_a_run_and_nothing_else_does(house, instance):
    root = Path(house.registry_folder.path).parent
    requests, cursor, _ = sensed(house, instance)
    assert [r.partition_key for r in requests] == ["first/small"]
    assert sensed(house, instance, cursor)[0] == []

    weights = write_model_card(root, "other", "bert")
    arrived, cursor, added = sensed(house, instance, cursor)
    assert [(r.partition_key, r.job_name) for r in arrived] == [("other/small", "full_pipeline")]
    assert added == ["other/small"]
    before = {name: at for name, at in files(house).items() if "first" in name}
    assert run_partition(house, "other/small", instance).success
    assert {name: at for name, at in files(house).items() if "first" in name} == before
    assert ask(house, "select sae_id from sae_summary order by all") == [("first/small",), ("other/small",)]
    metrics = {name for (name,) in ask(house, "select metric from sae_metric where model_id = 'other'")}
    assert {"l0", "fvu", "dead_fraction", "shrinkage_gamma"} <= metrics
    assert not [name for name in metrics if name.startswith("ce_") or name == "kl"], "an encoder predicts no next token"
    assert ask(house, "select count(*) from logit_effect where model_id = 'other'") == [(0,)]
    assert ask(house, "from stale") == []

    assert sensed(house, instance, cursor)[0] == []
    state = (weights / "model.safetensors").read_bytes()
    (weights / "model.safetensors").write_bytes(
        state[:-40_000] + bytes(b ^ 1 for b in state[-40_000:-39_000]) + state[-39_000:]
    )
    changed, _, _ = sensed(house, instance, cursor)
    assert [r.partition_key for r in changed] == ["other/small"]
    assert changed[0].run_key != arrived[0].run_key


def test_changed_labels_run_the_job_of_labels_only(house, instance):
    _, cursor, _ = sensed(house, instance)
    card = Path(house.registry_folder.path) / "recipes" / "small.yaml"
    text = card.read_text()
    try:
        card.write_text(text + "explanations: {features: 10}\n")
        requests, _, _ = sensed(house, instance, cursor)
    finally:
        card.write_text(text)
    assert {r.job_name for r in requests} == {"label"}


def test_every_materialization_leads_to_its_page(house, instance):
    for key in defs.resolve_asset_graph().materializable_asset_keys:
        event = instance.get_latest_materialization_event(key)
        if event is not None and event.asset_materialization is not None:
            page = event.asset_materialization.metadata["page"].value
            assert re.search(r":8765(/|/model/(first|other)|/sae/(first|other)/small)$", str(page)), key


def test_a_malformed_card_is_said_and_holds_nothing_up(house, instance):
    card = Path(house.registry_folder.path) / "models" / "broken.yaml"
    card.write_text("source: here\ncolour: red\n")
    try:
        with dg.build_sensor_context(resources={"store": house}) as context:
            result = invalid_cards(context)
        assert isinstance(result, dg.SensorResult)
        [event] = result.asset_events
        sentence = str(event.metadata["models/broken.yaml"].value)
        assert "broken.yaml, line 2: colour = 'red': unknown key" in sentence
        assert "first/small" in json.loads(sensed(house, instance)[1])["seen"]
    finally:
        card.unlink()
