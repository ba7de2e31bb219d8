"""Whether a model uses what a probe reads: the stream is moved from one label to another, and the prediction watched.

A move is along the probe (its weights of the one label less those of the other) or along the difference between the
labels' means in training; at strength 1 either carries the mean of the one to that of the other, as far as it lies
along it. A random direction of the same length stands beside each.

N places, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.probe_rows import Given, Place
from models.experiments.prompt import InvalidPrompt
from models.experiments.settings.linear_probe import ProbeEdit
from models.interventions.shifted_prediction import StreamShift, last_log_probabilities
from models.language_model.sites import Site
from models.numerics.bootstrap import grouped_interval
from models.probes.linear_probe import LinearProbe
from models.probes.probe_task import ProbeTask


@dataclass(frozen=True, eq=False)
class EditedProbe:
    """A probe of the stream, the rows that it was made from, and where it reads."""

    site: Site
    x_ND: Tensor
    task: ProbeTask
    places: Sequence[Place]
    probe: LinearProbe


def edit_token(given: Given, edit: ProbeEdit) -> int:
    """The token whose probability is watched.

    Raises:
        InvalidPrompt: If the text is not exactly one token.
    """
    ids = given.host.tokenizer(edit.token, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        cut = " ".join(f"[{given.host.tokenizer.decode([token])}]" for token in ids)
        raise InvalidPrompt(
            f"edits: token {edit.token!r} is {len(ids)} tokens ({cut}), wanted one: take a shorter text"
        )
    return ids[0]


def edited_rows(given: Given, edited: EditedProbe, edit: ProbeEdit) -> Iterator[dict[str, Any]]:
    """Rows of `probe_edit`: probability of the token before and after, for each direction and strength."""
    token, source = edit_token(given, edit), _test_places(given, edited, edit.from_label)
    target = _test_places(given, edited, edit.to_label)
    before_N, natural_M = (_probability(given, each, token) for each in (source, target))
    moves = {"probe": _along_probe(edited, edit), "mean_difference": _mean_difference(edited, edit)}
    for along, move_D in moves.items():
        random_D = torch.randn(len(move_D), generator=torch.Generator().manual_seed(given.seed))
        random_D = random_D * move_D.norm() / random_D.norm()
        for strength in given.settings.edit_strengths:
            after_N, random_N = (
                _probability(given, source, token, StreamShift(edited.site, strength * each_D.expand(len(source), -1)))
                for each_D in (move_D, random_D)
            )
            low, high = grouped_interval([place.group for place in source], after_N, given.seed)
            yield {
                "from_label": edit.from_label,
                "to_label": edit.to_label,
                "token": edit.token,
                "token_id": token,
                "along": along,
                "strength": strength,
                "norm": float(move_D.norm() * abs(strength)),
                "n": len(source),
                "probability_before": float(before_N.mean()),
                "probability_after": float(after_N.mean()),
                "ci_low": low,
                "ci_high": high,
                "probability_random": float(random_N.mean()),
                "probability_target": float(natural_M.mean()),
            }


def _test_places(given: Given, edited: EditedProbe, label: str) -> Sequence[Place]:
    """Test rows of a label, the first as they stand in the prompts, one token each."""
    if label not in edited.task.labels:
        raise InvalidPrompt(f"edits: no row has the label {label!r}; there are {', '.join(edited.task.labels)}")
    number = edited.task.labels.index(label)
    chosen = np.flatnonzero(edited.task.is_test_N & (edited.task.class_N == number))
    spread = np.linspace(0, len(chosen) - 1, min(len(chosen), given.settings.most_edited_rows)).round().astype(int)
    return [edited.places[row] for row in chosen[spread]]


def _probability(given: Given, places: Sequence[Place], token: int, *shifts: StreamShift) -> np.ndarray:
    """Of the token behind each place, the text cut there."""
    cut = [given.prompts[place.prompt].token_ids[: place.positions[-1] + 1] for place in places]
    batches = last_log_probabilities(given.host, cut, *shifts)
    return torch.cat([log_BV[:, token].exp() for log_BV in batches]).double().cpu().numpy()


def _along_probe(edited: EditedProbe, edit: ProbeEdit) -> Tensor:
    source, target = (edited.task.labels.index(label) for label in (edit.from_label, edit.to_label))
    turn_D = (edited.probe.weights_KC[:, target] - edited.probe.weights_KC[:, source]).float()
    length = turn_D.square().sum().clamp_min(torch.finfo(turn_D.dtype).tiny)  # 0 where nothing tells the labels apart
    return turn_D * (_mean_difference(edited, edit) @ turn_D) / length


def _mean_difference(edited: EditedProbe, edit: ProbeEdit) -> Tensor:
    train_N = ~edited.task.is_test_N
    source_D, target_D = (
        edited.x_ND[torch.from_numpy(train_N & (edited.task.class_N == edited.task.labels.index(label)))].mean(0)
        for label in (edit.from_label, edit.to_label)
    )
    return target_D - source_D
