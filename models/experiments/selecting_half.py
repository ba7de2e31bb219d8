"""Which groups of prompts choose a strength, and which ones its effect is reported on."""

from collections.abc import Sequence

from models.experiments.prompt_encoding import EncodedPrompt


def selecting_groups(groups: Sequence[str]) -> frozenset[str]:
    """Every second group, in the order in which they first come: rows of one group are alike, and a strength chosen on
    one of them is chosen for the others."""
    return frozenset(list(dict.fromkeys(groups))[::2])


def selecting_prompts(prompts: Sequence[EncodedPrompt]) -> frozenset[int]:
    """The prompt_ids of the groups that choose. A prompt without a group is one of its own."""
    chosen = selecting_groups([prompt.group_name for prompt in prompts])
    return frozenset(prompt.prompt_id for prompt in prompts if prompt.group_name in chosen)
