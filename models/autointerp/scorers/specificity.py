"""The rating of 0 to 3 that says how specific a label is to each example: its trials, its question and its score."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from models.autointerp.answer_schemas import LONGEST, AnswerSchema, one_of
from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import RuleMatches, WindowTask, show_framed
from models.autointerp.progress import Progress
from models.autointerp.prompt_format import mark_tokens
from models.autointerp.score_rows import VALUES, area_under_curve, score_rows
from models.autointerp.scorer import Scored, Scorer, ScorerInputs
from models.autointerp.trial_runs import BLOCK
from models.autointerp.trials import Judgement, Label, Trial, for_scoring, trial_of

NEAR_PEAK = 5
"""Tokens from the peak within which a match counts for 2."""
RATINGS = (0, 1, 2, 3)
NOT_RATED = Judgement(None, "not_rated")
"""Stands for a rating that is not there."""


def specificity_trials(gallery: ExampleSet, labels: Iterable[Label]) -> Iterator[Trial]:
    """Examples from the intervals and controls, each with its peak marked; a control's peak is an arbitrary token.

    Here as in the other builders, a label whose feature has no window for scoring has no trial.
    """
    for label, examples, controls in for_scoring(gallery, labels):
        kinds = ["interval"] * len(examples) + ["control"] * len(controls)
        row_N = np.concatenate([examples, controls])
        places = zip(row_N.tolist(), gallery.peak_R[row_N].tolist(), kinds, strict=True)
        yield trial_of(gallery, label, [(row, (peak,), kind == "interval", kind) for row, peak, kind in places])


def _shown(gallery: ExampleSet, trial: Trial, place: int) -> str:
    """The peak alone is marked, else a control would be known by its having nothing marked beside."""
    tokens, _, peak = gallery.window(int(trial.row_N[place]))
    return mark_tokens(tokens, peak=peak)


def _judgement(said: tuple[int, str], _: int) -> Judgement:
    rating, reason = said
    return Judgement(rating, reason=reason or None)


_BY_RULE = (
    Judgement(0, reason="the rule holds nowhere in the window"),
    Judgement(1, reason=f"the rule holds more than {NEAR_PEAK} tokens from the marked one only"),
    Judgement(2, reason=f"the rule holds within {NEAR_PEAK} tokens of the marked one"),
    Judgement(3, reason="the rule holds on the marked token"),
)


def ratings_of(rules: RuleMatches) -> np.ndarray:
    """3 where a rule holds on the peak, 2 within 5 tokens of it, 1 elsewhere in the window, 0 nowhere."""
    total = np.concatenate([[0], np.cumsum(rules.held_S)])
    first_N, end_N = rules.start_N[:-1], rules.start_N[1:]
    at_N = first_N + rules.peak_N
    inside_N = total[end_N] - total[first_N] > 0
    close_N = total[np.minimum(at_N + NEAR_PEAK + 1, end_N)] - total[np.maximum(at_N - NEAR_PEAK, first_N)] > 0
    return np.where(rules.held_S[at_N], 3, np.where(close_N, 2, inside_N.astype(np.int64)))


_ANSWERS = AnswerSchema(
    "ratings",
    {"reason": {"type": "string"}, "rating": {"type": "integer", "enum": list(RATINGS)}},
    lambda item: (one_of(item["rating"], RATINGS), " ".join(str(item.get("reason") or "").split())[:LONGEST]),
)
TASK = WindowTask(
    "specificity",
    _ANSWERS,
    400,
    _shown,
    _judgement,
    lambda rules: [_BY_RULE[rating] for rating in ratings_of(rules).tolist()],
)
IMAGE_TASK = WindowTask(
    "specificity", _ANSWERS, 400, show_framed, _judgement, prompt_file="specificity_images", together=10
)


def _score(inputs: ScorerInputs, _: Progress) -> Scored:
    """Whether the ratings that are there tell firing from silence: nothing is asked again."""
    examples, rated = inputs.examples, _ratings_of(inputs)
    tables = [VALUES.empty_table()]
    for block in blocks(specificity_trials(examples, inputs.labels), BLOCK):
        verdicts = [
            [
                rated.get((trial.label.explanation_id, examples.example_ids[row]), NOT_RATED)
                for row in trial.row_N.tolist()
            ]
            for trial in block
        ]
        tables.append(score_rows(area_under_curve, examples, block, verdicts))
    return Scored(pa.concat_tables(tables))


def _ratings_of(inputs: ScorerInputs) -> dict[tuple[str, str], Judgement]:
    """Ratings by label and example."""
    assert inputs.ratings is not None, "specificity is scored from ratings"
    columns = (inputs.ratings[name].to_pylist() for name in ("explanation_id", "example_id", "rating", "status"))
    return {
        (label, example): Judgement(rating, status) for label, example, rating, status in zip(*columns, strict=True)
    }


SCORER = Scorer(
    metrics={"auroc": "chance that a window with the feature is rated above one without, ties half; 0.5 is chance"},
    headline=None,
    score=_score,
    task=TASK,
    image_task=IMAGE_TASK,
    of_every_label=True,
)
