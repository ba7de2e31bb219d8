"""What a judge is asked: the prompt, how a window is shown, and what an answer says.

Axes: N windows, S tokens of them one after another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.autointerp.answer_schemas import AnswerSchema
from models.autointerp.example_set import ExampleSet
from models.autointerp.image_example_set import ImageExampleSet
from models.autointerp.llm_client.message_content import Shown
from models.autointerp.prompt_format import mark_tokens
from models.autointerp.trials import Judgement, Trial


@dataclass(frozen=True)
class JudgeTask:
    """A question to a judge."""

    name: str
    """The purpose of the requests, and the prompt's file in `prompts/`."""
    answers: AnswerSchema
    output_tokens: int
    """Of one answer, as long as the ledger knows no better."""
    prompt_file: str | None = field(default=None, kw_only=True)
    """Of `prompts/`, where it is not called as the purpose is."""

    @property
    def prompt(self) -> str:
        """The prompt's file."""
        return self.prompt_file or self.name

    @property
    def is_yes_or_no(self) -> bool:
        """Whether an answer is a yes or a no, of which a trial's truth says the right one."""
        return all(value.get("type") == "boolean" for value in self.answers.values.values())


@dataclass(frozen=True)
class RuleMatches:
    """Where the rules that labels are read as hold, in windows that lie one after another."""

    held_S: np.ndarray
    start_N: np.ndarray
    """Where each window starts, and where the last one ends."""
    peak_N: np.ndarray
    """The peak of each window, from its start."""
    marked: Sequence[tuple[int, ...]]
    """The marked tokens of each window, from its start."""


@dataclass(frozen=True)
class WindowTask(JudgeTask):
    """A question about each of some windows."""

    shown: Callable[[Any, Trial, int], Shown]
    """By an example set, the window at a place of a trial, as an LLM sees it."""
    judgement: Callable[[Any, int], Judgement]
    """From what an LLM says of a window, and how many tokens it has."""
    by_rule: Callable[[RuleMatches], list[Judgement]] | None = None
    """A verdict for each window of a judge that knows no more than where rules hold; None where that is too little."""
    together: int = 20
    """Windows of one label in one question."""


def show_whole(images: ImageExampleSet, trial: Trial, place: int) -> Shown:
    """An image as it is."""
    return images.whole(int(trial.row_N[place]))


def show_lit(images: ImageExampleSet, trial: Trial, place: int) -> Shown:
    """An image, bright where it is marked and dim elsewhere."""
    row = int(trial.row_N[place])
    light_P = np.zeros(len(images.window(row)[0]))
    light_P[list(trial.marked[place])] = 1
    return images.lit(row, light_P)


def show_framed(images: ImageExampleSet, trial: Trial, place: int) -> Shown:
    """An image with a frame round the example's place, and what the frame holds; as it is where it has no place."""
    row = int(trial.row_N[place])
    return (images.framed(row), images.crop(row)) if images.has_place(row) else images.whole(row)


def show_marked(gallery: ExampleSet, trial: Trial, place: int) -> str:
    """A window with its marks."""
    return mark_tokens(gallery.window(int(trial.row_N[place]))[0], trial.marked[place])
