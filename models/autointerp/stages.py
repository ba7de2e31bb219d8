"""The stages: `explain` labels features, `rate` says how specific the labels are, `score` puts them to other tests.

Explanations are made from examples for explaining only, ratings and scores from examples for scoring only
(`models.features.scoring_half.is_in_scoring_half`), so a label is never judged on what it was made from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models.autointerp.assembly import LabelingSetup
from models.autointerp.feature_data import FeatureData
from models.autointerp.human_labels import EXPLAINER, HumanLabel, human_explanations
from models.autointerp.judgement_rows import named_judgements
from models.autointerp.llm_client.request_ledger import LedgerAnswer, RequestLedger
from models.autointerp.progress import Progress, no_progress, offset_progress
from models.autointerp.score_rows import named_scores
from models.autointerp.scorer import ScorerInputs, scorer_of, scorers_of_every_label
from models.autointerp.scorers import specificity
from models.autointerp.tables import UNSCORED, request_table
from models.autointerp.trial_runs import judge_trials
from models.autointerp.trials import Label, Trial
from storage.folder import Folder
from storage.table_schemas import rows_as_table
from storage.table_schemas.explanation_score import SCHEMA as EXPLANATION_SCORE
from storage.table_schemas.judgement import SCHEMA as JUDGEMENT
from storage.table_schemas.label_embedding import SCHEMA as LABEL_EMBEDDING
from storage.table_schemas.specificity import SCHEMA as SPECIFICITY

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class StageResult:
    """Rows of a table, and all that an LLM was asked to make them."""

    rows: pa.Table
    answers: list[LedgerAnswer]


@dataclass(frozen=True, slots=True)
class LabelScores(StageResult):
    """Scores of labels, and what they are made of."""

    judgements: pa.Table


def label_features(
    material: FeatureData,
    setup: LabelingSetup,
    requested: Sequence[int] = (),
    progress: Progress = no_progress,
    human_labels: Sequence[HumanLabel] = (),
) -> StageResult:
    """Labels features, those that the settings choose, by each explainer of the settings, and adds what people wrote.

    Returns:
        One explanation per feature and explainer, failures included: rows of `explanation`.

    Raises:
        MissingKey, UnknownPrice: Before any work.
        KeyRefused, UnknownLLM, ProviderDown: When asking on is pointless; what was answered stays in the ledger.
    """
    setup.check()
    settings = setup.settings
    features = material.chosen(settings, requested)
    exhibits, explainers = material.exhibits(settings), setup.explainers(material)
    explanations = []
    for number, explainer in enumerate(explainers):
        told = partial(offset_progress, progress, number * len(features), len(explainers) * len(features))
        explanations += explainer.explain(exhibits, features, told)
    unscored = material.gallery.unscored
    explanations = [
        explanation.noted(UNSCORED) if explanation.feature_id in unscored else explanation
        for explanation in explanations
    ]
    by_feature = sorted(explanations, key=lambda explanation: explanation.feature_id)
    rows = rows_as_table("explanation", [explanation.row(material.sae_id) for explanation in by_feature])
    answers = [answer for explanation in explanations for answer in explanation.answers]
    return StageResult(with_human_labels(rows, material.sae_id, human_labels), answers)


def with_human_labels(explanations: pa.Table, sae_id: str, human_labels: Sequence[HumanLabel]) -> pa.Table:
    """Rows of `explanation` with what people wrote now in the place of what they wrote before."""
    others = [row for row in explanations.to_pylist() if row["explainer"] != EXPLAINER]
    written = [explanation.row(sae_id) for explanation in human_explanations(human_labels)]
    return rows_as_table("explanation", sorted([*others, *written], key=lambda row: row["feature_id"]))


def labels_of(explanations: pa.Table) -> list[Label]:
    """The labels of explanations that did not fail, each once."""
    rows = explanations.select(["explanation_id", "feature_id", "label", "status"]).to_pylist()
    by_id = {r["explanation_id"]: r for r in rows if r["status"] == "ok"}
    return [Label(r["explanation_id"], r["feature_id"], r["label"]) for r in by_id.values()]


def rate_labels(
    material: FeatureData, explanations: pa.Table, setup: LabelingSetup, progress: Progress = no_progress
) -> StageResult:
    """Rates every label on its feature's interval examples and controls: rows of `specificity`.

    Raises as `explain` does.
    """
    setup.check()
    inputs = ScorerInputs(material, labels_of(explanations), setup)
    trials = specificity.specificity_trials(inputs.examples, inputs.labels)
    tables, answers = [SPECIFICITY.empty_table()], list[LedgerAnswer]()
    task = specificity.IMAGE_TASK if material.of_images else specificity.TASK
    for block, verdicts, asked in judge_trials(task, trials, inputs, progress):
        answers += asked
        tables.append(_ratings(material, block, verdicts, inputs.judge.name))
    return StageResult(pa.concat_tables(tables), answers)


def _ratings(material: FeatureData, trials: Sequence[Trial], verdicts: Sequence[Sequence[Any]], judge: str) -> pa.Table:
    """The rows of rated examples; what they do not share with the `example` table is added."""
    rows = material.gallery.table.take(pa.array([row for trial in trials for row in trial.row_N.tolist()], pa.int64()))
    flat = [verdict for of_trial in verdicts for verdict in of_trial]
    columns = {
        "explanation_id": [t.label.explanation_id for t in trials for _ in range(len(t.row_N))],
        **{name: rows[name] for name in ("example_id", "feature_id", "interval_index", "activation")},
        "is_choosing": [one for trial in trials for one in trial.is_choosing_N.tolist()],
        "rating": [verdict.value for verdict in flat],
        "reason": [verdict.reason for verdict in flat],
        "status": [verdict.status for verdict in flat],
        "judge": [judge] * len(flat),
    }
    return pa.table(columns).select(SPECIFICITY.names).cast(SPECIFICITY)


def score_labels(
    material: FeatureData,
    explanations: pa.Table,
    ratings: pa.Table,
    setup: LabelingSetup,
    host: "Callable[[], HookedModel] | None" = None,
    progress: Progress = no_progress,
) -> LabelScores:
    """Puts every label to the tests that the settings name: rows of `explanation_score`, and of `judgement`.

    Args:
        ratings: Those of the same labels: whether they tell firing from silence is a score too.
        host: The language model that `surprisal` reads with.

    Raises as `explain` does.
    """
    setup.check()
    labels, answers, tables = labels_of(explanations), list[LedgerAnswer](), [EXPLANATION_SCORE.empty_table()]
    inputs, said = ScorerInputs(material, labels, setup, host, ratings), [JUDGEMENT.empty_table()]
    names = (*scorers_of_every_label(), *setup.settings.scorers)
    for number, name in enumerate(names):
        told = partial(offset_progress, progress, number * len(labels), len(names) * len(labels))
        scorer = scorer_of(name)
        scored = scorer.score(inputs, told)
        tables.append(named_scores(name, scorer.headline, scored.values))
        said.append(named_judgements(name, scored.judgements))
        answers += scored.answers
    return LabelScores(pa.concat_tables(tables), answers, pa.concat_tables(said))


def embeddings(explanations: pa.Table, encoder: str, revision: str | None = None) -> pa.Table:
    """The meaning of every label as a vector of length 1: rows of `label_embedding`."""
    from models.language_model.sentence_encoder import SentenceEncoder

    labels, model = labels_of(explanations), SentenceEncoder.load(encoder, revision)
    vectors = model.encode([label.text for label in labels]).tolist()
    ids = [label.explanation_id for label in labels]
    columns = {"explanation_id": ids, "encoder": [model.identity] * len(ids), "embedding": vectors}
    return pa.table(columns, schema=LABEL_EMBEDDING)


def request_rows(
    ledger: Folder, payer: str, purposes: Sequence[str], answers: Sequence[LedgerAnswer]
) -> dict[str, pa.Table]:
    """Rows of `llm_request` by purpose, which is a partition of that table: all that the payer ever paid for, by other
    recipes' words too, and what was asked now in vain."""
    paid = [answer for answer in RequestLedger.read(ledger).answers.values() if answer.payer == payer]
    tables = {}
    for purpose in purposes:
        mine = [[answer for answer in among if answer.purpose == purpose] for among in (paid, answers)]
        if any(mine):
            tables[purpose] = request_table(*mine)
    return tables
