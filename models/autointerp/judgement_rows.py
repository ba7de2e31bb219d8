"""What was said of each window: rows of the table `judgement` but its partition's keys and the scorer's name.

Axes: N windows of all trials one after another.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.autointerp.score_rows import JudgedWindows
from models.autointerp.trials import Judgement, Trial
from storage.table_schemas.judgement import SCHEMA as JUDGEMENT

JUDGED = pa.schema([field for field in JUDGEMENT if field.name != "scorer"])


def judgement_rows(
    gallery: ExampleSet, trials: Sequence[Trial], verdicts: Sequence[Sequence[Judgement]], *, has_truth: bool
) -> pa.Table:
    """A row for each window of each trial.

    Args:
        gallery: The examples that the trials point at.
        trials: One for each label.
        verdicts: A verdict for each window of each trial.
        has_truth: Whether a verdict is a yes or a no, of which one is right.
    """
    if not trials:
        return JUDGED.empty_table()
    windows, said = JudgedWindows.of(gallery, trials, verdicts), list(chain.from_iterable(verdicts))
    values = [verdict.value for verdict in said]
    lists = [value if isinstance(value, list) else None for value in values]
    numbers = [None if value is None or isinstance(value, list) else float(value) for value in values]
    is_right = [number == truth for number, truth in zip(numbers, windows.truth_N.tolist(), strict=True)]
    marked = [list(marks) for trial in trials for marks in trial.marked]
    label_N = windows.trial_N.tolist()
    columns = {
        "explanation_id": pa.array([trials[n].label.explanation_id for n in label_N], pa.string()),
        "example_id": gallery.table["example_id"].take(pa.array(windows.row_N)),
        "feature_id": pa.array([trials[n].label.feature_id for n in label_N], pa.int32()),
        "kind": pa.array(windows.kind_N, pa.string()),
        "interval_index": gallery.table["interval_index"].take(pa.array(windows.row_N, mask=windows.kind_N == "hard")),
        "document_group": pa.array(np.array(gallery.groups, dtype=object)[windows.group_N], pa.string()),
        "is_choosing": pa.array(windows.is_choosing_N),
        "marked": pa.array(marked, pa.list_(pa.int32())),
        "truth": pa.array(windows.truth_N, mask=np.full(len(said), not has_truth)),
        "answer": pa.array(numbers, pa.float64()),
        "strengths": pa.array(lists, pa.list_(pa.float32())),
        "is_right": pa.array(is_right, pa.bool_(), mask=~(windows.said_N & has_truth)),
        "status": pa.array([verdict.status for verdict in said], pa.string()),
    }
    return pa.table({name: columns[name] for name in JUDGED.names}, schema=JUDGED)


def named_judgements(scorer: str, judgements: pa.Table) -> pa.Table:
    """Rows of `judgement`: what was said, and in which test."""
    columns = {name: judgements[name] for name in JUDGED.names}
    columns["scorer"] = pa.array([scorer] * judgements.num_rows, pa.string())
    return pa.table({name: columns[name] for name in JUDGEMENT.names}, schema=JUDGEMENT)
