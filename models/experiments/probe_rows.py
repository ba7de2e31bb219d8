"""What probes of an experiment read: labelled places of prompts, and the activations there.

N places, D width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.corpora.python_structure import TASKS, InvalidPython, PythonStructure, PythonTask
from models.experiments.kept_results import KeptResults, pieces
from models.experiments.method import ExperimentInput
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.linear_probe import LinearProbeSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.numerics.hash_sampling import hash_rank

Given = ExperimentInput[LinearProbeSettings]
FEWEST_ROWS, FEWEST_GROUPS = 20, 6
"""A label of a Python task that fewer tokens have, or tokens of fewer groups, is left out of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is read of a prompt for one row of a probe: one position, or the mean over some."""

    prompt: int
    """Place in the experiment's prompts."""
    positions: tuple[int, ...]
    label: str
    group: str
    type: str
    """What the control task gives one random label."""


def labelled_places(given: Given) -> Mapping[str, Sequence[Place]]:
    """The rows of every task.

    Raises:
        InvalidPrompt: If a prompt has no label, or no subject where that is read, or is no Python where that is meant.
    """
    if given.settings.labels == "column":
        return {"label": [_column_place(given, number, prompt) for number, prompt in enumerate(given.prompts)]}
    places: dict[str, list[Place]] = {task: [] for task in given.settings.tasks or TASKS}
    for number, prompt in enumerate(given.prompts):
        for task, place in _python_places(given, number, prompt):
            if task in places:
                places[task].append(place)
    sampled = {task: _enough(_sample(rows, given)) for task, rows in places.items()}
    told = {task: rows for task, rows in sampled.items() if len({place.label for place in rows}) > 1}
    if lacking := sampled.keys() - told.keys() if given.settings.tasks or not told else ():
        raise InvalidPrompt(
            f"{', '.join(sorted(lacking))}: fewer than two labels have {FEWEST_ROWS} tokens in {FEWEST_GROUPS} groups: "
            "give more programs, or leave the task out"
        )
    return told


def _column_place(given: Given, number: int, encoded: EncodedPrompt) -> Place:
    prompt, n = encoded.prompt, len(encoded.token_ids)
    if prompt.label is None:
        raise InvalidPrompt(f"row {prompt.prompt_id} has no label: add the column `label`, which the probe is to tell")
    positions = (n - 1,)
    if given.settings.position == "subject":
        if not encoded.subject_positions:
            raise InvalidPrompt(
                f"row {prompt.prompt_id} has no subject, whose last token is to be read: add the column"
            )
        positions = encoded.subject_positions[-1:]
    elif given.settings.position == "mean":
        positions = tuple(range(encoded.n_special, n))
    token = given.host.tokenizer.decode([encoded.token_ids[positions[-1]]])
    kind = token if given.settings.position != "mean" else str(prompt.prompt_id)
    return Place(number, positions, prompt.label, encoded.group_name, kind)


def _python_places(given: Given, number: int, encoded: EncodedPrompt) -> Iterator[tuple[PythonTask, Place]]:
    """Every token of a program, labelled by the state behind its last character."""
    text, tokenizer = encoded.prompt.text, given.host.tokenizer
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if encoded.n_special + len(spans) != len(encoded.token_ids):
        raise InvalidPrompt(f"row {encoded.prompt_id} names a special token: take it out of the program")
    try:
        structure = PythonStructure.of(text)
    except InvalidPython as error:
        raise InvalidPrompt(f"row {encoded.prompt_id}: {error}") from error
    for position, (start, end) in enumerate(spans, encoded.n_special):
        for task, labels in structure.labels.items():
            label = labels[end - 1] if end > start else None
            if label is not None:
                token = tokenizer.decode([encoded.token_ids[position]])
                yield task, Place(number, (position,), label, encoded.group_name, token)


def _sample(places: Sequence[Place], given: Given) -> Sequence[Place]:
    def rank(place: Place) -> int:
        return hash_rank(f"{place.prompt} {place.positions}", f"rows {given.seed}")

    kept = sorted(places, key=rank)[: given.settings.most_rows]
    return sorted(kept, key=lambda place: (place.prompt, place.positions))


def _enough(places: Sequence[Place]) -> Sequence[Place]:
    rows_of: dict[str, list[Place]] = {}
    for place in places:
        rows_of.setdefault(place.label, []).append(place)
    kept = {
        label
        for label, rows in rows_of.items()
        if len(rows) >= FEWEST_ROWS and len({place.group for place in rows}) >= FEWEST_GROUPS
    }
    return [place for place in places if place.label in kept]


def read_places(
    host: HookedModel,
    prompts: Sequence[EncodedPrompt],
    sites: Sequence[Site],
    places: Sequence[Place],
    kept: KeptResults,
    name: str,
) -> dict[Site, Tensor]:
    """The activations of places, sorted by prompt, at each site: (N, D) in float32.

    Args:
        kept: Where those of some prompts at a time are kept.
        name: Which they are.
    """
    together = list(_by_prompt(places))
    parts = [
        kept.result(f"activations {name} {piece}", lambda at=at: _read(host, prompts, sites, together[at]))
        for piece, at in pieces(len(together))
    ]
    return {site: torch.cat([part[str(site)] for part in parts]) for site in sites}


@torch.no_grad()
def _read(
    host: HookedModel,
    prompts: Sequence[EncodedPrompt],
    sites: Sequence[Site],
    together: Sequence[tuple[int, Sequence[Place]]],
) -> dict[str, Tensor]:
    rows: dict[Site, list[Tensor]] = {site: [] for site in sites}
    for number, mine in together:
        with host.capture(sites) as found:
            host.forward(torch.tensor([prompts[number].token_ids]))
        for site in sites:
            x_PD = found[site][0].float().cpu()
            rows[site].extend(x_PD[list(place.positions)].mean(0) for place in mine)
    return {str(site): torch.stack(each) for site, each in rows.items()}


def _by_prompt(places: Sequence[Place]) -> Iterator[tuple[int, Sequence[Place]]]:
    together: dict[int, list[Any]] = {}
    for place in places:
        together.setdefault(place.prompt, []).append(place)
    assert list(together) == sorted(together), "places come sorted by prompt"
    yield from together.items()
