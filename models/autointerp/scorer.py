"""What a scorer is, and which there are: each a file in `models/autointerp/scorers/` that names one `SCORER`."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

import models.autointerp.scorers
from models.autointerp.example_set import ExampleSet
from models.autointerp.judge_task import JudgeTask, WindowTask
from models.autointerp.judgement_rows import JUDGED
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.progress import Progress
from models.autointerp.trials import Judge, Label

if TYPE_CHECKING:
    from models.autointerp.assembly import LabelingSetup
    from models.autointerp.feature_data import FeatureData
    from models.language_model.hooked_model import HookedModel


class Scored(NamedTuple):
    """What a scorer makes of labels."""

    values: pa.Table
    """Rows of `explanation_score` without the scorer's name and headline."""
    answers: Sequence[LedgerAnswer] = ()
    """All that an LLM was asked for them."""
    judgements: pa.Table = JUDGED.empty_table()
    """Rows of `judgement` without the scorer's name; none where nothing was said of windows one by one."""


@dataclass(frozen=True)
class ScorerInputs:
    """What a scorer may use."""

    material: "FeatureData"
    labels: Sequence[Label]
    setup: "LabelingSetup"
    host: "Callable[[], HookedModel] | None" = None
    """The language model that features are read with, or the recipe's own."""
    ratings: pa.Table | None = None
    """Rows of `specificity` of the same labels."""

    @property
    def examples(self) -> ExampleSet:
        return self.material.gallery

    @property
    def of_images(self) -> bool:
        return self.material.of_images

    @cached_property
    def judge(self) -> Judge:
        return self.setup.judge(self.material)


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A test that labels are put to."""

    metrics: Mapping[str, str]
    """What each of its metrics means."""
    headline: str | None
    """The metric that stands for the scorer where there is room for one number; none where other columns do."""
    score: Callable[[ScorerInputs, Progress], Scored]
    task: JudgeTask | None = None
    """What it asks a judge; nothing where a model reads labels and windows by itself."""
    image_task: WindowTask | None = None
    """What it asks a judge of images; nothing where it makes no sense of them."""
    needs: tuple[str, ...] = ()
    """Settings of the recipe that it cannot do without."""
    reads: tuple[str, ...] = ()
    """Settings that name a model which it reads with, `…_revision` its version: a new version is a new score."""
    of_every_label: bool = False
    """Whether every label is put to it: no recipe names it."""

    def task_of(self, *, of_images: bool) -> JudgeTask | None:
        return self.image_task if of_images else self.task

    @property
    def rules_suffice(self) -> bool:
        """Whether a judge that knows no more of a label than a rule over tokens can be asked."""
        return self.task is None or (isinstance(self.task, WindowTask) and self.task.by_rule is not None)


def scorer_names() -> tuple[str, ...]:
    """Every scorer there is: a new one is one more file in `models/autointerp/scorers`."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(models.autointerp.scorers.__path__)))


def scorer_of(name: str) -> Scorer:
    return importlib.import_module(f"models.autointerp.scorers.{name}").SCORER


def scorers_of_every_label() -> tuple[str, ...]:
    return tuple(name for name in scorer_names() if scorer_of(name).of_every_label)


def metric_meanings() -> Iterator[tuple[str, str, str]]:
    """Scorer, metric and meaning of every score there is."""
    for name in scorer_names():
        for metric, meaning in scorer_of(name).metrics.items():
            yield name, metric, meaning


def is_headline(scorer: str, metric: str) -> bool:
    """Whether a metric stands for its scorer; none does of a scorer that is not known here."""
    return scorer in scorer_names() and scorer_of(scorer).headline == metric


if __name__ == "__main__":
    sys.stdout.write("| scorer | metric | meaning |\n|---|---|---|\n")
    sys.stdout.writelines("| `{}` | `{}` | {} |\n".format(*one) for one in metric_meanings())
