"""The output test: told the label, does a judge pick the tokens that the feature promotes from four lists?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from models.autointerp.answer_schemas import AnswerSchema, one_of
from models.autointerp.judge_task import JudgeTask
from models.autointerp.judges.llm import LLMJudge, nth_label
from models.autointerp.llm_client.message_content import joined
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_format import escaped, feature, token_list
from models.autointerp.score_rows import LabelMetric, metric_rows
from models.autointerp.scorer import Scored, Scorer, ScorerInputs
from models.autointerp.structured_answers import group_by
from models.autointerp.trials import Judgement, Label
from models.numerics.clustered_intervals import Clusters
from models.numerics.hash_sampling import hash_rank
from models.numerics.metrics_with_ci import share

OPTIONS = ("a", "b", "c", "d")
TOKENS_SHOWN = 10
"""Promoted tokens that an option lists."""
TASK = JudgeTask(
    "output",
    AnswerSchema(
        "choices", {"option": {"type": "string", "enum": list(OPTIONS)}}, lambda item: one_of(item["option"], OPTIONS)
    ),
    15,
)


@dataclass(frozen=True, slots=True)
class OutputTrial:
    """Which of several lists of promoted tokens belongs to the label; `right` is its place."""

    label: Label
    options: tuple[tuple[str, ...], ...]
    right: int


def output_trials(labels: Iterable[Label], effects: pa.Table, n_options: int = 4) -> Iterator[OutputTrial]:
    """Which tokens does the feature promote? Its own, or those of other features, labelled or not, drawn by hash: a
    label more changes no other's trial.

    No two options hold the same tokens. A label whose feature promotes nothing has no trial, and none has one where
    fewer than `n_options` lists of tokens differ.

    Args:
        labels: What is tried.
        effects: Rows of `logit_effect`; the first `TOKENS_SHOWN` that are promoted are shown.
        n_options: Options of a trial, the right one among them.
    """
    promoted = _promoted(effects)
    pool = list({frozenset(tokens): tokens for _, tokens in sorted(promoted.items())}.values())
    for label in labels:
        if label.feature_id not in promoted or len(pool) < n_options:
            continue
        own = promoted[label.feature_id]
        others: list[tuple[str, ...]] = []
        seen, attempt = {frozenset(own)}, 0
        while len(others) < n_options - 1:
            drawn = pool[hash_rank(f"{label.explanation_id}\0{attempt}", "distractor") % len(pool)]
            attempt += 1
            if frozenset(drawn) not in seen:
                seen.add(frozenset(drawn))
                others.append(drawn)
        right = hash_rank(label.explanation_id, "right place") % n_options
        yield OutputTrial(label, (*others[:right], own, *others[right:]), right)


def _promoted(effects: pa.Table) -> dict[int, tuple[str, ...]]:
    """The promoted tokens of each feature, the strongest first."""
    positive = np.array(effects["direction"].to_pylist(), dtype=str) == "positive"
    table = effects.filter(pa.array(positive)).sort_by([("feature_id", "ascending"), ("rank", "ascending")])
    tokens = table["token"].to_pylist()
    features, first = np.unique(table["feature_id"].to_numpy(), return_index=True)
    spans = pairwise([*first.tolist(), len(tokens)])
    return {
        feature: tuple(tokens[a : min(b, a + TOKENS_SHOWN)])
        for feature, (a, b) in zip(features.tolist(), spans, strict=True)
    }


def choose(
    judge: LLMJudge, trials: Sequence[OutputTrial], progress: Progress = no_progress
) -> tuple[list[Judgement], list[LedgerAnswer]]:
    """For each trial whether the right option was taken."""
    nth = nth_label(trial.label for trial in trials)
    groups = group_by(range(len(trials)), lambda place: (judge.group_of(trials[place].label), nth[place])).values()
    results = judge.llm.run([partial(_choose, judge, [trials[i] for i in group]) for group in groups], progress)
    by_place = {
        place: judgement
        for group, (judgements, _) in zip(groups, results, strict=True)
        for place, judgement in zip(group, judgements, strict=True)
    }
    requests = [request for _, of_group in results for request in of_group]
    return [by_place[place] for place in range(len(trials))], requests


async def _choose(
    judge: LLMJudge, group: Sequence[OutputTrial], ask: Ask
) -> tuple[list[Judgement], tuple[LedgerAnswer, ...]]:
    names = [f"f{place}" for place in range(1, len(group) + 1)]
    content = joined("\n\n", (feature(name, *_options(trial)) for name, trial in zip(names, group, strict=True)))
    answer = await judge.ask_about(TASK, content, names, ask)
    right = [OPTIONS[trial.right] for trial in group]
    judgements = [
        answer.judgement(name, lambda option, wanted=wanted: Judgement(option == wanted))
        for name, wanted in zip(names, right, strict=True)
    ]
    return judgements, answer.requests


def _options(trial: OutputTrial) -> list[str]:
    options = [
        token_list("option", tokens).replace("<option>", f'<option name="{name}">', 1)
        for name, tokens in zip(OPTIONS, trial.options, strict=False)
    ]
    return [f"<label>{escaped(trial.label.text)}</label>", *options]


def accuracy_rows(trials: Sequence[OutputTrial], verdicts: Sequence[Judgement]) -> pa.Table:
    """How often the right tokens were picked among the options; chance is 1 / options."""
    ids = list(dict.fromkeys(trial.label.explanation_id for trial in trials))
    place = {name: number for number, name in enumerate(ids)}
    label_N = np.array([place[trial.label.explanation_id] for trial in trials], np.int64)
    answered_N = np.array([verdict.value is not None for verdict in verdicts], bool)
    right_N = np.array([verdict.value is True for verdict in verdicts], bool)
    every = Clusters(label_N, np.arange(len(label_N)), len(ids))
    answered, failed = every.where(answered_N), every.where(~answered_N)
    accuracy = share(answered, right_N[answered_N])
    return metric_rows(ids, [LabelMetric("accuracy", accuracy, answered.n_L, failed.n_L)])


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    effects = inputs.material.effects
    trials = list(output_trials(inputs.labels, effects)) if effects is not None else []
    verdicts, requests = choose(inputs.setup.llm_judge(inputs.material), trials, progress)
    return Scored(accuracy_rows(trials, verdicts), requests)


SCORER = Scorer(
    metrics={
        "accuracy": "share of the times that the judge picks, of four lists of tokens, the one that the feature "
        "promotes; 0.25 is chance",
    },
    headline="accuracy",
    score=_score,
    task=TASK,
)
