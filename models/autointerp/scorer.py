"""What a scorer is, and which there are: each a file in `models/autointerp/scorers/` that names one `SCORER`."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

import models.autointerp.scorers
from models.autointerp import specificity
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import JudgeTask, WindowTask
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.score_rows import VALUES, JudgedWindows, Metric, score_rows
from models.autointerp.tables import Progress
from models.autointerp.trials import Label, Trial

if TYPE_CHECKING:
    from models.autointerp.assembly import LabelingSetup
    from models.autointerp.feature_data import FeatureData
    from models.language_model.hooked_model import HookedModel

BLOCK = 10_000
"""Labels judged in one go: what a judge is asked is laid out for so many, and a sender begun."""
Some = TypeVar("Some")
Scored = tuple[pa.Table, list[LedgerAnswer]]
"""Rows of `explanation_score` without the scorer's name and headline, and all that an LLM was asked for them."""


@dataclass(frozen=True)
class ScorerInputs:
    """What a scorer may use."""

    material: "FeatureData"
    labels: Sequence[Label]
    askers: "LabelingSetup"
    host: "Callable[[], HookedModel] | None" = None
    """The language model that features are read with, or the recipe's own."""

    @property
    def gallery(self) -> ExampleSet:
        return self.material.gallery


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A test that labels are put to."""

    metrics: Mapping[str, str]
    """What each of its metrics means."""
    headline: str
    """The metric that stands for the scorer where there is room for one number."""
    score: Callable[[ScorerInputs, Progress], Scored]
    task: JudgeTask | None = None
    """What it asks a judge; nothing where a model reads labels and windows by itself."""
    needs: tuple[str, ...] = ()
    """Settings of the recipe that it cannot do without."""
    reads: tuple[str, ...] = ()
    """Settings that name a model which it reads with."""

    @property
    def rules_suffice(self) -> bool:
        """Whether a judge that knows no more of a label than a rule over tokens can be asked."""
        return self.task is None or (isinstance(self.task, WindowTask) and self.task.by_rule is not None)


def scorer_names() -> tuple[str, ...]:
    """Every scorer there is: a new one is one more file in `models/autointerp/scorers`."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(models.autointerp.scorers.__path__)))


def scorer_of(name: str) -> Scorer:
    return importlib.import_module(f"models.autointerp.scorers.{name}").SCORER


def metric_meanings() -> Iterator[tuple[str, str, str]]:
    """Scorer, metric and meaning of every score there is, that of ratings included."""
    for name in scorer_names():
        for metric, meaning in scorer_of(name).metrics.items():
            yield name, metric, meaning
    for metric, meaning in specificity.METRICS.items():
        yield "specificity", metric, meaning


def is_headline(scorer: str, metric: str) -> bool:
    """Whether a metric stands for its scorer; none does of a scorer that is not known here."""
    return scorer in scorer_names() and scorer_of(scorer).headline == metric


def judge_trials(
    task: WindowTask,
    trials: Iterable[Trial],
    metrics: Callable[[ExampleSet, JudgedWindows], list[Metric]],
    inputs: ScorerInputs,
    progress: Progress,
) -> Scored:
    """Puts trials to the recipe's judge and measures its verdicts."""
    gallery, judge = inputs.gallery, inputs.askers.judge(inputs.material)
    tables, answers = [VALUES.empty_table()], list[LedgerAnswer]()
    for done, some in blocks(iter(trials)):
        verdicts, asked = judge.judge(task, gallery, some, partial(offset_progress, progress, done, len(inputs.labels)))
        tables.append(score_rows(metrics, gallery, some, verdicts))
        answers += asked
    return pa.concat_tables(tables), answers


def read_trials(
    read: Callable[[ExampleSet, Sequence[Trial], Progress], pa.Table],
    trials: Iterable[Trial],
    inputs: ScorerInputs,
    progress: Progress,
) -> Scored:
    """Scores of a model that reads labels and windows by itself: trials that nobody judges."""
    tables = [VALUES.empty_table()]
    for done, some in blocks(iter(trials)):
        tables.append(read(inputs.gallery, some, partial(offset_progress, progress, done, len(inputs.labels))))
    return pa.concat_tables(tables), []


def blocks(some: Iterator[Some]) -> Iterator[tuple[int, list[Some]]]:
    """In lists of BLOCK, each with how many came before."""
    done = 0
    while block := list(islice(some, BLOCK)):
        yield done, block
        done += len(block)


def offset_progress(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


if __name__ == "__main__":
    sys.stdout.write("| scorer | metric | meaning |\n|---|---|---|\n")
    sys.stdout.writelines("| `{}` | `{}` | {} |\n".format(*one) for one in metric_meanings())
