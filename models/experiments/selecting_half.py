"""Which prompts choose a strength, and which ones its effect is reported on."""

from collections.abc import Sequence

from models.experiments.prompt_encoding import EncodedPrompt


def selecting_prompts(prompts: Sequence[EncodedPrompt]) -> frozenset[int]:
    """The prompt_ids of every second group, in the order in which groups first come: rows of one group are alike, and a
    strength chosen on one of them is chosen for the others. A prompt without a group is one of its own."""
    groups = {prompt.group_name: None for prompt in prompts}
    chosen = set(list(groups)[::2])
    return frozenset(prompt.prompt_id for prompt in prompts if prompt.group_name in chosen)
