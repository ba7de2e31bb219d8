"""The files of a made-up method: arithmetic, settings, table, asset, query and panel."""

FILES = {
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
