"""The output test: told the label, does a judge pick the tokens that the feature promotes from four lists?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from models.autointerp.answer_schemas import AnswerSchema, one_of
from models.autointerp.judge_task import JudgeTask
from models.autointerp.judges.llm import LLMJudge, nth_label, unanswered
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_format import escaped, feature, token_list
from models.autointerp.score_rows import metric_rows
from models.autointerp.scorer import Scored, Scorer, ScorerInputs
from models.autointerp.structured_answers import group_by
from models.autointerp.trials import Judgement, Label
from models.numerics.hash_sampling import hash_rank
from models.numerics.metrics_with_ci import wilson

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


def choices(labels: Iterable[Label], effects: pa.Table, n_options: int = 4) -> Iterator[OutputTrial]:
    """Which tokens does the feature promote? Its own, or those of other features, labelled or not, drawn by hash: a
    label more changes no other's choice.

    No two options hold the same tokens. A label whose feature promotes nothing has no choice, and none has one where
    fewer than `n_options` lists of tokens differ.

    Args:
        labels: What is tried.
        effects: Rows of `logit_effect`; the first `TOKENS_SHOWN` that are promoted are shown.
        n_options: Options of a choice, the right one among them.
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
    judge: LLMJudge, choices: Sequence[OutputTrial], progress: Progress = no_progress
) -> tuple[list[Judgement], list[LedgerAnswer]]:
    """For each choice whether the right option was taken."""
    nth = nth_label(choice.label for choice in choices)
    places = group_by(range(len(choices)), lambda place: (judge.group_of(choices[place].label), nth[place])).values()
    results = judge.llm.run([partial(_choose, judge, [choices[i] for i in group]) for group in places], progress)
    found = {i: v for group, (said, _) in zip(places, results, strict=True) for i, v in zip(group, said, strict=True)}
    return [found[place] for place in range(len(choices))], [a for _, answers in results for a in answers]


async def _choose(
    judge: LLMJudge, group: Sequence[OutputTrial], ask: Ask
) -> tuple[list[Judgement], tuple[LedgerAnswer, ...]]:
    names = [f"f{place}" for place in range(1, len(group) + 1)]
    content = "\n\n".join(feature(name, *_options(choice)) for name, choice in zip(names, group, strict=True))
    said, wrong, status, answers = await judge.said(TASK, content, names, ask)

    def one(name: str, choice: OutputTrial) -> Judgement:
        if name in said:
            return Judgement(OPTIONS.index(said[name]) == choice.right)
        return unanswered(name, wrong, status)

    return [one(name, choice) for name, choice in zip(names, group, strict=True)], answers


def _options(choice: OutputTrial) -> list[str]:
    options = [
        token_list("option", tokens).replace("<option>", f'<option name="{name}">', 1)
        for name, tokens in zip(OPTIONS, choice.options, strict=False)
    ]
    return [f"<label>{escaped(choice.label.text)}</label>", *options]


def choice_rows(choices: Sequence[OutputTrial], verdicts: Sequence[Judgement]) -> pa.Table:
    """How often the right tokens were found among the options; chance is 1 / options."""
    ids = list(dict.fromkeys(choice.label.explanation_id for choice in choices))
    place = {name: number for number, name in enumerate(ids)}
    label_N = np.array([place[choice.label.explanation_id] for choice in choices], np.int64)
    said_N = np.array([verdict.value is not None for verdict in verdicts], bool)
    right_N = np.array([verdict.value is True for verdict in verdicts], bool)
    right_L, n_L, failed_L = (np.bincount(label_N[of], minlength=len(ids)) for of in (right_N, said_N, ~said_N))
    return metric_rows(ids, [("accuracy", wilson(right_L, n_L), n_L, failed_L)])


def _score(inputs: ScorerInputs, progress: Progress) -> Scored:
    effects = inputs.material.effects
    asked = list(choices(inputs.labels, effects)) if effects is not None else []
    verdicts, answers = choose(inputs.setup.llm_judge(inputs.material), asked, progress)
    return choice_rows(asked, verdicts), answers


SCORER = Scorer(
    metrics={
        "accuracy": "share of the times that the judge picks, of four lists of tokens, the one that the feature "
        "promotes; 0.25 is chance",
    },
    headline="accuracy",
    score=_score,
    task=TASK,
)
