"""Judges labels by asking an LLM, some windows a question, those of several labels together where that is wanted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from models.autointerp.answer_schemas import FORMS, OPTIONS
from models.autointerp.example_set import ExampleSet
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import LLM, Ask
from models.autointerp.prompt_files import prompt_text
from models.autointerp.prompt_format import escaped, feature, mark_tokens, numbered, token_list
from models.autointerp.scorers.trials import Judgement, Label, OutputTrial, Trial
from models.autointerp.structured_answers import ask_with_repair, group_by
from models.autointerp.tables import Progress, no_progress

TOGETHER = 20
"""Windows of one label in one question."""
MAX_TOKENS = 8192
"""Room for thinking; a rating with its reason takes 30, a list of strengths 100."""
WindowSlice = tuple[int, int, int]
"""Windows of a trial: its place among the trials, the first of them, and the one after the last."""


class LLMJudge:
    """Puts a task to an LLM."""

    def __init__(self, name: str, llm: LLM, groups: Mapping[int, int]):
        self.name, self.llm, self.groups = name, llm, groups

    def _group(self, label: Label) -> int:
        return self.groups.get(label.feature_id, -1 - label.feature_id)

    def judge(
        self, task: str, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]:
        """A verdict for each row of each trial, and all that was asked for them."""
        nth = _nth_label(trial.label for trial in trials)
        parts = [
            (number, first, min(first + TOGETHER, len(trial.row_N)))
            for number, trial in enumerate(trials)
            for first in range(0, len(trial.row_N), TOGETHER)
        ]
        groups = list(
            group_by(parts, lambda part: (self._group(trials[part[0]].label), nth[part[0]], part[1])).values()
        )

        def told(done: int, _: int) -> None:
            progress(len(trials) * done // max(len(groups), 1), len(trials))

        results = self.llm.run([partial(self._judge, task, gallery, trials, group) for group in groups], told)
        found = {
            part: some
            for group, (said, _) in zip(groups, results, strict=True)
            for part, some in zip(group, said, strict=True)
        }
        verdicts: list[list[Judgement]] = [[] for _ in trials]
        for part in parts:
            verdicts[part[0]] += found[part]
        return verdicts, [answer for _, answers in results for answer in answers]

    async def _judge(
        self, task: str, gallery: ExampleSet, trials: Sequence[Trial], group: Sequence[WindowSlice], ask: Ask
    ) -> tuple[list[list[Judgement]], tuple[LedgerAnswer, ...]]:
        names = iter(f"w{number}" for number in range(1, 1 + sum(end - first for _, first, end in group)))
        ids = [[next(names) for _ in range(first, end)] for _, first, end in group]
        shown = [
            feature(f"f{place}", *_parts(task, gallery, trials[number], range(first, end), some))
            for place, ((number, first, end), some) in enumerate(zip(group, ids, strict=True), start=1)
        ]
        flat = [name for some in ids for name in some]
        content = "\n\n".join(shown) + f"\n\nAnswer for all {len(flat)} windows."
        said, wrong, status, answers = await self._said(task, content, flat, ask)
        lengths = {
            name: len(gallery.window(int(trials[number].row_N[first + i]))[0])
            for (number, first, _), some in zip(group, ids, strict=True)
            for i, name in enumerate(some)
        }

        def one(name: str) -> Judgement:
            return _verdict(task, said[name], lengths[name]) if name in said else _none(name, wrong, status)

        return [[one(name) for name in some] for some in ids], answers

    async def _said(self, task: str, content: str, ids: list[str], ask: Ask) -> Any:
        form, system = FORMS[task], prompt_text(task)
        request = Request.structured(task, self.llm.name, system, content, form.schema(ids), MAX_TOKENS, self.llm.price)
        parsed, status, answers = await ask_with_repair(ask, request, form)
        return parsed.said, parsed.wrong, status, answers

    def choose(
        self, choices: Sequence[OutputTrial], progress: Progress = no_progress
    ) -> tuple[list[Judgement], list[LedgerAnswer]]:
        """For each choice whether the right option was taken."""
        nth = _nth_label(choice.label for choice in choices)
        places = group_by(range(len(choices)), lambda place: (self._group(choices[place].label), nth[place])).values()
        results = self.llm.run([partial(self._choose, [choices[i] for i in group]) for group in places], progress)
        found = {
            i: v for group, (said, _) in zip(places, results, strict=True) for i, v in zip(group, said, strict=True)
        }
        return [found[place] for place in range(len(choices))], [a for _, answers in results for a in answers]

    async def _choose(self, group: Sequence[OutputTrial], ask: Ask) -> tuple[list[Judgement], tuple[LedgerAnswer, ...]]:
        names = [f"f{place}" for place in range(1, len(group) + 1)]
        content = "\n\n".join(feature(name, *_options(choice)) for name, choice in zip(names, group, strict=True))
        said, wrong, status, answers = await self._said("output", content, names, ask)

        def one(name: str, choice: OutputTrial) -> Judgement:
            if name in said:
                return Judgement(OPTIONS.index(said[name]) == choice.right)
            return _none(name, wrong, status)

        return [one(name, choice) for name, choice in zip(names, group, strict=True)], answers


def _nth_label(labels: Iterable[Label]) -> list[int]:
    """Of each label how many of the same feature came before it: those of one question are then of different ones."""
    seen: Counter[int] = Counter()
    found = []
    for label in labels:
        found.append(seen[label.feature_id])
        seen[label.feature_id] += 1
    return found


def _none(name: str, wrong: Mapping[str, str], status: str) -> Judgement:
    """Why there is no verdict."""
    return Judgement(None, status if status != "ok" else "parse_error" if name in wrong else "not_answered")


def _parts(task: str, gallery: ExampleSet, trial: Trial, places: range, ids: Sequence[str]) -> list[str]:
    parts = [f"<label>{escaped(trial.label.text)}</label>"]
    for place, name in zip(places, ids, strict=True):
        tokens, _, peak = gallery.window(int(trial.row_N[place]))
        if task == "simulation":
            text = numbered(tokens)
        elif task == "specificity":  # the peak alone, else a control would be known by its having nothing marked beside
            text = mark_tokens(tokens, peak=peak)
        else:
            text = mark_tokens(tokens, trial.marked[place])
        parts.append(f'<window id="{name}">{text}</window>')
    return parts


def _options(choice: OutputTrial) -> list[str]:
    options = [
        token_list("option", tokens).replace("<option>", f'<option name="{name}">', 1)
        for name, tokens in zip(OPTIONS, choice.options, strict=False)
    ]
    return [f"<label>{escaped(choice.label.text)}</label>", *options]


def _verdict(task: str, said: Any, length: int) -> Judgement:
    if task == "specificity":
        rating, reason = said
        return Judgement(rating, reason=reason or None)
    if task == "simulation":
        return Judgement([float(said.get(i, 0)) for i in range(length)])
    return Judgement(said)
