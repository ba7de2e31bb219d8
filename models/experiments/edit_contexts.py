"""The texts in which a fact's key and new value are averaged: its prompt alone, and behind pieces of other text."""

from collections.abc import Sequence
from typing import Any

import torch

from models.experiments.edited_fact import EditedFact
from models.experiments.prompt import Prompt
from models.experiments.prompt_encoding import PromptEncoder
from models.interventions.model_editing.down_projection import InvalidEdit
from models.interventions.model_editing.rome import EditContext, EditRequest


def edit_request(
    encoder: PromptEncoder, fact: EditedFact, token: str, prefixes: Sequence[Sequence[int]]
) -> EditRequest:
    """What ROME is asked.

    Args:
        encoder: Of the model.
        fact: The fact.
        token: `subject_last` or `last`: whose key is rewritten.
        prefixes: Tokens of the other texts, without special tokens.

    Raises:
        InvalidEdit: If a prompt behind another text is longer than the model reads.
    """
    alone = EditContext(fact.rewrite.token_ids, fact.key_position(token))
    joined, place = _content(encoder, f". {fact.rewrite.prompt.text}", fact.subject, token)
    behind = [
        EditContext((*encoder.prefix, *prefix, *joined), len(encoder.prefix) + len(prefix) + place)
        for prefix in prefixes
    ]
    longest = max((len(context.token_ids) for context in behind), default=0)
    if encoder.n_positions is not None and longest > encoder.n_positions:
        raise InvalidEdit(
            f"row {fact.rewrite.prompt_id} behind a text of {max(map(len, prefixes))} tokens has {longest:,} tokens, "
            f"and the model reads {encoder.n_positions:,}: shorten the prompt, or lower `prefix_tokens`"
        )
    essence, at = _content(encoder, f"{fact.subject} is a", fact.subject, token)
    about = EditContext((*encoder.prefix, *essence), len(encoder.prefix) + at)
    return EditRequest([alone, *behind], about, fact.new_id)


def _content(encoder: PromptEncoder, text: str, subject: str, token: str) -> tuple[tuple[int, ...], int]:
    """Tokens of a text without special ones, and where among them the key is read."""
    [encoded] = encoder.encode([Prompt(0, prompt=text, subject=subject)])
    content = encoded.token_ids[encoded.n_special :]
    last = encoded.subject_positions[-1] - encoded.n_special
    return content, last if token == "subject_last" else len(content) - 1


def drawn_prefixes(
    texts: Sequence[Sequence[int]], n_special: int, n: int, lengths: Sequence[int], seed: int
) -> list[tuple[int, ...]]:
    """Beginnings of texts that are drawn among all, in turn of each length."""
    chance = torch.Generator().manual_seed(seed)
    chosen: Any = torch.randperm(len(texts), generator=chance)[:n].tolist()
    content = [tuple(texts[number][n_special:]) for number in chosen]
    return [ids[: lengths[number % len(lengths)]] for number, ids in enumerate(content)]
