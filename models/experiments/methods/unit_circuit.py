"""Circuits between the units of two sites of a vision model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.experiments.method import PassCount, Rows
from models.experiments.preferred_stimuli import PreferredStimulus, preferred_stimuli
from models.experiments.settings.unit_circuit import UnitCircuitSettings
from models.experiments.vision_method import VisionInput, VisionMethod
from models.experiments.vision_units import VisionUnits
from models.language_model.sites import Site
from models.numerics.bootstrap import ratio_interval
from models.tuning.stimulus import GREY
from models.tuning.stimulus_set import StimulusGrid, StimulusSet
from models.tuning.tuning_curve import TuningCurve
from models.tuning.unit_connections import UnitConnections, ablated_responses, unit_connections
from models.tuning.unit_response import stimulus_responses
from models.vision_model.patch_map import MapPair, PatchMap, checked_side

Given = VisionInput[UnitCircuitSettings]


@dataclass(frozen=True, slots=True)
class _Ablation:
    condition: str
    sets: Sequence[Sequence[int]]
    """Sources that are silenced, one set after the other; their effects are averaged."""


def _measure(given: Given, units: Sequence[int]) -> Rows:
    tables: dict[str, list[dict[str, Any]]] = {"unit_connection": [], "unit_ablation": []}
    orientations = _orientations(given)
    site_map = VisionUnits.chosen(given.host, None, given.settings.target, units)
    size, settings = checked_side(given.host, given.settings.size), given.settings
    chosen = preferred_stimuli(site_map, settings.stimuli, _grid(given), size, settings.reach)
    for unit, stimulus in zip(units, chosen, strict=True):
        connections = unit_connections(_pair(given), stimulus.choosing, unit, _blank(size), settings.reach)
        tables["unit_connection"] += _connection_rows(given, unit, connections, stimulus, orientations)
        tables["unit_ablation"] += _ablation_rows(given, unit, connections, stimulus)
    return tables


def _pair(given: Given) -> MapPair:
    n_layers = given.host.n_layers
    source, target = (Site.parse(each).resolve(n_layers) for each in (given.settings.source, given.settings.target))
    return MapPair(given.host, source, target)


def _grid(given: Given) -> StimulusGrid:
    settings = given.settings
    return StimulusGrid(settings.directions, settings.radii, settings.wavelengths, settings.replicates, given.seed)


def _blank(size: int) -> torch.Tensor:
    return torch.full((3, size, size), GREY)


def _orientations(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """The orientation across the stripes that each source channel prefers among gratings, in degrees, and how sharply
    (vector length)."""
    found, size = StimulusSet.of("grating", _grid(given)), checked_side(given.host, given.settings.size)
    source = PatchMap(given.host, _pair(given).source)
    response_SU: torch.Tensor = given.kept.result(
        "orientations of sources", lambda: stimulus_responses(source, found.stimuli, size)
    )
    response_UAPR = response_SU.T.reshape(-1, *found.shape).double().numpy()
    curves = [TuningCurve(found.angle_A, found.size_P, each, found.period) for each in response_UAPR]
    mean_length = [curve.vector for curve in curves]
    return np.array([mean for mean, _ in mean_length]), np.array([length for _, length in mean_length])


def _connection_rows(
    given: Given,
    unit: int,
    connections: UnitConnections,
    stimulus: PreferredStimulus,
    orientations: tuple[np.ndarray, np.ndarray],
) -> Iterator[dict[str, Any]]:
    pair, size, reach = _pair(given), checked_side(given.host, given.settings.size), given.settings.reach
    contribution_C = connections.contribution_NC.mean(0)
    blank = _blank(size)
    whole = float(ablated_responses(pair, stimulus.reporting, unit, [], blank, reach).mean())
    for rank, source in enumerate(connections.strongest(given.settings.kept_sources)):
        without = float(ablated_responses(pair, stimulus.reporting, unit, [source], blank, reach).mean())
        yield _named(pair, unit) | {
            "source_channel": source,
            "rank": rank,
            "kernel_sum": float(connections.weight_C[source]),
            "kernel_norm": float(connections.size_C[source]),
            "contribution": float(contribution_C[source]),
            "ablation_effect": whole - without,
            "response": whole,
            "source_orientation": float(orientations[0][source]),
            "source_vector_length": float(orientations[1][source]),
        }


def _ablation_rows(
    given: Given, unit: int, connections: UnitConnections, stimulus: PreferredStimulus
) -> Iterator[dict[str, Any]]:
    pair, blank = _pair(given), _blank(checked_side(given.host, given.settings.size))
    reach = given.settings.reach
    response_N = ablated_responses(pair, stimulus.reporting, unit, [], blank, reach).numpy()
    for ablation in _ablations(given, unit, connections):
        left_SN = np.stack(
            [ablated_responses(pair, stimulus.reporting, unit, each, blank, reach).numpy() for each in ablation.sets]
        )
        effect_N = response_N - left_SN.mean(0)
        low, high = ratio_interval(effect_N, np.ones(len(effect_N)), given.seed) or (None, None)
        yield _named(pair, unit) | {
            "condition": ablation.condition,
            "sources": list(ablation.sets[0]) if len(ablation.sets) == 1 else None,
            "n_sources": len(ablation.sets[0]),
            "n_sets": len(ablation.sets),
            "stimulus": stimulus.kind,
            "angle": stimulus.angle,
            "size": stimulus.size if np.isfinite(stimulus.size) else None,
            "response": float(response_N.mean()),
            "ablated_response": float(left_SN.mean()),
            "effect": float(effect_N.mean()),
            "ci_low": low,
            "ci_high": high,
            "set_deviation": float((response_N.mean() - left_SN.mean(1)).std(ddof=1)) if len(left_SN) > 1 else None,
            "n_replicates": len(response_N),
        }


def _ablations(given: Given, unit: int, connections: UnitConnections) -> Iterator[_Ablation]:
    n_channels = len(connections.size_C)
    n = min(given.settings.sources, n_channels)
    yield _Ablation("largest_kernels", [connections.strongest(n)])
    added_C = connections.contribution_NC.mean(0)
    yield _Ablation("largest_contributions", [torch.argsort(added_C, descending=True, stable=True)[:n].tolist()])
    chance = torch.Generator().manual_seed(given.seed + unit)
    drawn = [torch.randperm(n_channels, generator=chance)[:n].tolist() for _ in range(given.settings.random_sets)]
    yield _Ablation("random", drawn)
    yield _Ablation("all", [list(range(n_channels))])


def _named(pair: MapPair, unit: int) -> dict[str, Any]:
    return {"site": str(pair.target), "channel": unit, "source_site": str(pair.source)}


def _passes(given: Given) -> PassCount:
    settings, grid = given.settings, _grid(given)
    shown = sum(len(StimulusSet.of(kind, grid).stimuli) for kind in dict.fromkeys(settings.stimuli))
    sources = len(StimulusSet.of("grating", grid).stimuli)
    half = grid.replicates - grid.replicates // 2
    ablated = (half + 1) * (2 + settings.kept_sources + 3 + settings.random_sets)
    n_units = len(settings.units)
    return PassCount(sources + n_units * (shown + ablated + grid.replicates // 2 + 1), n_units * (grid.replicates // 2))


def _check(given: Given) -> None:
    settings, pair = given.settings, _pair(given)
    if not settings.units:
        raise ValueError(f"`units` is empty: name channels of {pair.target}, 0 to {given.host.width(pair.target) - 1}")
    VisionUnits.chosen(given.host, None, settings.target, settings.units)
    given.host.width(pair.source)
    checked_side(given.host, settings.size)
    _check_order(given, pair)


@torch.no_grad()
def _check_order(given: Given, pair: MapPair) -> None:
    """Raises ValueError where the target does not come behind the source."""
    order = [str(site) for site in given.host.sites]
    if order.index(str(pair.source)) >= order.index(str(pair.target)):
        raise ValueError(f"{pair.target} does not come behind {pair.source}: name the earlier site as `source`")


METHOD = VisionMethod(
    settings=UnitCircuitSettings,
    items=lambda given: list(given.settings.units),
    measure=_measure,
    passes=_passes,
    check=_check,
)
