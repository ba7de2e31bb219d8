"""Questions that are answered by yes or no for each window: their answers, and how often these are right."""

import numpy as np

from models.autointerp.answer_schemas import AnswerSchema, one_of
from models.autointerp.example_set import ExampleSet
from models.autointerp.score_rows import JudgedWindows, LabelMetric
from models.autointerp.trials import Judgement
from models.numerics.metrics_with_ci import ValueWithCI, balanced_accuracy, f1, share

FIRES = AnswerSchema("verdicts", {"fires": {"type": "boolean"}}, lambda item: one_of(item["fires"], (True, False)))


def yes_no(said: bool, _: int) -> Judgement:
    return Judgement(said)


def yes_no_metrics(_: ExampleSet, windows: JudgedWindows) -> list[LabelMetric]:
    """How often yes and no are right."""
    truth_N, said_N, yes_N, hard_N = windows.truth_N, windows.said_N, windows.numbers() > 0, windows.kind_N == "hard"

    def rate(right_N: np.ndarray, of_N: np.ndarray) -> ValueWithCI:
        return share(windows.clusters.where(of_N & said_N), right_N[of_N & said_N])

    true_positive, true_negative = rate(yes_N, truth_N), rate(~yes_N, ~truth_N)
    shares = [
        ("balanced_accuracy", balanced_accuracy(true_positive, true_negative), said_N | True),
        ("f1", f1(windows.clusters.where(said_N), truth_N[said_N], yes_N[said_N]), said_N | True),
        ("true_positive_rate", true_positive, truth_N),
        ("true_negative_rate", true_negative, ~truth_N),
        ("true_negative_rate_hard", rate(~yes_N, hard_N), hard_N),
    ]
    return [
        LabelMetric(name, value, windows.count(of_N & said_N), windows.count(of_N & ~said_N))
        for name, value, of_N in shares
    ]
