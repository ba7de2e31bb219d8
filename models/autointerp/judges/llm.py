"""Judges labels by asking an LLM, some windows a question, those of several labels together where that is wanted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

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
        parts = [
            (number, first, min(first + TOGETHER, len(trial.row_N)))
            for number, trial in enumerate(trials)
            for first in range(0, len(trial.row_N), TOGETHER)
        ]
        groups = list(
            group_by(parts, lambda part: (self.group_of(trials[part[0]].label), nth[part[0]], part[1])).values()
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
        self, task: WindowTask, gallery: ExampleSet, trials: Sequence[Trial], group: Sequence[WindowSlice], ask: Ask
    ) -> tuple[list[list[Judgement]], tuple[LedgerAnswer, ...]]:
        names = iter(f"w{number}" for number in range(1, 1 + sum(end - first for _, first, end in group)))
        ids = [[next(names) for _ in range(first, end)] for _, first, end in group]
        shown = [
            feature(f"f{place}", *_parts(task, gallery, trials[number], range(first, end), some))
            for place, ((number, first, end), some) in enumerate(zip(group, ids, strict=True), start=1)
        ]
        flat = [name for some in ids for name in some]
        content = "\n\n".join(shown) + f"\n\nAnswer for all {len(flat)} windows."
        said, wrong, status, answers = await self.said(task, content, flat, ask)
        lengths = {
            name: len(gallery.window(int(trials[number].row_N[first + i]))[0])
            for (number, first, _), some in zip(group, ids, strict=True)
            for i, name in enumerate(some)
        }

        def one(name: str) -> Judgement:
            return task.judgement(said[name], lengths[name]) if name in said else unanswered(name, wrong, status)

        return [[one(name) for name in some] for some in ids], answers

    async def said(self, task: JudgeTask, content: str, ids: list[str], ask: Ask) -> Any:
        """What an LLM says by id, what is wrong with other ids, the status, and all that was asked."""
        form, system, name = task.answers, prompt_text(task.name), self.llm.name
        request = Request.structured(task.name, name, system, content, form.schema(ids), MAX_TOKENS, self.llm.price)
        parsed, status, answers = await ask_with_repair(ask, request, form)
        return parsed.said, parsed.wrong, status, answers


def nth_label(labels: Iterable[Label]) -> list[int]:
    """Of each label how many of the same feature came before it: those of one question are then of different ones."""
    seen: Counter[int] = Counter()
    found = []
    for label in labels:
        found.append(seen[label.feature_id])
        seen[label.feature_id] += 1
    return found


def unanswered(name: str, wrong: Mapping[str, str], status: str) -> Judgement:
    """Why there is no verdict."""
    return Judgement(None, status if status != "ok" else "parse_error" if name in wrong else "not_answered")


def _parts(task: WindowTask, gallery: ExampleSet, trial: Trial, places: range, ids: Sequence[str]) -> list[str]:
    windows = [
        f'<window id="{name}">{task.shown(gallery, trial, place)}</window>'
        for place, name in zip(places, ids, strict=True)
    ]
    return [f"<label>{escaped(trial.label.text)}</label>", *windows]
