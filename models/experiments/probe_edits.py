"""Whether a model uses what a probe reads: the stream is moved from one label to another, and the prediction watched.

A move is along the probe (its weights of the one label less those of the other) or along the difference between the
labels' means in training; at strength 1 either carries the mean of the one to that of the other, as far as it lies
along it. A random direction of the same length stands beside each.

N places, D width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.probe_rows import Given, Place
from models.experiments.prompt import InvalidPrompt
from models.experiments.settings.linear_probe import ProbeEdit
from models.interventions.shifted_prediction import last_log_probabilities, last_moved_log_probabilities
from models.language_model.sites import Site
from models.numerics.bootstrap import grouped_interval
from models.probes.linear_probe import LinearProbe
from models.probes.probe_task import ProbeTask

DIRECTIONS = ("probe", "mean_difference")


@dataclass(frozen=True, eq=False)
class ProbeMoves:
    """Where one probe reads the stream, and what carries it from a label to another at strength 1."""

    probe_id: int
    site: Site
    along: Mapping[str, Tensor]
    """A vector (D) for each of DIRECTIONS."""

    def shifts(self, seed: int, strengths: Sequence[float]) -> Iterator[tuple[Site, Tensor]]:
        """By direction and strength, each with a random one of equal length behind it."""
        for name, strength in product(DIRECTIONS, strengths):
            move_D = self.along[name]
            random_D = torch.randn(len(move_D), generator=torch.Generator().manual_seed(seed))
            yield self.site, strength * move_D
            yield self.site, strength * random_D * move_D.norm() / random_D.norm()


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


def edited_rows(
    given: Given, task: ProbeTask, places: Sequence[Place], edit: ProbeEdit, probes: Sequence[ProbeMoves]
) -> Iterator[dict[str, Any]]:
    """Rows of `probe_edit`: probability of the token before and after, for each probe, direction and strength.

    A test row's text is read once for the shifts of all probes.
    """
    token, strengths = edit_token(given, edit), given.settings.edit_strengths
    source, target = (_test_places(given, task, places, label) for label in (edit.from_label, edit.to_label))
    before_N, natural_M = (_probability(given, each, token) for each in (source, target))
    shifts = [shift for probe in probes for shift in probe.shifts(given.seed, strengths)]
    after_SN = np.stack(
        [
            last_moved_log_probabilities(given.host, _text(given, place), shifts)[:, token].exp().double().cpu().numpy()
            for place in source
        ],
        axis=1,
    )
    groups, at = [place.group for place in source], iter(zip(after_SN[::2], after_SN[1::2], strict=True))
    for probe, along, strength in product(probes, DIRECTIONS, strengths):
        after_N, random_N = next(at)
        low, high = grouped_interval(groups, after_N, given.seed)
        yield {
            "probe_id": probe.probe_id,
            "from_label": edit.from_label,
            "to_label": edit.to_label,
            "token": edit.token,
            "token_id": token,
            "along": along,
            "strength": strength,
            "norm": float(probe.along[along].norm() * abs(strength)),
            "n": len(source),
            "probability_before": float(before_N.mean()),
            "probability_after": float(after_N.mean()),
            "ci_low": low,
            "ci_high": high,
            "probability_random": float(random_N.mean()),
            "probability_target": float(natural_M.mean()),
        }


def _test_places(given: Given, task: ProbeTask, places: Sequence[Place], label: str) -> Sequence[Place]:
    """Test rows of a label, the first as they stand in the prompts, one token each."""
    if label not in task.labels:
        raise InvalidPrompt(f"edits: no row has the label {label!r}; there are {', '.join(task.labels)}")
    chosen = np.flatnonzero(task.is_test_N & (task.class_N == task.labels.index(label)))
    spread = np.linspace(0, len(chosen) - 1, min(len(chosen), given.settings.most_edited_rows)).round().astype(int)
    return [places[row] for row in chosen[spread]]


def _text(given: Given, place: Place) -> Sequence[int]:
    """The tokens up to a place."""
    return given.prompts[place.prompt].token_ids[: place.positions[-1] + 1]


def _probability(given: Given, places: Sequence[Place], token: int) -> np.ndarray:
    """Of the token behind each place, the text cut there."""
    batches = last_log_probabilities(given.host, [_text(given, place) for place in places])
    return torch.cat([log_BV[:, token].exp() for log_BV in batches]).double().cpu().numpy()


def label_moves(x_ND: Tensor, task: ProbeTask, probe: LinearProbe, edit: ProbeEdit) -> dict[str, Tensor]:
    """What carries the stream from the one label to the other, by direction."""
    source, target = (task.labels.index(label) for label in (edit.from_label, edit.to_label))
    train_N = ~task.is_test_N
    source_D, target_D = (
        x_ND[torch.from_numpy(train_N & (task.class_N == number))].mean(0) for number in (source, target)
    )
    between_D = target_D - source_D
    turn_D = (probe.weights_KC[:, target] - probe.weights_KC[:, source]).float()
    length = turn_D.square().sum().clamp_min(torch.finfo(turn_D.dtype).tiny)  # 0 where nothing tells the labels apart
    return {"probe": turn_D * (between_D @ turn_D) / length, "mean_difference": between_D}
