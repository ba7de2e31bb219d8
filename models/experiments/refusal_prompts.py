"""Instructions that a model is expected to refuse and others, in three parts that share no group.

N prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.experiments.method import ExperimentInput
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.refusal_direction import RefusalDirectionSettings
from models.probes.group_split import split_by_group

Given = ExperimentInput[RefusalDirectionSettings]


@dataclass(frozen=True, slots=True)
class BothKinds:
    """Prompts of one part."""

    refused: Sequence[EncodedPrompt]
    other: Sequence[EncodedPrompt]


@dataclass(frozen=True, slots=True)
class RefusalPrompts:
    """Directions are made from `train`, chosen on `validation` and measured on `test`."""

    train: BothKinds
    validation: BothKinds
    test: BothKinds
    labels: tuple[str, str]
    """That of refused instructions, and the other."""
    positions: Sequence[int]
    """Where candidates are read, counted from a prompt's end: -1 is its last token."""

    @classmethod
    def of(cls, given: Given) -> "RefusalPrompts":
        """Raises InvalidPrompt or TooFewGroups where there are no two labels, or a part would lack one of them."""
        settings, prompts = given.settings, given.prompts
        labels = [_label(prompt) for prompt in prompts]
        refused = settings.refused or labels[0]
        if refused not in labels or len(set(labels)) != 2:
            raise InvalidPrompt(
                f"the labels are {', '.join(sorted(set(labels)))} and the refused one {refused}: a refusal direction "
                "leads from instructions of one label to those of another, so give prompts of two"
            )
        rest, test = _parted(prompts, settings.test_share, given.seed)
        train, validation = _parted(rest, settings.validation_share / (1 - settings.test_share), given.seed)
        n = settings.positions or _common_end(prompts)
        return cls(
            _both("to make directions from", train, refused),
            _both("to choose among them", validation, refused),
            _both("to measure them on", test, refused),
            (refused, (set(labels) - {refused}).pop()),
            range(-n, 0),
        )


def _label(prompt: EncodedPrompt) -> str:
    if prompt.prompt.label is None:
        raise InvalidPrompt(f"row {prompt.prompt_id} has no label: add the column `label`")
    return prompt.prompt.label


def _parted(
    prompts: Sequence[EncodedPrompt], share: float, seed: int
) -> tuple[list[EncodedPrompt], list[EncodedPrompt]]:
    is_held_N = split_by_group([p.group_name for p in prompts], [_label(p) for p in prompts], share, seed)
    one, other = ([p for p, is_held in zip(prompts, is_held_N, strict=True) if is_held == side] for side in (0, 1))
    return one, other


def _both(name: str, prompts: Sequence[EncodedPrompt], refused: str) -> BothKinds:
    sides = [[prompt for prompt in prompts if (_label(prompt) == refused) == side] for side in (True, False)]
    if not all(sides):
        raise InvalidPrompt(f"one label has no group left {name}: add groups, or take another seed")
    return BothKinds(*sides)


def _common_end(prompts: Sequence[EncodedPrompt]) -> int:
    """Tokens with which all prompts end alike, of which the first is left out where nothing else is before them; 1 at
    least."""
    shortest = min(len(prompt.token_ids) for prompt in prompts)
    ends = (len({prompt.token_ids[-n:] for prompt in prompts}) == 1 for n in range(1, shortest))
    return max(1, next((n for n, alike in enumerate(ends) if not alike), shortest - 1))
