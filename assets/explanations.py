"""Labels: what each feature means, by the recipe's explainers."""

from collections import Counter
from typing import Any

import dagster as dg

from assets.feature_statistics import feature_statistics
from assets.logit_effects import logit_effects
from assets.neighbors import neighbors
from models.autointerp.human_labels import EXPLAINER
from pipelines.dagster_support.metadata import page_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import LLM_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.human_labels import explained_rows, human_labels
from pipelines.labels.image_labels import by_feature, class_rows, explanation_rows
from pipelines.labels.inputs import explained_identity, feature_data, labeling_setup, write_requests
from pipelines.labels.requested_features import requested
from pipelines.registry.identities.stages.explanations import EXPLANATIONS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store

MAX_FAILED = 0.05

failure_rate = dg.AssetCheckSpec(
    "label_failure_rate",
    asset="explanations",
    description="Of the labels that were to be made, at most one in twenty failed.",
)
people_labels = dg.AssetCheckSpec(
    "people_labels_of_this_dictionary",
    asset="explanations",
    description="Labels that people wrote are of this dictionary: in one that was trained anew numbers mean other "
    "features.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[feature_statistics, logit_effects, neighbors],
    kinds={"parquet"},
    group_name="labels",
    check_specs=[failure_rate, people_labels],
    code_version=EXPLANATIONS.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **LLM_STEP,
)
@recorded_stage
@fail_without_retry
def explanations(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """A label a feature from each explainer, made from examples that no judge is shown; a failure is a row that says
    so. Labels that people wrote (`registry/labels`) are rows of the explainer `human`."""
    from models.autointerp.stages import label_features, with_human_labels

    registration = store.registration(context.partition_key)
    identity, folder = explained_identity(store, registration), store.layout.table("explanation", registration)
    people, left_out = human_labels(store, registration)
    if why := why_made(identity, folder):
        context.log.info(f"labelling because {why}")
        tables, reason, offline = dict[str, Any](), None, None
        if registration.model.images_seen is not None:
            tables["feature_class"], reason = class_rows(store, registration)
            offline = explanation_rows(registration, tables["feature_class"])
        if (kept := explained_rows(store, registration, identity)) is not None:
            rows = with_human_labels(kept, registration.sae_id, people)
        else:
            known, setup = feature_data(store, registration), labeling_setup(store, registration)
            made = label_features(known, setup, requested(store, registration), Progress(context, "labels"), people)
            write_requests(store, registration, ["explain"], made.answers, identity)
            rows = made.rows if offline is None else by_feature(made.rows, offline)
        tables["explanation"] = rows
        store.tables.write_together(store.layout.tables_of(tables, registration), tables, identity, {"reason": reason})
        return _result(store.tables.read("explanation", registration).to_pylist(), registration, why, left_out, reason)
    return _result(store.tables.read("explanation", registration).to_pylist(), registration, why, left_out)


def _result(
    rows: list[dict[str, Any]],
    registration: SAERegistration,
    why: str | None,
    left_out: str | None,
    none_because: str | None = None,
) -> dg.MaterializeResult:
    statuses = Counter(row["status"] for row in rows)
    failed = sum(n for status, n in statuses.items() if status != "ok")
    some = [{"feature": row["feature_id"], "label": row["label"]} for row in rows if row["label"]][:20]
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "labels": statuses["ok"],
            "failed": failed,
            **({"none_because": none_because} if none_because else {}),
            "explainer": ", ".join(registration.recipe.explanations.explainers),
            "by_people": sum(row["explainer"] == EXPLAINER for row in rows),
            "cost_usd": sum(row["cost_usd"] or 0.0 for row in rows),
            "statuses": dict(statuses),
            "some_labels": dg.MetadataValue.table([dg.TableRecord(row) for row in some or [_NONE]]),
            "dagster/partition_row_count": len(rows),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="label_failure_rate",
                passed=failed <= MAX_FAILED * max(len(rows), 1),
                metadata={"statuses": dict(statuses)},
            ),
            dg.AssetCheckResult(
                check_name="people_labels_of_this_dictionary",
                passed=left_out is None,
                severity=dg.AssetCheckSeverity.WARN,
                description=left_out,
            ),
        ],
    )


_NONE = {"feature": -1, "label": "none"}
