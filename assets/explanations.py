"""Labels: what each feature means, by the recipe's explainer."""

from collections import Counter

import dagster as dg

from assets.feature_statistics import feature_statistics, statistics_identity
from pipelines.compute import on_llm, when_behind
from pipelines.partitions import by_sae
from pipelines.plain_errors import plain_errors
from pipelines.progress import Progress
from pipelines.registry import CODE_VERSION, Registration
from pipelines.store import Store

MAX_FAILED = 0.05

labelled = dg.AssetCheckSpec(
    "labelled",
    asset="explanations",
    description="Of the features that were to be labelled, at most one in twenty has no label.",
)


@dg.asset(
    partitions_def=by_sae,
    deps=[feature_statistics],
    kinds={"parquet"},
    group_name="labels",
    check_specs=[labelled],
    code_version=CODE_VERSION,
    automation_condition=when_behind,
    **on_llm,
)
@plain_errors
def explanations(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """One label a feature, made from examples that no judge is shown; a failure is a row that says so."""
    from models.autointerp.background import token_counts
    from models.autointerp.stages import explain
    from models.pieces import Pieces

    registration = store.registration(context.partition_key)
    settings, identity = registration.recipe.explanations, labels_identity(store, registration)
    explained, asked = store.table("explanation", registration), requests(store, registration, "explain")
    if not (store.made(explained, identity) and store.made(asked, identity)):
        background = token_counts(store.contexts(store.trained(registration)), Pieces.of(store.tokenizer(registration)))
        made = explain(
            store.read_table("example", registration),
            settings,
            background,
            store.ledger(),
            sae_id=registration.sae_id,
            progress=Progress(context, "features"),
        )
        store.write_table(asked, made.requests.drop_columns(["purpose"]), identity)
        store.write_table(explained, made.explanations, identity)
    rows = store.read_table("explanation", registration).to_pylist()
    statuses = Counter(row["status"] for row in rows)
    failed = sum(n for status, n in statuses.items() if status != "ok")
    return dg.MaterializeResult(
        metadata={
            "labels": statuses["ok"],
            "failed": failed,
            "explainer": settings.explainer,
            "cost_usd": sum(row["cost_usd"] or 0.0 for row in rows),
            "statuses": dict(statuses),
            "some_labels": dg.MetadataValue.table(
                [dg.TableRecord({"feature": row["feature_id"], "label": row["label"]}) for row in rows if row["label"]][
                    :20
                ]
                or [_NONE]
            ),
            "dagster/partition_row_count": len(rows),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="labelled",
                passed=failed <= MAX_FAILED * max(len(rows), 1),
                metadata={"statuses": dict(statuses)},
            )
        ],
    )


_NONE = dg.TableRecord({"feature": -1, "label": "none"})


def requests(store: Store, registration: Registration, purpose: str):
    """Where the requests of one purpose are written."""
    return store.table("llm_request", registration) / f"purpose={purpose}"


def labels_identity(store: Store, registration: Registration) -> dict:
    """What labels depend on: the examples, and who labels by which prompt."""
    from models.autointerp.prompts import prompt_sha256

    asked = registration.recipe.explanations
    return {
        "examples": statistics_identity(store, registration),
        "explanations": asked.model_dump(mode="json", exclude={"concurrency"}),
        "prompts": [prompt_sha256("explain"), prompt_sha256("judge")] if asked.asks_llm else [],
        "code": CODE_VERSION,
    }
