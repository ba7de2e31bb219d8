"""Facts that are edited, put together from the rows of a prompt set."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt

SPLITS = ("rewrite", "paraphrase", "neighborhood")
"""What a row is for: the prompt that is rewritten, the same in other words, or a subject that should stay as it is."""


@dataclass(frozen=True, slots=True)
class EditedFact:
    """One fact and what it is measured by."""

    name: str
    rewrite: EncodedPrompt
    others: Sequence[EncodedPrompt]
    """Paraphrases and neighbors."""

    @property
    def prompts(self) -> list[EncodedPrompt]:
        """Every prompt, the rewritten one first."""
        return [self.rewrite, *self.others]

    @property
    def subject(self) -> str:
        assert self.rewrite.prompt.subject is not None, "checked when the fact was made"
        return self.rewrite.prompt.subject

    @property
    def new_id(self) -> int:
        assert self.rewrite.foil_id is not None, "the settings ask for a foil"
        return self.rewrite.foil_id

    def key_position(self, token: str) -> int:
        """Where the rewritten prompt's key is read: at its subject's last token, or at its own."""
        return self.rewrite.subject_positions[-1] if token == "subject_last" else len(self.rewrite.token_ids) - 1

    @classmethod
    def of(cls, name: str, prompts: Sequence[EncodedPrompt]) -> "EditedFact":
        """Raises InvalidPrompt where a fact has no single rewritten prompt, or its rows want different new objects."""
        rewrites = [prompt for prompt in prompts if prompt.prompt.label == "rewrite"]
        if len(rewrites) != 1:
            raise InvalidPrompt(f"group {name!r} has {len(rewrites)} rows labelled rewrite, wanted one")
        [rewrite] = rewrites
        if not rewrite.subject_positions:
            raise InvalidPrompt(
                f"row {rewrite.prompt_id} has no subject: name the part of the prompt that the fact is about"
            )
        if apart := [prompt for prompt in prompts if prompt.foil_id != rewrite.foil_id]:
            raise InvalidPrompt(
                f"row {apart[0].prompt_id}: foil {apart[0].prompt.foil!r} is another token than that of row "
                f"{rewrite.prompt_id}, {rewrite.prompt.foil!r}: all rows of group {name!r} name the new object"
            )
        return cls(name, rewrite, [prompt for prompt in prompts if prompt is not rewrite])


def edited_facts(prompts: Sequence[EncodedPrompt]) -> list[EditedFact]:
    """The facts of a set, in its order.

    Raises:
        InvalidPrompt: Naming the row or the group that cannot be used.
    """
    groups: dict[str, list[EncodedPrompt]] = {}
    for prompt in prompts:
        if prompt.prompt.label not in SPLITS:
            raise InvalidPrompt(
                f"row {prompt.prompt_id} has label {prompt.prompt.label!r}, wanted {', '.join(SPLITS)}: it says what "
                "the row is for"
            )
        if prompt.prompt.group is None:
            raise InvalidPrompt(f"row {prompt.prompt_id} has no group: rows of one fact share a group")
        groups.setdefault(prompt.prompt.group, []).append(prompt)
    return [EditedFact.of(name, rows) for name, rows in groups.items()]


def refuse_rewritten_neighbors(facts: Sequence[EditedFact]) -> None:
    """Where all facts are in the weights at the same time, a neighbor that is itself rewritten tells nothing of what
    stays.

    Raises:
        InvalidPrompt: Naming the first neighbor that asks what another fact rewrites, and how many there are.
    """
    rewritten = {
        prompt.token_ids: prompt for fact in facts for prompt in fact.prompts if prompt.prompt.label != "neighborhood"
    }
    both = [
        (prompt, rewritten[prompt.token_ids])
        for fact in facts
        for prompt in fact.others
        if prompt.prompt.label == "neighborhood" and prompt.token_ids in rewritten
    ]
    if both:
        neighbor, other = both[0]
        raise InvalidPrompt(
            f"row {neighbor.prompt_id} is a neighbor, which should stay, and row {other.prompt_id} rewrites the same "
            f"prompt, {str(neighbor.prompt.prompt)!r}{f', and so with {len(both) - 1} more' if len(both) > 1 else ''}: "
            "with `together` all facts are in the weights at the same time. Ask neighbors that no fact of the set "
            "rewrites, or leave out `together`"
        )
