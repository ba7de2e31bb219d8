"""The frequencies of units over a grid of two numbers.

P numbers, U units.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from models.evaluation.grid_frequencies import number_frequencies, unit_frequencies
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.number_frequencies import NumberFrequenciesSettings
from models.language_model.sites import Site

Given = ExperimentInput[NumberFrequenciesSettings]
NUMBER = re.compile(r"\d+")
TOGETHER = 1024
FEWEST_NUMBERS = 8
"""Below which a wave of three harmonics is any picture."""


def pairs(given: Given) -> list[tuple[int, int]]:
    """The two numbers of each prompt.

    Raises:
        InvalidPrompt: Naming the row that has not two.
    """
    found = []
    for prompt in given.prompts:
        numbers = [int(number) for number in NUMBER.findall(prompt.prompt.text)]
        if len(numbers) != 2:
            raise InvalidPrompt(
                f"row {prompt.prompt_id} holds {len(numbers)} numbers ({prompt.prompt.text!r}), wanted two: write each "
                "pair of numbers as one prompt"
            )
        found.append((numbers[0], numbers[1]))
    return found


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All pairs belong together: they are a grid."""
    acts_UPP = _grid(given)
    found = unit_frequencies(acts_UPP)
    p = acts_UPP.shape[1]
    order = torch.randperm(p * p, generator=torch.Generator().manual_seed(given.seed))
    shuffled = unit_frequencies(acts_UPP.flatten(1)[:, order].view_as(acts_UPP))
    varies_U = acts_UPP.flatten(1).var(1) > 0
    kept = varies_U.nonzero()[:, 0].tolist()[: given.settings.units]
    recipe_id = given.dictionary.recipe_id if given.dictionary is not None else None
    site = str(_site(given))
    rows = [
        {
            "recipe_id": recipe_id,
            "site": site,
            "unit": unit,
            "frequency": int(found.frequency_U[unit]),
            "share": float(found.share_U[unit].clamp(0, 1)),
            "shuffled_share": float(shuffled.share_U[unit].clamp(0, 1)),
            "share_of_sum": float(found.of_sum_U[unit].clamp(0, 1)),
            "n_pairs": p * p,
        }
        for unit in kept
    ]
    return {"unit_frequency": rows, "number_frequency": list(_number_rows(given, p, rows))}


def _site(given: Given) -> Site:
    if given.dictionary is not None:
        return given.dictionary.site
    return Site.parse(given.settings.site).resolve(given.host.n_layers)


@torch.no_grad()
def _grid(given: Given) -> Tensor:
    """Activations at the last token of each prompt, as pictures over both numbers."""
    site, numbers = _site(given), torch.tensor(pairs(given))
    p = int(numbers.max()) + 1
    parts = []
    by_length: dict[int, list[int]] = {}
    for place, prompt in enumerate(given.prompts):
        by_length.setdefault(len(prompt.token_ids), []).append(place)
    places = [some for of in by_length.values() for some in torch.tensor(of).split(TOGETHER)]
    for some in places:
        ids = torch.tensor([given.prompts[place].token_ids for place in some.tolist()])
        with given.host.capture([site]) as found:
            given.host.forward(ids)
        x_TD = found[site][:, -1].float()
        acts_TU = x_TD if given.dictionary is None else given.dictionary.sae.encode(x_TD).dense()
        parts.append(acts_TU.cpu())
    acts_TU = torch.cat(parts)
    order = torch.cat(places)
    grid_UPP = torch.zeros(acts_TU.shape[1], p, p)
    first_T, second_T = numbers[order].unbind(1)
    grid_UPP[:, first_T, second_T] = acts_TU.T
    return grid_UPP


def _number_rows(given: Given, p: int, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each frequency: its share in the numbers' embeddings, and the units that are made of it."""
    share_W = _embedding_shares(given, p)
    for frequency in range(1, p // 2 + 1):
        own = [row["share"] for row in rows if row["frequency"] == frequency]
        yield {
            "frequency": frequency,
            "embedding_share": None if share_W is None else float(share_W[frequency - 1]),
            "n_units": len(own),
            "mean_share": sum(own) / len(own) if own else None,
        }


def _embedding_shares(given: Given, p: int) -> Tensor | None:
    """None where a number is not one token of its own."""
    ids = [given.host.tokenizer(str(number), add_special_tokens=False)["input_ids"] for number in range(p)]
    if any(len(each) != 1 for each in ids) or len({each[0] for each in ids}) < p:
        return None
    rows = given.host.module_map.embedding.weight.detach().float().cpu()
    return number_frequencies(rows[torch.tensor([each[0] for each in ids])])


def _check(given: Given) -> None:
    """A whole grid, each pair once, before the first pass."""
    found = pairs(given)
    p = max(max(pair) for pair in found) + 1
    if p < FEWEST_NUMBERS:
        raise InvalidPrompt(f"the numbers are 0 to {p - 1}, wanted {FEWEST_NUMBERS} of them: add larger ones")
    if len(found) != p * p or len(set(found)) != len(found):
        raise InvalidPrompt(
            f"{len(set(found)):,} different pairs stand in {len(found):,} prompts, wanted each of {p * p:,} pairs of 0 "
            f"to {p - 1} once: add those that are missing, and drop what stands twice"
        )
    given.host.width(_site(given))


def _passes(given: Given) -> PassCount:
    """Every pair is read once."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=NumberFrequenciesSettings, measure=_measure, passes=_passes, check=_check)
