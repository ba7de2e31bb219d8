"""How well labels predict where features fire, and what they do: the recipe's scorers."""

from functools import partial

import dagster as dg

from assets.specificity_ratings import specificity_ratings
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import LLM_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.inputs import feature_data, labeling_setup, scored_identity, write_requests
from pipelines.registry.identities.stages.label_scores import LABEL_SCORES
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.model_loading import load_scoring_model
from pipelines.store.store import Store

MAX_FAILED = 0.05

failure_rate = dg.AssetCheckSpec(
    "trial_failure_rate", asset="label_scores", description="At most one trial in twenty failed."
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[specificity_ratings],
    kinds={"torch", "parquet"},
    group_name="labels",
    check_specs=[failure_rate],
    code_version=LABEL_SCORES.code_version,
    automation_condition=REFRESH_WHEN_STALE,
    **LLM_STEP,
)
@fail_without_retry
def label_scores(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Each label's scores in the tests that the recipe names, with 95 % intervals, on examples that it was not made
    from; and, where the recipe names an encoder, its meaning as a vector."""
    from models.autointerp.score_summary import ScoreSummary
    from models.autointerp.stages import embeddings, score_labels

    registration = store.registration(context.partition_key)
    settings, identity = registration.recipe.explanations, scored_identity(store, registration)
    folder = store.layout.table("explanation_score", registration)
    if why := why_made(identity, folder):
        context.log.info(f"scoring because {why}")
        explained = store.tables.read("explanation", registration)
        rated = store.tables.read("specificity", registration)
        known, asking = feature_data(store, registration), labeling_setup(store, registration)
        made = score_labels(
            known, explained, rated, asking, partial(load_scoring_model, registration), Progress(context, "labels")
        )
        write_requests(store, registration, settings.scorers, made.answers, identity)
        if settings.sentence_encoder is not None:
            vectors = embeddings(explained, settings.sentence_encoder, settings.sentence_encoder_revision)
            store.tables.write(store.layout.table("label_embedding", registration), vectors, identity)
        store.tables.write(store.layout.table("judgement", registration), made.judgements, identity)
        store.tables.write(folder, made.rows, identity)
    table = store.tables.read("explanation_score", registration)
    summary = ScoreSummary.of(table)
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "rows": table.num_rows,
            "judge": settings.judge,
            "failed_trials": summary.n_failed,
            **{name: rounded(mean) for name, mean in summary.means.items()},
            "dagster/partition_row_count": table.num_rows,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="trial_failure_rate",
                passed=summary.n_failed <= MAX_FAILED * max(summary.n_trials, 1),
                metadata={"failed": summary.n_failed, "trials": summary.n_trials},
            )
        ],
    )
