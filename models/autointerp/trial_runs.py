"""Runs trials a block at a time: a judge says what is asked of each window, or a model reads labels and windows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import WindowTask
from models.autointerp.judgement_rows import JUDGED, judgement_rows
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.progress import Progress, offset_progress
from models.autointerp.score_rows import VALUES, Measure, area_under_curve, score_rows
from models.autointerp.scorer import Scored, Scorer, ScorerInputs
from models.autointerp.trials import Judgement, Trial

BLOCK = 10_000
"""Labels judged in one go: what a judge is asked is laid out for so many, and a sender begun."""
JudgedBlock = tuple[list[Trial], list[list[Judgement]], list[LedgerAnswer]]
"""Trials, a verdict for each window of each, and all that an LLM was asked for them."""


def judge_trials(
    task: WindowTask, trials: Iterable[Trial], inputs: ScorerInputs, progress: Progress
) -> Iterator[JudgedBlock]:
    """Puts trials to the recipe's judge."""
    done, total = 0, len(inputs.labels)
    for block in blocks(trials, BLOCK):
        told = partial(offset_progress, progress, done, total)
        verdicts, answers = inputs.judge.judge(task, inputs.examples, block, told)
        yield block, verdicts, answers
        done += len(block)


def judged(
    task: WindowTask,
    trials: Callable[[ScorerInputs], Iterable[Trial]],
    measure: Measure,
    *,
    metrics: Mapping[str, str],
    headline: str,
    together: int | None = None,
    image_task: WindowTask | None = None,
) -> Scorer:
    """A scorer that asks the recipe's judge.

    Args:
        task: What is asked of each window.
        trials: A trial for each label.
        measure: Values of the metrics from the verdicts.
        metrics: What each of them means.
        headline: The metric that stands for the scorer.
        together: Trials that are measured at a time; all that were judged in one go where it is None.
        image_task: What is asked of each image.
    """

    def score(inputs: ScorerInputs, progress: Progress) -> Scored:
        tables, said, asked = [VALUES.empty_table()], [JUDGED.empty_table()], list[LedgerAnswer]()
        asks = image_task if inputs.of_images else task
        assert asks is not None, "a recipe that asks text of images is refused before"
        for block, verdicts, answers in judge_trials(asks, trials(inputs), inputs, progress):
            tables.append(score_rows(measure, inputs.examples, block, verdicts, together))
            said.append(judgement_rows(inputs.examples, block, verdicts, has_truth=task.is_yes_or_no))
            asked += answers
        return Scored(pa.concat_tables(tables), asked, pa.concat_tables(said))

    return Scorer(metrics=metrics, headline=headline, score=score, task=task, image_task=image_task)


def read_trials(
    read: Callable[[Sequence[Trial]], Sequence[np.ndarray]],
    gallery: ExampleSet,
    trials: Iterable[Trial],
    together: int,
    progress: Progress,
    total: int,
) -> Scored:
    """Scores of a model that reads labels and windows by itself: how well its numbers tell where features fire.

    Args:
        read: A number for each window of each of some trials, higher where the label fits.
        gallery: The examples that the trials point at.
        trials: A trial for each label.
        together: Trials that are read at a time; labels of one feature stand beside each other, for they share windows.
        progress: Told after each of those.
        total: How many labels there are.
    """
    tables, said, done = [VALUES.empty_table()], [JUDGED.empty_table()], 0
    for block in blocks(trials, BLOCK):
        by_feature = sorted(range(len(block)), key=lambda place: block[place].label.feature_id)
        values = [np.empty(0)] * len(block)
        for places in blocks(by_feature, together):
            for place, value_N in zip(places, read([block[place] for place in places]), strict=True):
                values[place] = value_N
            done += len(places)
            progress(done, total)
        verdicts = [[Judgement(value) for value in value_N.tolist()] for value_N in values]
        tables.append(score_rows(area_under_curve, gallery, block, verdicts))
        said.append(judgement_rows(gallery, block, verdicts, has_truth=False))
    return Scored(pa.concat_tables(tables), judgements=pa.concat_tables(said))
