"""Intervals over prompts or other rows: groups are drawn whole."""

import numpy as np

from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.numerics.bootstrap import grouped_interval, ratio_interval


def names(groups: list[str | None]) -> list[str]:
    prompts = [Prompt(number, prompt="a", group=group) for number, group in enumerate(groups)]
    return [EncodedPrompt(prompt, (1,), 0).group_name for prompt in prompts]


def test_prompts_without_groups_are_drawn_one_by_one():
    values = np.array([1.0, 2.0, 5.0, 9.0])
    assert grouped_interval(names([None] * 4), values, 0) == ratio_interval(values, np.ones(4), 0)


def test_a_pair_and_its_mirror_count_as_one():
    values = np.array([1.0, -1.0, 3.0, -3.0])
    assert grouped_interval(names(["a", "a", "b", "b"]), values, 0) == (0.0, 0.0)
    low, high = grouped_interval(names([None] * 4), values, 0)
    assert low is not None
    assert high is not None
    assert high - low > 1


def test_one_group_has_no_interval():
    assert grouped_interval(names(["a", "a"]), np.ones(2), 0) == (None, None)


def test_a_ratio_is_of_the_sums_of_both():
    above, below = np.array([1.0, 2.0, 5.0, 9.0]), np.array([2.0, 1.0, 4.0, 3.0])
    found = grouped_interval(["a", "b", "a", "c"], above, 3, below)
    assert found == ratio_interval(np.array([6.0, 2.0, 9.0]), np.array([6.0, 1.0, 3.0]), 3)
