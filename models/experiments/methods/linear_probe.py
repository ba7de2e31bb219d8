"""Linear probes over a prompt set, on the residual stream or on a dictionary's codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from models.attribution.logit_lens import stream_sites
from models.experiments.method import ExperimentMethod, PassCount, Rows
from models.experiments.probe_ablation import (
    AblatedFeatures,
    ablated_places,
    ablation_rows,
    ablations,
    reached_sites,
)
from models.experiments.probe_edits import ProbeMoves, edit_token, edited_rows, label_moves
from models.experiments.probe_rows import Given, Place, labelled_places, read_places
from models.experiments.prompt import InvalidPrompt
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.linear_probe import LinearProbeSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.random_init import random_init_model
from models.language_model.sites import Site
from models.probes.codes_by_feature import CodesByFeature, strongest
from models.probes.probe_fit import FittedProbe, fit_probe
from models.probes.probe_task import ProbeTask


@dataclass(frozen=True, slots=True)
class ProbeReading:
    """What probes of one place read: the stream at a site, or a dictionary's codes of it."""

    site: Site
    layer: int
    recipe_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeInputs:
    """The activations of the rows of one task."""

    x_ND: Tensor
    random_init_ND: Tensor | None = None
    feature_ids: Sequence[int] | None = None
    """Features that the columns are; None of a stream."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All prompts belong together, since probes are fitted to all."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in LinearProbeSettings.tables}
    readings = _Readings(given, labelled_places(given))
    for name, places in readings.places.items():
        task, edits = _task(given, places), [edit for edit in given.settings.edits if edit.task == name]
        moves: list[list[ProbeMoves]] = [[] for _ in edits]
        for reading in readings.all:
            fitted = given.kept.result(
                f"probe {name} {reading.site} {reading.recipe_id}",
                lambda name=name, task=task, reading=reading: _of_reading(readings, name, task, reading),
            )
            key = {"probe_id": len(tables["probe"])}
            for table, rows in fitted["tables"].items():
                tables[table] += [key | row for row in rows]
            for of_edit, along in zip(moves, fitted["moves"], strict=False):
                of_edit.append(ProbeMoves(key["probe_id"], reading.site, along))
        for number, (edit, of_edit) in enumerate(zip(edits, moves, strict=True)):
            tables["probe_edit"] += given.kept.result(
                f"edits {name} {number}",
                lambda task=task, places=places, edit=edit, of_edit=of_edit: list(
                    edited_rows(given, task, places, edit, of_edit)
                ),
            )
    return tables


def _task(given: Given, places: Sequence[Place]) -> ProbeTask:
    labels, groups, types = zip(*((place.label, place.group, place.type) for place in places), strict=True)
    return ProbeTask.of(labels, groups, types, test_share=given.settings.test_share, seed=given.seed)


def _of_reading(readings: "_Readings", name: str, task: ProbeTask, reading: ProbeReading) -> dict[str, Any]:
    """Rows of one probe, by table, and of the stream what each edit moves."""
    given, inputs = readings.given, readings.inputs(reading, name, task)
    fitted = fit_probe(inputs.x_ND, task, given.settings.penalties, given.seed, inputs.random_init_ND)
    tables = {
        "probe": [{"task": name} | _probe_row(given, reading, task, fitted, inputs)],
        "probe_class": list(_class_rows(task, fitted)),
        "probe_metric": list(_metric_rows(task, fitted)),
    }
    off = readings.ablated(reading, name, inputs)
    tables["probe_ablation"] = list(ablation_rows(given, task, fitted, inputs.x_ND, off)) if off else []
    edits = [edit for edit in given.settings.edits if edit.task == name and reading.recipe_id is None]
    return {"tables": tables, "moves": [label_moves(inputs.x_ND, task, fitted.probe, edit) for edit in edits]}


@dataclass(frozen=True)
class _Readings:
    """What the probes of all tasks read; the model runs when the first of them asks, once for all tasks."""

    given: Given
    places: Mapping[str, Sequence[Place]]
    """By task."""

    @cached_property
    def all(self) -> list[ProbeReading]:
        dictionary, streams = self.given.dictionary, _streams(self.given)
        if dictionary is None:
            return streams
        site = dictionary.site.resolve(self.given.host.n_layers)
        layer = self.given.host.module_map.layer_of(site)
        return [*streams, ProbeReading(site, layer, dictionary.recipe_id)]

    @cached_property
    def spots(self) -> dict[tuple[int, tuple[int, ...]], Place]:
        """Every place that some task reads, sorted by prompt."""
        found = {(each.prompt, each.positions): each for places in self.places.values() for each in places}
        return dict(sorted(found.items()))

    @cached_property
    def found(self) -> dict[Site, Tensor]:
        sites = list(dict.fromkeys(reading.site for reading in self.all))
        return self._read(self.given.host, sites, "trained")

    @cached_property
    def untrained(self) -> dict[Site, Tensor]:
        if not self.given.settings.random_init:
            return {}
        random = random_init_model(self.given.host, self.given.seed)
        return self._read(random, [each.site for each in _streams(self.given)], "untrained")

    def _read(self, host: HookedModel, sites: Sequence[Site], name: str) -> dict[Site, Tensor]:
        return read_places(host, self.given.prompts, sites, list(self.spots.values()), self.given.kept, name)

    @cached_property
    def without_features(self) -> list[tuple[AblatedFeatures, dict[Site, Tensor]]]:
        """The places that the flagged features reach, with these off, and with others."""
        sites = reached_sites(self.given, [reading.site for reading in _streams(self.given)])
        spots = list(self.spots.values())
        return [(off, ablated_places(self.given, off, sites, spots)) for off in ablations(self.given) if sites]

    def ablated(self, reading: ProbeReading, name: str, inputs: ProbeInputs) -> list[tuple[AblatedFeatures, Tensor]]:
        """What a probe reads with features off: in the model, or of a dictionary in its codes; none where they come
        after."""
        if not self.given.settings.ablated_features:
            return []
        if reading.recipe_id is not None:
            columns_K = torch.tensor(inputs.feature_ids)
            pairs = ((off, torch.isin(columns_K, torch.tensor(off.features))) for off in ablations(self.given))
            return [(off, inputs.x_ND.masked_fill(off_K, 0)) for off, off_K in pairs]
        rows_N = self._rows(name)
        return [(off, x[reading.site][rows_N]) for off, x in self.without_features if reading.site in x]

    def _rows(self, name: str) -> Tensor:
        """Which of the places a task reads."""
        numbers = {spot: number for number, spot in enumerate(self.spots)}
        return torch.tensor([numbers[each.prompt, each.positions] for each in self.places[name]])

    def inputs(self, reading: ProbeReading, name: str, task: ProbeTask) -> ProbeInputs:
        rows_N = self._rows(name)
        x_ND = self.found[reading.site][rows_N]
        if reading.recipe_id is not None:
            return _codes(self.given, task, x_ND)
        untrained = self.untrained.get(reading.site)
        return ProbeInputs(x_ND, None if untrained is None else untrained[rows_N])


def _streams(given: Given) -> list[ProbeReading]:
    asked, every = given.settings.layers, stream_sites(given.host.n_layers)
    return [ProbeReading(site, layer) for layer, site in every if asked is None or layer in asked]


def _codes(given: Given, task: ProbeTask, x_ND: Tensor) -> ProbeInputs:
    """The codes of the features that tell each label best from the others in training, alike many for each."""
    with torch.no_grad():
        codes = CodesByFeature.of([given.features.sae.encode(x_ND.to(given.host.device))])
    train_M = torch.nonzero(torch.from_numpy(~task.is_test_N))[:, 0].to(codes.tokens_M.device)
    class_M = torch.from_numpy(task.class_N).to(train_M.device)[train_M]
    of_class_MC = class_M[:, None] == torch.arange(task.n_classes, device=train_M.device)
    distance_CF = (codes.at(train_M).aurocs(of_class_MC) - 0.5).abs()
    best_CK = strongest(distance_CF, -(-given.settings.most_features // task.n_classes))
    features_K = best_CK.unique()
    return ProbeInputs(codes.columns(features_K).float().cpu(), feature_ids=features_K.tolist())


def _probe_row(
    given: Given, reading: ProbeReading, task: ProbeTask, fitted: FittedProbe, inputs: ProbeInputs
) -> dict[str, Any]:
    n_test = int(task.is_test_N.sum())
    test_groups = {group for group, is_test in zip(task.group_N, task.is_test_N, strict=True) if is_test}
    is_column = given.settings.labels == "column"
    return {
        "site": str(reading.site),
        "layer": reading.layer,
        "recipe_id": reading.recipe_id,
        "position_rule": given.settings.position if is_column else "every token",
        "n_classes": task.n_classes,
        "n_inputs": inputs.x_ND.shape[1],
        "feature_ids": inputs.feature_ids,
        "n_train": len(task.class_N) - n_test,
        "n_test": n_test,
        "n_train_groups": len(set(task.group_N)) - len(test_groups),
        "n_test_groups": len(test_groups),
        "penalty": fitted.ridge,
    }


def _class_rows(task: ProbeTask, fitted: FittedProbe) -> Iterator[dict[str, Any]]:
    for number, label in enumerate(task.labels):
        of_class_N = task.class_N == number
        yield {
            "label": label,
            "n_train": int((of_class_N & ~task.is_test_N).sum()),
            "n_test": int((of_class_N & task.is_test_N).sum()),
            "bias": float(fitted.probe.bias_C[number]),
            "weights": fitted.probe.weights_KC[:, number].tolist(),
        }


def _metric_rows(task: ProbeTask, fitted: FittedProbe) -> Iterator[dict[str, Any]]:
    for name, metric in fitted.metrics.items():
        yield {
            "metric": name,
            "value": metric.score.value,
            "ci_low": metric.score.low,
            "ci_high": metric.score.high,
            "n": int(task.is_test_N.sum()),
            "majority": metric.majority,
            "control": metric.control,
            "selectivity": metric.selectivity,
            "random_init": metric.random_init,
        }


def _check(given: Given) -> None:
    """Everything that rows, split, layers and edits can tell before the first pass."""
    settings, n_layers = given.settings, given.host.n_layers
    if beyond := [layer for layer in settings.layers or () if layer >= n_layers]:
        raise ValueError(f"layers {beyond} of a model with blocks 0 to {n_layers - 1}: name some of these, or −1")
    if settings.ablated_features and given.dictionary is None:
        raise ValueError("ablated_features are of a dictionary: name its `recipe` in the card")
    if settings.ablated_features:
        given.features.check(settings.ablated_features)
    tasks = {name: _task(given, places) for name, places in labelled_places(given).items()}
    for edit in settings.edits:
        edit_token(given, edit)
        if settings.position == "mean":
            raise InvalidPrompt("edits act at the token that is read, and `position: mean` reads many: say last")
        if edit.task not in tasks:
            raise InvalidPrompt(f"edits: no task {edit.task!r} is probed; there are {', '.join(tasks)}")
        if unknown := {edit.from_label, edit.to_label} - set(tasks[edit.task].labels):
            known = ", ".join(tasks[edit.task].labels)
            raise InvalidPrompt(f"edits: {edit.task} has no label {', '.join(sorted(unknown))}; there are {known}")


def _passes(given: Given) -> PassCount:
    """Prompts are read once, and once more of the untrained model; an edited row thrice, of which once up to its last
    token, and that token once a shift."""
    settings, tasks = given.settings, labelled_places(given)
    read = len({place.prompt for places in tasks.values() for place in places})
    n_edits = 0
    for edit in settings.edits:
        task = _task(given, tasks[edit.task])
        rows = {
            label: min(settings.most_edited_rows, int((task.is_test_N & (task.class_N == number)).sum()))
            for number, label in enumerate(task.labels)
        }
        n_shifts = len(_streams(given)) * 4 * len(settings.edit_strengths)
        n_edits += rows[edit.to_label] + (3 + n_shifts) * rows[edit.from_label]
    sites = reached_sites(given, [reading.site for reading in _streams(given)]) if settings.ablated_features else []
    n_readings = 1 + settings.random_init + (len(ablations(given)) if sites else 0)
    return PassCount(forward=read * n_readings + n_edits)


METHOD = ExperimentMethod(settings=LinearProbeSettings, measure=_measure, passes=_passes, check=_check)
