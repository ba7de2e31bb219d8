"""A method is its files: in a copy of the tree with a few more, its asset runs in the graph, its table is published,
its panel shown, its section read from the card, and the pages of the docs cover it."""

import difflib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tree_copy import python_in, tree_with

NEW = {
    "models/features/axis_share.py": '''"""How much of each decoder direction lies on its largest entries."""

import pyarrow as pa


def axis_shares(W_dec, n_entries):
    squares_FD = W_dec.double() ** 2
    share_F = squares_FD.topk(n_entries, dim=1).values.sum(1) / squares_FD.sum(1)
    rows = {"feature_id": pa.array(range(len(share_F)), pa.int32()), "axis_share": pa.array(share_F.tolist())}
    return pa.table(rows)
''',
    "models/features/axis_share_config.py": '''"""What is counted of decoder directions."""

from typing import Annotated

from models.bounds import Bounds
from models.config_base import MethodSettings


class AxisShareSettings(MethodSettings):
    """How much of each decoder direction lies on its largest entries."""

    section = "axis_share"

    n_entries: Annotated[int, Bounds(1, 100)] = 2
    """Largest entries that are counted."""
''',
    "storage/table_schemas/axis_share.py": '''"""Columns of the Parquet files of the table `axis_share`, whose folders \
name model_id and recipe_id."""

import pyarrow as pa

SCHEMA = pa.schema(
    [pa.field("feature_id", pa.int32(), nullable=False), pa.field("axis_share", pa.float64(), nullable=False)]
)
''',
    "sql/schema/axis_share.sql": """-- How much of each decoder direction lies on its largest entries.
create table axis_share (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    axis_share double not null,
    check (axis_share > 0 and axis_share < 1.000001)
);

comment on table axis_share is 'One row per (model_id, recipe_id, feature_id): concentration of a decoder \
direction. Refers to feature (model_id, recipe_id, feature_id)';
comment on column axis_share.model_id is 'Card of the model [id]';
comment on column axis_share.recipe_id is 'Card of the recipe [id]';
comment on column axis_share.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column axis_share.axis_share is 'Fraction of the squared norm on the largest entries [1]';
""",
    "assets/axis_share.py": '''"""How much of each decoder direction lies on its largest entries."""

import dagster as dg

from assets.sae import sae
from models.features.axis_share_config import AxisShareSettings
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.identities.stages.sae import SAE
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.store import Store

AXIS_SHARE = StageIdentity("axis_share", "1", fields=("recipe.axis_share.n_entries",), inputs=(SAE,))


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[sae],
    group_name="dictionary",
    code_version=AXIS_SHARE.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@fail_without_retry
def axis_share(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """The share of each decoder direction's squared norm that lies on its largest entries."""
    from models.dictionaries.saelens_format import load
    from models.features.axis_share import axis_shares

    registration = store.registration(context.partition_key)
    identity = AXIS_SHARE.identity(registration, [store.datasets.trained(registration).identity])
    folder = store.layout.table("axis_share", registration)
    if why := why_made(identity, folder):
        settings = registration.recipe.section(AxisShareSettings)
        decoder = load(store.layout.sae(registration)).W_dec
        store.tables.write(folder, axis_shares(decoder, settings.n_entries), identity)
    return dg.MaterializeResult(metadata={"remade_because": why or NOT_MADE})
''',
    "web/queries/axis_share.sql": """-- How much of the feature's direction lies on its largest entries.
select axis_share
from axis_share
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;
""",
    "web/panels/feature/95_axis_share.html": """{# asks: axis_share #}
{% set title = "On its largest entries" %}
{% for row in ask("axis_share") %}
<p data-axis-share="{{ row.axis_share }}">{{ row.axis_share | percent }}</p>
{% endfor %}
""",
}
CHAIN = """
import json, sys
from contextlib import closing
from pathlib import Path

import dagster as dg
from small_house import RECIPE, small_house
from starlette.testclient import TestClient

import models
from pipelines.definitions import defs
from pipelines.runs.in_process import run_partition
from sql.warehouse import connect
from web.app import app

place, few = Path(sys.argv[1]), RECIPE.replace("tokens: 16_384", "tokens: 4_096")
section = "    axis_share: {n_entries: %d}\\n"
recipe = f"{few.rstrip()}\\n    explanations: {{features: 1, scorers: []}}\\n"
store = small_house(place, recipe + section % 3)
card = place / "registry" / "recipes" / "small.yaml"


def job(name): return sorted(k.to_user_string() for k in defs.resolve_job_def(name).asset_layer.executable_asset_keys)


def looked_up():
    with closing(connect(store.published)) as con:
        con.execute("set threads = 1")
        shares = con.execute("select feature_id, axis_share from axis_share order by feature_id").fetchall()
    pages = TestClient(app(store.published))
    return {"shares": shares, "page": pages.get("/sae/first/small/1").text}


graph = defs.resolve_asset_graph()
publication = graph.get(dg.AssetKey("published_warehouse"))
found = {
    "from": list(models.__path__)[0],
    "group": graph.get(dg.AssetKey("axis_share")).group_name,
    "published": dg.AssetKey("axis_share") in publication.parent_keys,
    "jobs": {name: "axis_share" in job(name) for name in ("harvest", "train", "label", "full_pipeline")},
}
with dg.DagsterInstance.ephemeral() as instance:
    ran = run_partition(store, "first/small", instance)
    assert ran.success, ran.error
    found["first"] = looked_up()
    card.write_text(card.read_text().replace("n_entries: 3", "n_entries: 5"))
    again = run_partition(store, "first/small", instance, "train")
    assert again.success, again.error
    found["second"] = looked_up()
    found["remade"] = list(again.remade)
found["sae"] = str(store.layout.sae(store.registration("first/small")).path)
json.dump(found, sys.stdout)
"""
PAGES = {
    "docs/warehouse.md": ("sql.documentation", ["### `axis_share`", "| `axis_share` |"]),
    "docs/card-reference.md": ("pipelines.registry.card_documentation", ["axis_share:", "  n_entries: 2"]),
}
"""What writes each page, and beginnings of lines that it has of the method. Tests hold the pages to what is written."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_with(tmp_path_factory.mktemp("copy"), NEW)


@pytest.fixture(scope="module")
def made(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole chain made on a tiny model: by a recipe that asks for three entries, then for five."""
    ran = python_in(tree, "-c", CHAIN, str(tmp_path_factory.mktemp("house")))
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout[ran.stdout.index('{"from"') :])
    assert told["from"].startswith(str(tree)), "the copy was run"
    return told


def by_hand(made: dict[str, Any], n_entries: int) -> list[float]:
    """The shares, from the exported weights."""
    weights = load_file(Path(made["sae"]) / "sae_weights.safetensors")
    squares_FD = np.sort(weights["W_dec"].astype(np.float64) ** 2, axis=1)
    return (squares_FD[:, -n_entries:].sum(axis=1) / squares_FD.sum(axis=1)).tolist()


def test_its_asset_stands_in_the_graph_and_is_published(made: dict[str, Any]):
    assert made["group"] == "dictionary"
    assert made["published"]
    assert made["jobs"] == {"harvest": False, "train": True, "label": False, "full_pipeline": True}


@pytest.mark.parametrize(("time", "n_entries"), [("first", 3), ("second", 5)])
def test_its_table_has_rows_as_its_section_asks(made: dict[str, Any], time: str, n_entries: int):
    features, shares = zip(*made[time]["shares"], strict=True)
    assert features == tuple(range(64))
    assert shares == pytest.approx(by_hand(made, n_entries))
    assert f'data-axis-share="{shares[1]}"' in made[time]["page"]


def test_a_changed_setting_remakes_its_table_and_nothing_else(made: dict[str, Any]):
    assert made["remade"] == ["axis_share: recipe.axis_share.n_entries was 3, is 5"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_of_the_docs_that_is_written_from_the_code_covers_it(tree: Path, page: str):
    module, wanted = PAGES[page]
    before, written = (tree / page).read_text("utf-8"), python_in(tree, "-m", module).stdout
    changes = list(difflib.ndiff(before.splitlines(), written.splitlines()))
    assert not [line for line in changes if line.startswith("- ")]
    added = [line[2:] for line in changes if line.startswith("+ ")]
    assert [begin for begin in wanted if not any(line.startswith(begin) for line in added)] == []
