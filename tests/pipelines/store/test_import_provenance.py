"""An imported dictionary is read where its file says that it belongs; elsewhere only where the recipe allows it."""

import json
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import torch
from small_house import RECIPE, small_house

from assets.activations import activations
from assets.context_frame import context_frame
from assets.corpus import corpus
from assets.sae import checks, sae
from models.dictionaries.base import SparseDictionary
from models.dictionaries.config import SAESettings
from models.dictionaries.registry import architecture
from models.dictionaries.saelens_format import Provenance, export
from models.interchange import sae_import
from pipelines.runs.in_process import run_partition, write_tables
from pipelines.store.import_provenance import OtherProvenance, refuse_other_provenance
from pipelines.store.store import Store
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest

WIDTH = 32
RIGHT = {"hook_name": "blocks.1.hook_resid_post", "hook_name_out": None, "context_size": 32, "model_name": "first"}
ELSEWHERE = {"hook_name": "blocks.9.attn.hook_z", "model_name": "gpt2-small"}


def random_dictionary() -> SparseDictionary:
    asked = SAESettings(architecture="jumprelu", n_features=64, k=4)
    return architecture("jumprelu").build(asked, WIDTH, torch.Generator().manual_seed(0))


def imported(store: Store, name: str, allow: str = "", site: str = "resid_post.1", **metadata: Any) -> str:
    """Adds a recipe that imports a random dictionary whose file says so; returns its partition."""
    folder = Folder(f"{store.layout.root.url}/theirs/{name}")
    export(random_dictionary(), folder, Provenance())
    config = json.loads(folder.read_bytes("cfg.json"))
    config["metadata"] |= RIGHT | metadata
    folder.write_bytes("cfg.json", json.dumps(config).encode())
    lines = textwrap.dedent(RECIPE).strip().splitlines()
    card = [f"site: {site}", f"sae: {{import: {folder.url}{allow}}}", *lines[2:-1], "explanations: {features: 2}"]
    bounds = "quality_bounds: {max_fvu: 1000, max_dead_fraction: 1, min_ce_recovered: -1000}"
    (Path(store.registry_folder.path) / "recipes" / f"{name}.yaml").write_text("\n".join([*card, bounds]) + "\n")
    return f"first/{name}"


@pytest.fixture
def house(tmp_path: Path) -> Store:
    return small_house(tmp_path)


def refused(store: Store, sae_id: str) -> str:
    with pytest.raises(OtherProvenance) as error:
        refuse_other_provenance(store, store.registration(sae_id))
    return str(error.value)


def test_a_dictionary_of_another_hook_and_model_is_refused_before_anything_runs(house: Store):
    name = imported(house, "wrong", **ELSEWHERE)
    said = refused(house, name)
    source = house.registration(name).model.source
    assert f"model gpt2-small, not {source}" in said
    assert "site blocks.9.attn.hook_z (z.9), not resid_post.1" in said
    assert "`sae.allow_mismatch: [model, site]`" in said
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_partition(house, name, instance)
    assert not ran.success
    assert "blocks.9.attn.hook_z" in str(ran.error)
    assert not Folder(f"{house.layout.root.url}/tables").exists(), "nothing was made"


@pytest.mark.parametrize(
    ("site", "metadata", "said"),
    [
        ("resid_post.@1", {}, "site blocks.1.hook_resid_post (resid_post.1), not resid_post.2"),
        ("resid_post.1", {"context_size": 128}, "context_length 128, not 32"),
        (
            "resid_post.1",
            {"hook_name": "somewhere"},
            "somewhere (a name that means no site known here), not resid_post.1",
        ),
        (
            "resid_post.1",
            {"model_from_pretrained_kwargs": {"center_writing_weights": True}},
            "model_processing center_writing_weights, not the weights as they are stored",
        ),
    ],
)
def test_what_the_cards_know_is_compared_at_once(house: Store, site: str, metadata: dict, said: str):
    assert said in refused(house, imported(house, "wrong", site=site, **metadata))


def test_what_is_the_same_under_another_name_passes(house: Store):
    for number, hook in enumerate(("blocks.1.hook_resid_post", "blocks.2.hook_resid_pre", "transformer.h.1", None)):
        refuse_other_provenance(house, house.registration(imported(house, f"right-{number}", hook_name=hook)))


def test_only_what_is_allowed_is_let_through(house: Store):
    assert "`sae.allow_mismatch: [model, site]`" in refused(
        house, imported(house, "half", ", allow_mismatch: [site]", **ELSEWHERE)
    )
    refuse_other_provenance(
        house, house.registration(imported(house, "whole", ", allow_mismatch: [model, site]", **ELSEWHERE))
    )


def test_bos_is_compared_with_the_frame_that_was_chosen(house: Store):
    card = Path(house.registry_folder.path) / "models" / "first.yaml"
    text = card.read_text()
    name = imported(house, "bos", prepend_bos=True)
    refuse_other_provenance(house, house.registration(name))  # auto has not decided yet
    card.write_text(text + "prepend_bos: false\n")
    assert "prepend_bos true, not false" in refused(house, name)


def test_what_is_allowed_is_a_failed_check_and_stands_in_the_tables(house: Store):
    name = imported(house, "elsewhere", ", allow_mismatch: [model, site]", **ELSEWHERE)
    right = imported(house, "right")
    with dg.DagsterInstance.ephemeral() as instance:
        made = [write_tables(house, right, instance), run_partition(house, name, instance)]
        assert [(ran.success, ran.error) for ran in made] == [(True, None)] * 2
    results = {
        n: next(c for c in checks(house.registration(n), house.datasets.trained(house.registration(n)))
                if c.check_name == "provenance_matches")
        for n in (name, right)
    }  # fmt: skip
    assert results[right].passed
    failed = results[name]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "site blocks.9.attn.hook_z (z.9), not resid_post.1" in str(failed.description)
    with closing(connect(house.published)) as con:
        rows = dict(con.execute("select recipe_id, provenance_mismatch from sae").fetchall())
        summary = dict(con.execute("select recipe_id, provenance_mismatch from sae_summary").fetchall())
    assert rows == summary
    assert rows["right"] is None
    assert rows["elsewhere"].startswith("model gpt2-small, not ")


def test_nothing_is_asked_of_a_recipe_that_imports_nothing(house: Store):
    refuse_other_provenance(house, house.registration("first/small"))


def test_a_foreign_file_is_not_read_again_where_nothing_is_made(house: Store, monkeypatch: pytest.MonkeyPatch):
    name, read = imported(house, "right"), []
    plain = sae_import.read_foreign
    monkeypatch.setattr(sae_import, "read_foreign", lambda *asked: read.append(asked) or plain(*asked))
    chain: list[Any] = [context_frame, corpus, activations]
    for wanted in (2, 2):  # for the frame and for the harvest, then no more
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions("sae", [name])
            assert dg.materialize(chain, partition_key=name, instance=instance, resources={"store": house}).success
        assert len(read) == wanted
    wrong = imported(house, "wrong", **ELSEWHERE)
    whole: list[Any] = [*chain, sae]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sae", [wrong])
        ran = dg.materialize(
            whole, partition_key=wrong, instance=instance, resources={"store": house}, raise_on_error=False
        )
    assert [event.step_key for event in ran.all_events if event.is_step_failure] == ["sae"]


def test_a_dictionary_of_before_files_were_compared_passes_the_check(house: Store):
    of_before = Manifest({}, facts={"agree": True, "calibration": None})
    [check] = [c for c in checks(house.registration("first/small"), of_before) if c.check_name == "provenance_matches"]
    assert check.passed
