"""Judges labels by asking an LLM, some windows a question, those of several labels together where that is wanted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.autointerp.answer_schemas import ParsedAnswer
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import JudgeTask, WindowTask
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import LLM, Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_files import prompt_text
from models.autointerp.prompt_format import escaped, feature
from models.autointerp.structured_answers import ask_with_repair, group_by
from models.autointerp.trials import Judgement, Label, Trial

TOGETHER = 20
"""Windows of one label in one question."""
MAX_TOKENS = 8192
"""Room for thinking; a rating with its reason takes 30, a list of strengths 100."""
WindowSlice = tuple[int, int, int]
"""Windows of a trial: its place among the trials, the first of them, and the one after the last."""


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """What an LLM answers to one question, by id, and all that was asked for it."""

    parsed: ParsedAnswer
    status: str
    requests: tuple[LedgerAnswer, ...]

    def judgement(self, name: str, judgement_of: Callable[[Any], Judgement]) -> Judgement:
        """From what is answered about an id, or why there is no verdict."""
        if name in self.parsed.said:
            return judgement_of(self.parsed.said[name])
        if self.status != "ok":
            return Judgement(None, self.status)
        return Judgement(None, "parse_error" if name in self.parsed.wrong else "not_answered")


class LLMJudge:
    """Puts a task to an LLM."""

    def __init__(self, name: str, llm: LLM, groups: Mapping[int, int]):
        self.name, self.llm, self.groups = name, llm, groups

    def group_of(self, label: Label) -> int:
        return self.groups.get(label.feature_id, -1 - label.feature_id)

    def judge(
        self, task: WindowTask, gallery: ExampleSet, trials: Sequence[Trial], progress: Progress = no_progress
    ) -> tuple[list[list[Judgement]], list[LedgerAnswer]]:
        """A verdict for each row of each trial, and all that was asked for them."""
        nth = nth_label(trial.label for trial in trials)
        slices = [
            (number, first, min(first + TOGETHER, len(trial.row_N)))
            for number, trial in enumerate(trials)
            for first in range(0, len(trial.row_N), TOGETHER)
        ]
        groups = list(
            group_by(slices, lambda part: (self.group_of(trials[part[0]].label), nth[part[0]], part[1])).values()
        )

        def told(done: int, _: int) -> None:
            progress(len(trials) * done // max(len(groups), 1), len(trials))

        results = self.llm.run([partial(self._judge, task, gallery, trials, group) for group in groups], told)
        by_slice = {
            part: judgements
            for group, (of_group, _) in zip(groups, results, strict=True)
            for part, judgements in zip(group, of_group, strict=True)
        }
        verdicts: list[list[Judgement]] = [[] for _ in trials]
        for part in slices:
            verdicts[part[0]] += by_slice[part]
        return verdicts, [request for _, requests in results for request in requests]

    async def _judge(
        self, task: WindowTask, gallery: ExampleSet, trials: Sequence[Trial], group: Sequence[WindowSlice], ask: Ask
    ) -> tuple[list[list[Judgement]], tuple[LedgerAnswer, ...]]:
        names = iter(f"w{number}" for number in range(1, 1 + sum(end - first for _, first, end in group)))
        ids = [[next(names) for _ in range(first, end)] for _, first, end in group]
        shown = [
            feature(f"f{place}", *_parts(task, gallery, trials[number], range(first, end), of_slice))
            for place, ((number, first, end), of_slice) in enumerate(zip(group, ids, strict=True), start=1)
        ]
        every_id = [name for of_slice in ids for name in of_slice]
        content = "\n\n".join(shown) + f"\n\nAnswer for all {len(every_id)} windows."
        answer = await self.ask_about(task, content, every_id, ask)
        lengths = {
            name: len(gallery.window(int(trials[number].row_N[first + i]))[0])
            for (number, first, _), of_slice in zip(group, ids, strict=True)
            for i, name in enumerate(of_slice)
        }

        def judgement(name: str) -> Judgement:
            return answer.judgement(name, lambda value: task.judgement(value, lengths[name]))

        return [[judgement(name) for name in of_slice] for of_slice in ids], answer.requests

    async def ask_about(self, task: JudgeTask, content: str, ids: list[str], ask: Ask) -> TaskAnswer:
        """Puts one question about some ids."""
        form, system, name = task.answers, prompt_text(task.name), self.llm.name
        request = Request.structured(task.name, name, system, content, form.schema(ids), MAX_TOKENS, self.llm.price)
        return TaskAnswer(*await ask_with_repair(ask, request, form))


def nth_label(labels: Iterable[Label]) -> list[int]:
    """Of each label how many of the same feature came before it: those of one question are then of different ones."""
    seen: Counter[int] = Counter()
    before = []
    for label in labels:
        before.append(seen[label.feature_id])
        seen[label.feature_id] += 1
    return before


def _parts(task: WindowTask, gallery: ExampleSet, trial: Trial, places: range, ids: Sequence[str]) -> list[str]:
    windows = [
        f'<window id="{name}">{task.shown(gallery, trial, place)}</window>'
        for place, name in zip(places, ids, strict=True)
    ]
    return [f"<label>{escaped(trial.label.text)}</label>", *windows]
