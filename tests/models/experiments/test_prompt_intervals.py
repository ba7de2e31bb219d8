"""Intervals over prompts: groups are drawn whole."""

import numpy as np

from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.prompt_intervals import prompt_interval
from models.numerics.bootstrap import ratio_interval


def prompts(groups: list[str | None]) -> list[EncodedPrompt]:
    return [EncodedPrompt(Prompt(number, prompt="a", group=group), (1,), 0) for number, group in enumerate(groups)]


def test_prompts_without_groups_are_drawn_one_by_one():
    values = np.array([1.0, 2.0, 5.0, 9.0])
    assert prompt_interval(prompts([None] * 4), values, np.ones(4), 0) == ratio_interval(values, np.ones(4), 0)


def test_a_pair_and_its_mirror_count_as_one():
    values = np.array([1.0, -1.0, 3.0, -3.0])
    assert prompt_interval(prompts(["a", "a", "b", "b"]), values, np.ones(4), 0) == (0.0, 0.0)
    low, high = prompt_interval(prompts([None] * 4), values, np.ones(4), 0)
    assert low is not None
    assert high is not None
    assert high - low > 1


def test_one_group_has_no_interval():
    assert prompt_interval(prompts(["a", "a"]), np.ones(2), np.ones(2), 0) == (None, None)
