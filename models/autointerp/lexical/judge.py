"""A judge that needs no language model: it reads a label back as a rule, and holds the rule against every token."""

from collections.abc import Sequence

import numpy as np

from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import RuleMatches, WindowTask
from models.autointerp.lexical.rule_language import parse_label
from models.autointerp.lexical.token_properties import TokenProperties
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.progress import Progress, no_progress
from models.autointerp.trials import Judgement, Trial

TOGETHER = 512
"""Trials whose windows are laid out together."""


class LexicalJudge:
    """Holds a label's rule against a window, token by token; what that says, each task says itself (`by_rule`)."""

    name = "lexical"

    def judge(
        self, task: WindowTask, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]:
        assert task.by_rule is not None, f"{task.name} wants a judge that reads more of a label than a rule"
        vocabulary = TokenProperties.of(gallery.strings)
        judged: list[list[Judgement]] = []
        for block in blocks(trials, TOGETHER):
            row_N = np.concatenate([trial.row_N for trial in block])
            tape = gallery.tape(vocabulary, row_N)
            ends = np.cumsum([len(trial.row_N) for trial in block]).tolist()
            spans = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
            edges = [slice(*tape.start_R[[span.start, span.stop]].tolist()) for span in spans]
            rules = [parse_label(trial.label.text) for trial in block]
            held_S = np.concatenate([tape.follows(rule, edge) for rule, edge in zip(rules, edges, strict=True)])
            marked = [marks for trial in block for marks in trial.marked]
            verdicts = task.by_rule(RuleMatches(held_S, tape.start_R, gallery.peak_R[row_N], marked))
            judged += [verdicts[span] for span in spans]
            progress(len(judged), len(trials))
        return judged, []
