"""Families of features that point alike, and which features stand under which."""

from typing import TYPE_CHECKING

import dagster as dg

from assets.feature_statistics import feature_statistics
from models.features.feature_families_config import FeatureFamilySettings
from pipelines.dagster_support.data_versions import data_version
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.resources import GPU_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.feature_families import FEATURE_FAMILIES
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import numpy as np


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics],
    kinds={"torch", "parquet"},
    group_name="features",
    code_version=FEATURE_FAMILIES.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **GPU_STEP,
)
@recorded_stage
@fail_without_retry
def feature_families(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Groups of features whose decoder directions point alike, and for each feature the more general one that fires
    wherever it does, or that points its way and never fires with it. The trees need the codes."""
    registration = store.registration(context.partition_key)
    identity = FEATURE_FAMILIES.identity(registration, [store.tables.manifest_of("feature", registration).identity])
    folders = store.layout.tables_of(("feature_family", "feature_parent"), registration)
    if why := why_made(identity, *folders.values()):
        context.log.info(f"grouping because {why}")
        rows = {name: rows_as_table(name, found) for name, found in _rows(store, registration).items()}
        store.tables.write_together(folders, rows, identity)
    families = store.tables.read("feature_family", registration)
    edges = store.tables.read("feature_parent", registration).column("kind").to_pylist()
    return dg.MaterializeResult(
        data_version=data_version(identity),
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "families": len(set(families.column("family_id").to_pylist())),
            "features_in_families": families.num_rows,
            "parents_by_cofiring": edges.count("cofire"),
            "absorbed": edges.count("absorbed"),
            "dagster/partition_row_count": families.num_rows + len(edges),
        },
    )


def _rows(store: Store, registration: SAERegistration) -> dict[str, list[dict[str, object]]]:
    """Members of families, the nearest to the family's mean first, and edges of trees."""
    import numpy as np

    from models.features.feature_families import feature_families as families_of
    from models.features.feature_parents import feature_parents

    table = store.tables.read("feature", registration).sort_by("feature_id")
    settings, decoder = (
        registration.recipe.section(FeatureFamilySettings),
        store.datasets.dictionary(registration).W_dec,
    )
    found = families_of(decoder, table.column("is_dead").to_numpy(), settings)
    members = [
        {"feature_id": feature, "family_id": family, "rank": rank, "score": float(found.score_F[feature])}
        for family in range(int(found.family_F.max(initial=-1)) + 1)
        for rank, feature in enumerate(_nearest_first(np.flatnonzero(found.family_F == family), found.score_F))
    ]
    codes, edges = store.datasets.codes(registration), []
    if codes is not None:
        n_tokens = int(table.column("n_tokens").to_numpy().max(initial=1))
        for edge in feature_parents(codes, decoder, n_tokens, settings):
            row = {"feature_id": edge.child, "parent_id": edge.parent, "kind": edge.kind}
            edges.append(row | {"share": edge.share, "lift": edge.lift, "cosine": min(1.0, max(-1.0, edge.cosine))})
    return {"feature_family": members, "feature_parent": edges}


def _nearest_first(members_M: "np.ndarray", score_F: "np.ndarray") -> list[int]:
    return sorted(members_M.tolist(), key=lambda feature: (-score_F[feature], feature))
