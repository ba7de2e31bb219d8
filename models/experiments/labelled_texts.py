"""The texts of a labelled set: which label, which group, which side of the split, and how much of each is read.

N texts, C labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from models.evaluation.sparse_probing import auroc
from models.experiments.method import ExperimentInput
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.text_set_settings import TextSetSettings
from models.numerics.matched_lengths import matched_lengths
from models.probes.probe_task import ProbeTask

S = TypeVar("S", bound=TextSetSettings)
MOST_LENGTH_AREA = 0.1
"""Distance of the area by length from a half, at which labels follow length."""
SPLITS = {"train": False, "test": True}


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts as they are read."""

    task: ProbeTask
    n_read_N: np.ndarray
    """Tokens of each that are read, special and skipped ones not counted."""

    def read_positions(self, prompts: Sequence[EncodedPrompt], skip: int) -> list[range]:
        """Of each text, in its tokens."""
        starts = (first_read(prompt, skip) for prompt in prompts)
        return [range(start, start + int(n)) for start, n in zip(starts, self.n_read_N, strict=True)]


def labelled_texts(given: ExperimentInput[S]) -> LabelledTexts:
    """The texts of a set, checked.

    Raises:
        InvalidPrompt: If a text has no label or no token to read, a label has too few texts, a split has another name,
            or labels follow length where that is refused.
        GroupLeak, OneSidedLabel, TooFewGroups: If groups and labels do not allow a split.
    """
    prompts, settings = given.prompts, given.settings
    if unlabelled := [prompt.prompt_id for prompt in prompts if prompt.prompt.label is None]:
        raise InvalidPrompt(f"row {unlabelled[0]} has no label: add the column `label`, or map it with `columns`")
    n_N = np.array([len(prompt.token_ids) - first_read(prompt, settings.skip_tokens) for prompt in prompts])
    if (n_N < 1).any():
        row = prompts[int(np.argmin(n_N))]
        raise InvalidPrompt(
            f"row {row.prompt_id} has {len(row.token_ids)} tokens, of which `skip_tokens: {settings.skip_tokens}` "
            "leaves none: lower it, or leave such texts out"
        )
    labels = [str(prompt.prompt.label) for prompt in prompts]
    for label in sorted(set(labels)):
        if (n := labels.count(label)) < settings.fewest_texts:
            raise InvalidPrompt(
                f"label {label!r} has {n} texts, wanted {settings.fewest_texts} at least (`fewest_texts`): add some, "
                "or leave the label out"
            )
    task = _task(given, labels)
    if settings.lengths == "matched":
        n_N = matched_lengths(n_N, task.class_N)
    elif settings.lengths == "checked":
        _check_lengths(task, n_N)
    return LabelledTexts(task, n_N)


def first_read(prompt: EncodedPrompt, skip: int) -> int:
    """The position from which a text is read."""
    return max(prompt.n_special, skip)


def asked_labels(asked: Sequence[str] | None, labels: Sequence[str]) -> list[int]:
    """Numbers of the labels that are told from all others: those asked for, else each, of two the second alone.

    Raises:
        InvalidPrompt: If the set lacks one.
    """
    if asked is None:
        return [1] if len(labels) == 2 else list(range(len(labels)))
    if unknown := sorted(set(asked) - set(labels)):
        raise InvalidPrompt(f"labels: the set has no label {', '.join(unknown)}; there are {', '.join(labels)}")
    return [labels.index(label) for label in asked]


def length_areas(task: ProbeTask, n_N: np.ndarray) -> list[float]:
    """For each label the chance that a text of it is longer than another; a half where length says nothing."""
    length_N = torch.from_numpy(n_N.astype(np.float64))
    return [auroc(length_N, torch.from_numpy(task.class_N == number)) for number in range(task.n_classes)]


def _check_lengths(task: ProbeTask, n_N: np.ndarray) -> None:
    for label, area in zip(task.labels, length_areas(task, n_N), strict=True):
        if abs(area - 0.5) > MOST_LENGTH_AREA:
            raise InvalidPrompt(
                f"texts of label {label!r} are {'longer' if area > 0.5 else 'shorter'} than the others: a text's "
                f"length tells it with an area of {area:.2f}, wanted {0.5 - MOST_LENGTH_AREA:.1f} to "
                f"{0.5 + MOST_LENGTH_AREA:.1f}. Say `lengths: matched`, which cuts them alike, or `as_they_are`"
            )


def _task(given: ExperimentInput[S], labels: Sequence[str]) -> ProbeTask:
    groups = [prompt.group_name for prompt in given.prompts]
    types = [str(prompt.prompt_id) for prompt in given.prompts]
    splits = [prompt.prompt.split for prompt in given.prompts]
    if not any(splits):
        return ProbeTask.of(labels, groups, types, test_share=given.settings.test_share, seed=given.seed)
    for prompt, split in zip(given.prompts, splits, strict=True):
        if split not in SPLITS:
            raise InvalidPrompt(f"row {prompt.prompt_id}: split is {split!r}, wanted train or test in every row")
    names = tuple(sorted(set(labels)))
    class_N = np.array([names.index(label) for label in labels], dtype=np.int64)
    return ProbeTask(names, class_N, groups, types, np.array([SPLITS[str(split)] for split in splits]))
