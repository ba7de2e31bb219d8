"""A judge that needs no language model: it reads a label back as a rule, and holds the rule against every token."""

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np

from models.autointerp.example_set import ExampleSet
from models.autointerp.lexical.blocks import blocks
from models.autointerp.lexical.rule_language import parse_label
from models.autointerp.lexical.token_properties import TokenProperties
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.scorers.trials import Judgement, Trial
from models.autointerp.tables import Progress, no_progress

NEAR_PEAK = 5
"""Tokens from the peak within which a match counts for 2."""


class LexicalJudge:
    """Holds a label's rule against a window, token by token.

    specificity: 3 where it holds on the peak, 2 within 5 tokens of it, 1 elsewhere in the window, 0 nowhere.
    detection: whether it holds anywhere in the window. fuzzing: whether it holds on at least half of the marked tokens.
    simulation: a strength of 10 where it holds, else 0.
    """

    name = "lexical"

    def judge(
        self, task: str, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]:
        vocabulary = TokenProperties.of(gallery.strings)
        judged: list[list[Judgement]] = []
        for block in blocks(trials):
            row_N = np.concatenate([trial.row_N for trial in block])
            tape = gallery.tape(vocabulary, row_N)
            ends = np.cumsum([len(trial.row_N) for trial in block]).tolist()
            spans = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
            edges = [slice(*tape.start_R[[span.start, span.stop]].tolist()) for span in spans]
            rules = [parse_label(trial.label.text) for trial in block]
            held_S = np.concatenate([tape.follows(rule, edge) for rule, edge in zip(rules, edges, strict=True)])
            verdicts = _verdicts(task, held_S, tape.start_R, gallery.peak_R[row_N], block)
            judged += [verdicts[span] for span in spans]
            progress(len(judged), len(trials))
        return judged, []


_YES_NO = (Judgement(False), Judgement(True))
_RATINGS = (
    Judgement(0, reason="the rule holds nowhere in the window"),
    Judgement(1, reason=f"the rule holds more than {NEAR_PEAK} tokens from the marked one only"),
    Judgement(2, reason=f"the rule holds within {NEAR_PEAK} tokens of the marked one"),
    Judgement(3, reason="the rule holds on the marked token"),
)


def _verdicts(
    task: str, held_S: np.ndarray, start_N: np.ndarray, peak_N: np.ndarray, block: Sequence[Trial]
) -> list[Judgement]:
    """A verdict for each window, from where the rules hold."""
    if task == "specificity":
        return [_RATINGS[rating] for rating in ratings_of(held_S, start_N, peak_N).tolist()]
    if task == "simulation":
        strengths, edges = (held_S * 10).tolist(), start_N.tolist()
        return [Judgement(strengths[a:b]) for a, b in pairwise(edges)]
    if task == "detection":
        total = np.concatenate([[0], np.cumsum(held_S)])
        return [_YES_NO[found] for found in (total[start_N[1:]] > total[start_N[:-1]]).tolist()]
    assert task == "fuzzing", task
    marked = list(chain.from_iterable(trial.marked for trial in block))
    n_marks_N = np.array([len(marks) for marks in marked])
    window_M = np.repeat(np.arange(len(marked)), n_marks_N)
    at_M = start_N[window_M] + np.fromiter(chain.from_iterable(marked), np.int64, len(window_M))
    hits_N = np.bincount(window_M[held_S[at_M]], minlength=len(marked))
    return [_YES_NO[found] for found in ((2 * hits_N >= n_marks_N) & (n_marks_N > 0)).tolist()]


def ratings_of(held: np.ndarray, start_N: np.ndarray, peak_N: np.ndarray) -> np.ndarray:
    """Ratings of windows that lie one after another, from where a rule holds in them.

    Args:
        held: For every token of the windows.
        start_N: Where each window starts, and where the last one ends.
        peak_N: The peak of each window, from its start.
    """
    total = np.concatenate([[0], np.cumsum(held)])
    at = start_N[:-1] + peak_N
    inside = total[start_N[1:]] - total[start_N[:-1]] > 0
    close = total[np.minimum(at + NEAR_PEAK + 1, start_N[1:])] - total[np.maximum(at - NEAR_PEAK, start_N[:-1])] > 0
    return np.where(held[at], 3, np.where(close, 2, inside.astype(np.int64)))
