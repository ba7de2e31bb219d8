"""Experiments on a vision model from cards to published rows, and cards that ask the wrong kind of model."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from models.experiments.settings_base import method_names, settings_of
from pipelines.experiments.experiment_run import planned_passes, run_experiment, table_folders
from pipelines.registry.registry import Registry
from pipelines.store.store import Store
from storage.folder import Folder
from storage.table_schemas import table_schema
from tests.support.vision_house import vision_house

QUICK = "radii: [5], wavelengths: [4], directions: 4"
CARDS = {
    "shapes": f"method: tuning\nsettings: {{site: embed, stimuli: [arc, line, noise], {QUICK}, replicates: 2}}\n",
    "pictures": "method: optimised_images\n"
    "settings: {site: embed, units: [1], steps: 2, size: 16, pad: 0, images: 2}\n",
    "circuit": "method: unit_circuit\n"
    f"settings: {{source: embed, target: resid_post.0, units: [0], {QUICK}, replicates: 4, random_sets: 2}}\n",
    "steered": "method: image_steering\nprompt_set: seen\n"
    "settings: {site: resid_post.0, units: [1], strengths: [1], random_units: 1, random_directions: 1}\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("asked")
    store = vision_house(root, "resnet")
    for folder in ("experiments", "prompt_sets"):
        (root / "registry" / folder).mkdir()
    paths = sorted((root / "pictures").rglob("*.png"))[:4]
    rows = "".join(f"  - {{prompt: {path}, group: g{number}}}\n" for number, path in enumerate(paths))
    (root / "registry/prompt_sets/seen.yaml").write_text(f"kind: images\nprompts:\n{rows}")
    for name, text in CARDS.items():
        (root / f"registry/experiments/{name}.yaml").write_text(text)
    return store


@pytest.mark.parametrize("name", CARDS)
def test_a_card_becomes_rows_that_the_schema_takes(house: Store, name: str):
    registration = house.experiment(f"seen/{name}")
    assert planned_passes(house, registration).passes.forward > 0
    first = run_experiment(house, registration)
    assert run_experiment(house, registration).manifest.identity == first.manifest.identity
    assert run_experiment(house, registration).remade_because is None
    schemas = Path(__file__).parents[2] / "sql" / "schema"
    folders = table_folders(house, registration)
    with closing(duckdb.connect()) as con:
        for table in registration.settings.tables:
            files = f"{folders[table].path}/*.parquet"
            [rows] = con.execute("select count(*) from read_parquet(?)", [files]).fetchall()
            assert rows[0] > 0, table
            con.execute((schemas / f"{table}.sql").read_text())
            columns = ", ".join(f'"{column}"' for column in table_schema(table).names)
            keyed = f"insert into {table} (model_id, experiment_id, {columns}) select 'seen', ?, {columns}"
            con.execute(f"{keyed} from read_parquet(?)", [name, files])


def test_methods_ask_models_of_their_kind(house: Store, tmp_path: Path):
    asked = {key.partition("/")[2] for key in house.cards().experiment_keys()}
    assert asked == set(CARDS), "every card asks all models that it can"
    assert {settings_of(name).asks for name in method_names()} == {"language", "vision"}
    for folder in ("models", "recipes", "experiments", "prompt_sets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "models/seen.yaml").write_text("source: x\nimages: {source: pictures}\n")
    (tmp_path / "models/read.yaml").write_text("source: x\ncorpus: {source: stdlib}\n")
    (tmp_path / "prompt_sets/words.yaml").write_text("prompts: [{prompt: def}]\n")
    (tmp_path / "experiments/lens.yaml").write_text("method: logit_lens\nprompt_set: words\nmodels: [seen]\n")
    (tmp_path / "experiments/shapes.yaml").write_text("method: tuning\nmodels: [read]\nsettings: {site: embed}\n")
    (tmp_path / "experiments/worded.yaml").write_text("method: tuning\nprompt_set: words\nsettings: {site: embed}\n")
    (tmp_path / "experiments/bare.yaml").write_text("method: logit_lens\n")
    errors = Registry.read(Folder(str(tmp_path))).errors
    assert "logit_lens asks a language model, and seen is one of images" in errors["experiments/lens.yaml"]
    assert "tuning asks a vision model, and read is one of text" in errors["experiments/shapes.yaml"]
    assert "leave `prompt_set` out" in errors["experiments/worded.yaml"]
    assert "reads a prompt set of kind prompts" in errors["experiments/bare.yaml"]
