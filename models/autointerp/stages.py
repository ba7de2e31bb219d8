"""The stages: `explain` labels features, `rate` says how specific the labels are, `score` puts them to other tests.

Explanations are made from examples for explaining only, ratings and scores from examples for scoring only
(`models.features.example_windows.is_in_scoring_half`), so a label is never judged on what it was made from.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from models.autointerp.assembly import LabelingSetup
from models.autointerp.feature_data import FeatureData
from models.autointerp.llm_client.request_ledger import LedgerAnswer, RequestLedger
from models.autointerp.scorers import score_rows as scores
from models.autointerp.scorers import trials
from models.autointerp.scorers.trials import Judgement, Label, Trial
from models.autointerp.tables import EXPLANATION, Progress, no_progress, request_table
from storage.folder import Folder

if TYPE_CHECKING:
    from models.language_model.hooked_model import HookedModel

BLOCK = 10_000
"""Labels judged in one go: what a judge is asked is laid out for so many, and a sender begun."""
SPECIFICITY = pa.schema(
    [
        ("explanation_id", pa.string()),
        ("example_id", pa.string()),
        ("feature_id", pa.int32()),
        ("interval_index", pa.int32()),
        ("activation", pa.float64()),
        ("rating", pa.int32()),
        ("reason", pa.string()),
        ("status", pa.string()),
        ("judge", pa.string()),
    ]
)
EMBEDDING = pa.schema(
    [("explanation_id", pa.string()), ("encoder", pa.string()), ("embedding", pa.list_(pa.float32()))]
)
Some = TypeVar("Some")


@dataclass(frozen=True, slots=True)
class StageResult:
    """Rows of a table, and all that an LLM was asked to make them."""

    rows: pa.Table
    answers: list[LedgerAnswer]


def label_features(
    material: FeatureData, askers: LabelingSetup, requested: Sequence[int] = (), progress: Progress = no_progress
) -> StageResult:
    """Labels features, those that the settings choose, by each explainer of the settings.

    Returns:
        One explanation per feature and explainer, failures included: rows of `explanation`.

    Raises:
        MissingKey, UnknownPrice: Before any work.
        KeyRefused, UnknownLLM, ProviderDown: When asking on is pointless; what was answered stays in the ledger.
    """
    askers.check()
    settings = askers.settings
    features = material.chosen(settings, requested)
    exhibits, explainers = material.exhibits(settings), askers.explainers(material)
    found = []
    for number, explainer in enumerate(explainers):
        told = partial(_offset_progress, progress, number * len(features), len(explainers) * len(features))
        found += explainer.explain(exhibits, features, told)
    by_feature = sorted(found, key=lambda one: one.feature_id)
    rows = pa.Table.from_pylist([one.row(material.sae_id) for one in by_feature], schema=EXPLANATION)
    return StageResult(rows, [answer for one in found for answer in one.answers])


def labels_of(explanations: pa.Table) -> list[Label]:
    """The labels of explanations that did not fail, each once."""
    rows = explanations.select(["explanation_id", "feature_id", "label", "status"]).to_pylist()
    found = {r["explanation_id"]: r for r in rows if r["status"] == "ok"}
    return [Label(r["explanation_id"], r["feature_id"], r["label"]) for r in found.values()]


def rate_labels(
    material: FeatureData, explanations: pa.Table, askers: LabelingSetup, progress: Progress = no_progress
) -> StageResult:
    """Rates every label on its feature's interval examples and controls: rows of `specificity`.

    Raises as `explain` does.
    """
    askers.check()
    labels, gallery, judge = labels_of(explanations), material.gallery, askers.judge(material)
    tables, answers = [SPECIFICITY.empty_table()], list[LedgerAnswer]()
    for done, some in _blocks(trials.specificity_trials(gallery, labels)):
        verdicts, asked = judge.judge(
            "specificity", gallery, some, partial(_offset_progress, progress, done, len(labels))
        )
        answers += asked
        tables.append(_ratings(material, some, verdicts, judge.name))
    return StageResult(pa.concat_tables(tables), answers)


def _ratings(material: FeatureData, some: Sequence[Trial], verdicts: Sequence[Sequence[Any]], judge: str) -> pa.Table:
    """The rows of rated examples; what they do not share with the `example` table is added."""
    rows = material.gallery.table.take(pa.array([row for trial in some for row in trial.row_N.tolist()], pa.int64()))
    flat = [verdict for of_trial in verdicts for verdict in of_trial]
    columns = {
        "explanation_id": [t.label.explanation_id for t in some for _ in range(len(t.row_N))],
        **{name: rows[name] for name in ("example_id", "feature_id", "interval_index", "activation")},
        "rating": [verdict.value for verdict in flat],
        "reason": [verdict.reason for verdict in flat],
        "status": [verdict.status for verdict in flat],
        "judge": [judge] * len(flat),
    }
    return pa.table(columns).select(SPECIFICITY.names).cast(SPECIFICITY)


def score_labels(
    material: FeatureData,
    explanations: pa.Table,
    specificity: pa.Table,
    askers: LabelingSetup,
    host: "Callable[[], HookedModel] | None" = None,
    progress: Progress = no_progress,
) -> StageResult:
    """Puts every label to the tests that the settings name: rows of `explanation_score`.

    Args:
        specificity: Ratings of the same labels: whether they tell firing from silence is a score too.
        host: The language model that `surprisal` reads with.

    Raises as `explain` does.
    """
    askers.check()
    labels, answers = labels_of(explanations), list[LedgerAnswer]()
    tables = [_of_ratings(material, labels, specificity)]
    asked = askers.settings.scorers
    for number, scorer in enumerate(asked):
        told = partial(_offset_progress, progress, number * len(labels), len(asked) * len(labels))
        made, some = _SCORERS[scorer](material, labels, askers, host, told)
        tables.append(made)
        answers += some
    return StageResult(pa.concat_tables(tables), answers)


def embeddings(explanations: pa.Table, encoder: str, revision: str | None = None) -> pa.Table:
    """The meaning of every label as a vector of length 1: rows of `label_embedding`."""
    from models.language_model.sentence_encoder import SentenceEncoder

    labels, model = labels_of(explanations), SentenceEncoder.load(encoder, revision)
    vectors = model.encode([label.text for label in labels]).tolist()
    ids = [label.explanation_id for label in labels]
    columns = {"explanation_id": ids, "encoder": [model.identity] * len(ids), "embedding": vectors}
    return pa.table(columns, schema=EMBEDDING)


def _of_ratings(material: FeatureData, labels: Sequence[Label], specificity: pa.Table) -> pa.Table:
    """Whether the ratings that are there tell firing from silence."""
    columns = (specificity[name].to_pylist() for name in ("explanation_id", "example_id", "rating", "status"))
    said = {
        (label, example): Judgement(rating, status) for label, example, rating, status in zip(*columns, strict=True)
    }
    gallery, tables = material.gallery, [scores.SCORE.empty_table()]
    missing = Judgement(None, "not_rated")
    for _, some in _blocks(trials.specificity_trials(gallery, labels)):
        verdicts = [
            [said.get((t.label.explanation_id, gallery.example_ids[row]), missing) for row in t.row_N.tolist()]
            for t in some
        ]
        tables.append(scores.score_rows("specificity", gallery, some, verdicts))
    return pa.concat_tables(tables)


Scored = tuple[pa.Table, list[LedgerAnswer]]


def _judged(
    task: str, material: FeatureData, labels: Sequence[Label], askers: LabelingSetup, _: Any, progress: Progress
) -> Scored:
    """A test that the judge is put to, trial by trial."""
    gallery, judge = material.gallery, askers.judge(material)
    made = {
        "detection": lambda: trials.detection_trials(gallery, labels, material.hard),
        "fuzzing": lambda: trials.fuzzing_trials(gallery, labels),
        "simulation": lambda: trials.simulation_trials(gallery, labels),
    }[task]()
    tables, answers = [scores.SCORE.empty_table()], list[LedgerAnswer]()
    for done, some in _blocks(made):
        verdicts, asked = judge.judge(task, gallery, some, partial(_offset_progress, progress, done, len(labels)))
        tables.append(scores.score_rows(task, gallery, some, verdicts))
        answers += asked
    return pa.concat_tables(tables), answers


def _embedding(
    material: FeatureData, labels: Sequence[Label], askers: LabelingSetup, _: Any, progress: Progress
) -> Scored:
    from models.autointerp.scorers.embedding import embedding_scores
    from models.language_model.sentence_encoder import SentenceEncoder

    settings = askers.settings
    assert settings.encoder is not None
    encoder = SentenceEncoder.load(settings.encoder, settings.encoder_revision)
    return _read(partial(embedding_scores, encoder), material, labels, progress), []


def _surprisal(
    material: FeatureData,
    labels: Sequence[Label],
    _: LabelingSetup,
    host: "Callable[[], HookedModel] | None",
    progress: Progress,
) -> Scored:
    from models.autointerp.scorers.surprisal import surprisal_scores

    assert host is not None, "surprisal reads with a language model"
    return _read(partial(surprisal_scores, host()), material, labels, progress), []


def _read(
    scored: Callable[..., pa.Table], material: FeatureData, labels: Sequence[Label], progress: Progress
) -> pa.Table:
    """Scores of a model that reads labels and windows by itself: trials of detection, judged by nobody."""
    tables = [scores.SCORE.empty_table()]
    for done, some in _blocks(trials.detection_trials(material.gallery, labels, material.hard)):
        tables.append(scored(material.gallery, some, partial(_offset_progress, progress, done, len(labels))))
    return pa.concat_tables(tables)


def _output(
    material: FeatureData, labels: Sequence[Label], askers: LabelingSetup, _: Any, progress: Progress
) -> Scored:
    choices = list(trials.choices(labels, material.effects)) if material.effects is not None else []
    verdicts, answers = askers.llm_judge(material).choose(choices, progress)
    return scores.choice_rows(choices, verdicts), answers


_SCORERS: dict[str, Callable[..., Scored]] = {
    **{task: partial(_judged, task) for task in ("detection", "fuzzing", "simulation")},
    "embedding": _embedding,
    "surprisal": _surprisal,
    "output": _output,
}


def _blocks(some: Iterator[Some]) -> Iterator[tuple[int, list[Some]]]:
    """In lists of BLOCK, each with how many came before."""
    done = 0
    while block := list(islice(some, BLOCK)):
        yield done, block
        done += len(block)


def _offset_progress(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def request_rows(
    ledger: Folder, payer: str, purposes: Sequence[str], answers: Sequence[LedgerAnswer]
) -> dict[str, pa.Table]:
    """Rows of `llm_request` by purpose, which is a partition of that table: all that the payer ever paid for, by other
    recipes' words too, and what was asked now in vain."""
    paid = [answer for answer in RequestLedger.read(ledger).answers.values() if answer.payer == payer]
    found = {}
    for purpose in purposes:
        mine = [[answer for answer in some if answer.purpose == purpose] for some in (paid, answers)]
        if any(mine):
            found[purpose] = request_table(*mine).drop_columns(["purpose"])
    return found
