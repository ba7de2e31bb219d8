"""How well labels predict where features fire, and what they do: the recipe's scorers."""

from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from assets.specificity_ratings import specificity_ratings
from pipelines.dagster_support.metadata import page_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import LLM_STEP, REFRESH_WHEN_STALE, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.labels.image_labels import judges_nothing, score_rows
from pipelines.labels.inputs import feature_data, labeling_setup, scored_identity, write_requests
from pipelines.registry.identities.stages.label_scores import LABEL_SCORES
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.model_loading import load_scoring_model
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    import pyarrow as pa

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
@recorded_stage
@fail_without_retry
def label_scores(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Each label's scores in the tests that the recipe names, with 95 % intervals, on examples that it was not made
    from; and, where the recipe names an encoder, its meaning as a vector."""
    registration = store.registration(context.partition_key)
    identity = scored_identity(store, registration)
    tables = ["judgement", "explanation_score"]
    tables += ["label_embedding"] if registration.recipe.explanations.sentence_encoder is not None else []
    if why := why_made(identity, *(store.layout.table(name, registration) for name in tables)):
        context.log.info(f"scoring because {why}")
        if judges_nothing(registration):
            _score_image_labels(store, registration, identity)
        else:
            _score(context, store, registration, identity)
    return _result(store.tables.read("explanation_score", registration), registration, why)


def _score_image_labels(store: Store, registration: SAERegistration, identity: dict) -> None:
    """What the labels of images are worth is known already; nobody is asked."""
    explained, preferred = (store.tables.read(name, registration) for name in ("explanation", "feature_class"))
    tables = {"judgement": rows_as_table("judgement", []), "explanation_score": score_rows(explained, preferred)}
    store.tables.write_together(store.layout.tables_of(tables, registration), tables, identity)


def _score(context: dg.AssetExecutionContext, store: Store, registration: SAERegistration, identity: dict) -> None:
    """Writes what was asked, the meanings, the judgements and, last, the scores that stand for all."""
    import pyarrow as pa

    from models.autointerp.stages import embeddings, score_labels

    settings, explained = registration.recipe.explanations, store.tables.read("explanation", registration)
    rated = store.tables.read("specificity", registration)
    known, asking = feature_data(store, registration), labeling_setup(store, registration)
    made = score_labels(
        known, explained, rated, asking, partial(load_scoring_model, registration), Progress(context, "labels")
    )
    write_requests(store, registration, settings.scorers, made.answers, identity)
    tables = {"judgement": made.judgements, "explanation_score": made.rows}
    if registration.model.images_seen is not None:
        preferred = store.tables.read("feature_class", registration)
        tables["explanation_score"] = pa.concat_tables([made.rows, score_rows(explained, preferred)])
    if settings.sentence_encoder is not None:
        vectors = embeddings(explained, settings.sentence_encoder, settings.sentence_encoder_revision)
        tables = {"label_embedding": vectors} | tables
    store.tables.write_together(store.layout.tables_of(tables, registration), tables, identity)


def _result(table: "pa.Table", registration: SAERegistration, why: str | None) -> dg.MaterializeResult:
    from models.autointerp.score_summary import ScoreSummary

    summary = ScoreSummary.of(table)
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": page_link(registration.sae_id),
            "rows": table.num_rows,
            "judge": registration.recipe.explanations.judge,
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
