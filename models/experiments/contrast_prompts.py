"""The two kinds of prompts that a steering vector separates, and the choice that it is measured by.

N prompts of a kind, L layers, D model width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.experiments.answer_choices import Choice
from models.experiments.kept_results import KeptResults, pieces
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.probes.group_split import split_by_group


@dataclass(frozen=True, slots=True)
class ContrastPrompts:
    """Prompts to make directions from, and choices of other groups to measure them by."""

    positive: Sequence[tuple[int, ...]]
    negative: Sequence[tuple[int, ...]]
    n_special: int
    are_pairs: bool
    """Whether the prompts of one place are a pair."""
    choices: Sequence[Choice]

    @classmethod
    def of(
        cls, prompts: Sequence[EncodedPrompt], test_share: float, seed: int, positive: str | None = None
    ) -> "ContrastPrompts":
        """Parts a prompt set.

        Args:
            prompts: Pairs, or rows with two labels.
            test_share: Share of the groups that is held out.
            seed: Of the choice of these groups.
            positive: The label that directions point to; None for that of the first row.

        Raises:
            InvalidPrompt: If the set has no two kinds.
            TooFewGroups: If it has no groups to hold out.
        """
        groups = [prompt.group_name for prompt in prompts]
        are_pairs = prompts[0].corrupt_ids is not None
        labels = ["pair"] * len(groups) if are_pairs else [_label(prompt) for prompt in prompts]
        is_test_N = split_by_group(groups, labels, test_share, seed)
        train, test = ([p for p, held in zip(prompts, is_test_N, strict=True) if held == side] for side in (0, 1))
        n_special = prompts[0].n_special
        if are_pairs and len(train) < 2:
            raise InvalidPrompt(
                "one pair is left to make a direction from, and two are needed to tell it from shuffled labels: give "
                "more groups, or a smaller `test_share`"
            )
        if are_pairs:
            choices = [choice for prompt in test for choice in _pair_choices(prompt)]
            return cls([p.token_ids for p in train], [p.corrupt_ids or () for p in train], n_special, True, choices)
        wanted = positive or labels[0]
        if wanted not in labels or len(set(labels)) != 2:
            raise InvalidPrompt(
                f"the labels are {', '.join(sorted(set(labels)))} and the positive one {wanted}: a direction leads "
                "from one label to another, so give prompts of two"
            )
        choices = [choice for prompt in test for choice in _label_choices(prompt, wanted)]
        sides = [[p.token_ids for p in train if (_label(p) == wanted) == side] for side in (True, False)]
        if not all(sides):
            raise InvalidPrompt("one label has no group left to make a direction from: add groups, or another seed")
        return cls(sides[0], sides[1], n_special, False, choices)


def _label(encoded: EncodedPrompt) -> str:
    if encoded.prompt.label is None:
        raise InvalidPrompt(f"row {encoded.prompt_id} has no label: add the column `label`")
    return encoded.prompt.label


def _pair_choices(encoded: EncodedPrompt) -> Iterator[Choice]:
    """Where a pair differs in its last token alone, that token behind what is before it; else answer or foil behind
    either prompt."""
    clean, corrupt, group = encoded.token_ids, encoded.corrupt_ids, encoded.group_name
    assert corrupt is not None, "every row of a set of pairs is one"
    if clean[:-1] == corrupt[:-1]:
        yield Choice(clean[:-1], clean[-1], corrupt[-1], group)
    elif encoded.answer_id is not None and encoded.foil_id is not None:
        yield Choice(clean, encoded.answer_id, encoded.foil_id, group)
        yield Choice(corrupt, encoded.answer_id, encoded.foil_id, group)


def _label_choices(encoded: EncodedPrompt, positive: str) -> Iterator[Choice]:
    """The answer is that of the row's own label, the foil that of the other."""
    if encoded.answer_id is not None and encoded.foil_id is not None:
        tokens = (encoded.answer_id, encoded.foil_id)
        matching, other = tokens if _label(encoded) == positive else tokens[::-1]
        yield Choice(encoded.token_ids, matching, other, encoded.group_name)


def read_stream(
    host: HookedModel,
    prompts: Sequence[tuple[int, ...]],
    layers: Sequence[int],
    first: int,
    kept: KeptResults,
    name: str,
) -> Mapping[str, Tensor]:
    """The stream behind blocks, (L, N, D): at each prompt's `last` token, and the mean over its `text` from the
    position `first` on, without the first of all tokens, which many models use as a sink. That of some prompts at a
    time is kept, under a name."""
    parts = [
        kept.result(f"stream {name} {piece}", lambda at=at: _read(host, prompts[at], layers, first))
        for piece, at in pieces(len(prompts))
    ]
    return {where: torch.cat([part[where] for part in parts], 1) for where in ("last", "text")}


@torch.no_grad()
def _read(
    host: HookedModel, prompts: Sequence[tuple[int, ...]], layers: Sequence[int], first: int
) -> dict[str, Tensor]:
    sites, last, text = [Site("resid_post", layer) for layer in layers], [], []
    with host.capture(sites) as found:
        for ids in prompts:
            host.forward(torch.tensor([ids]))
            stream_LPD = torch.stack([found[site][0].float().cpu() for site in sites])
            last.append(stream_LPD[:, -1])
            text.append(stream_LPD[:, min(max(first, 1), len(ids) - 1) :].mean(1))
    return {"last": torch.stack(last, 1), "text": torch.stack(text, 1)}
