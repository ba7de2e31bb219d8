"""Judges labels by asking an LLM, some windows a question, those of several labels together where that is wanted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from models.autointerp.answer_schemas import ParsedAnswer
from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import JudgeTask, WindowTask
from models.autointerp.llm_client.message_content import NO_PICTURE, Shown, joined, parts_of
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import LLM, Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_files import prompt_text
from models.autointerp.prompt_format import escaped, feature
from models.autointerp.structured_answers import ask_with_repair, group_by
from models.autointerp.trials import Judgement, Label, Trial

MAX_TOKENS = 8192
"""Room for thinking; a rating with its reason takes 30, a list of strengths 100."""
NOT_SHOWN = Judgement(None, NO_PICTURE)
"""Of a window that cannot be shown."""
WindowSlice = tuple[int, tuple[int, ...]]
"""Windows of a trial: its place among the trials, and theirs in it."""


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
            (number, tuple(places))
            for number, trial in enumerate(trials)
            for places in blocks(_visible(gallery, trial), task.together)
        ]
        groups = list(
            group_by(slices, lambda part: (self.group_of(trials[part[0]].label), nth[part[0]], part[1][0])).values()
        )

        def told(done: int, _: int) -> None:
            progress(len(trials) * done // max(len(groups), 1), len(trials))

        results = self.llm.run([partial(self._judge, task, gallery, trials, group) for group in groups], told)
        verdicts = [[NOT_SHOWN] * len(trial.row_N) for trial in trials]
        for group, (of_group, _) in zip(groups, results, strict=True):
            for (number, places), judgements in zip(group, of_group, strict=True):
                for place, judgement in zip(places, judgements, strict=True):
                    verdicts[number][place] = judgement
        return verdicts, [request for _, requests in results for request in requests]

    async def _judge(
        self, task: WindowTask, gallery: ExampleSet, trials: Sequence[Trial], group: Sequence[WindowSlice], ask: Ask
    ) -> tuple[list[list[Judgement]], tuple[LedgerAnswer, ...]]:
        names = (f"w{number}" for number in count(1))
        ids = [[next(names) for _ in places] for _, places in group]
        shown = [
            feature(f"f{nth}", *_parts(task, gallery, trials[number], places, of_slice))
            for nth, ((number, places), of_slice) in enumerate(zip(group, ids, strict=True), start=1)
        ]
        every_id = [name for of_slice in ids for name in of_slice]
        content = joined("\n\n", [*shown, f"Answer for all {len(every_id)} windows."])
        answer = await self.ask_about(task, content, every_id, ask)
        lengths = {
            name: len(gallery.window(int(trials[number].row_N[place]))[0])
            for (number, places), of_slice in zip(group, ids, strict=True)
            for place, name in zip(places, of_slice, strict=True)
        }

        def judgement(name: str) -> Judgement:
            return answer.judgement(name, lambda value: task.judgement(value, lengths[name]))

        return [[judgement(name) for name in of_slice] for of_slice in ids], answer.requests

    async def ask_about(self, task: JudgeTask, content: Shown, ids: list[str], ask: Ask) -> TaskAnswer:
        """Puts one question about some ids."""
        form, system, name = task.answers, prompt_text(task.prompt), self.llm.name
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


def _visible(gallery: ExampleSet, trial: Trial) -> list[int]:
    return [place for place, row in enumerate(trial.row_N.tolist()) if gallery.can_be_shown(row)]


def _parts(
    task: WindowTask, gallery: ExampleSet, trial: Trial, places: Sequence[int], ids: Sequence[str]
) -> list[Shown]:
    windows = [
        (f'<window id="{name}">', *parts_of(task.shown(gallery, trial, place)), "</window>")
        for place, name in zip(places, ids, strict=True)
    ]
    return [f"<label>{escaped(trial.label.text)}</label>", *windows]
