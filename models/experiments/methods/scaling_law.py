"""Dictionaries of many widths from one reading, and the law by which their error falls.

T tokens, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.activations.held_activations import HeldActivations
from models.dictionaries.architectures.topk import TopKSAE
from models.dictionaries.config import SAESettings
from models.dictionaries.normalization import Normalization, RunningMoments, fit_normalization
from models.evaluation.scaling_law import FURTHER, fall_before_decay, fit_scaling
from models.experiments.fit_texts import fit_windows
from models.experiments.held_sites import check_held, read_windows
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.scaling_law import ScalingLawSettings
from models.language_model.sites import Site
from models.training.config import TrainingSettings
from models.training.held_runs import advance_together
from models.training.memory_estimate import require_memory
from models.training.run import TrainingRun
from models.training.schedule import TrainingSchedule, default_learning_rate

Given = ExperimentInput[ScalingLawSettings]
OF_LAW = (
    *("exponent", "exponent_ci_low", "exponent_ci_high", "amplitude", "floor", "floor_ci_low", "floor_ci_high"),
    *("aic", "aic_without_floor", "residual", "further_n", "further", "further_ci_low", "further_ci_high"),
)
"""Columns that are null where none was fitted."""
FEWEST_SIZES = 4
"""Widths with a converged run below which no law is fitted."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What one dictionary is asked for."""

    n_features: int
    k: int
    seed: int
    rate: float
    """Multiple of the learning rate."""


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All runs, width by width; each width's are kept, so that a killed sweep goes on."""
    texts_TD = _of_texts(given)
    source: list[HeldActivations] = []
    rows: list[dict[str, Any]] = []
    for width in sorted(set(given.settings.widths)):
        asked = [run for run in _runs(given) if run.n_features == width]
        kept = given.kept.result(f"width {width}", lambda asked=asked: _trained(given, asked, source, texts_TD))
        rows.extend(kept)
    return {"scaling_run": rows, "scaling_fit": list(_fits(given, rows))}


def _runs(given: Given) -> list[_Run]:
    settings = given.settings
    widths, sparsities = sorted(set(settings.widths)), sorted(set(settings.k))
    runs = [_Run(n, k, seed, 1.0) for n in widths for k in sparsities for seed in range(settings.seeds)]
    middle = widths[len(widths) // 2]
    rates = [rate for rate in dict.fromkeys(settings.learning_rates) if rate != 1]
    return runs + [_Run(middle, k, 0, rate) for k in sparsities for rate in rates]


def _site(given: Given) -> Site:
    return Site.parse(given.settings.site).resolve(given.host.n_layers)


def _held(given: Given, source: list[HeldActivations]) -> HeldActivations:
    """Read when the first width needs it, and once."""
    if not source:
        settings = given.settings
        windows = fit_windows(given.host, settings.fit_source, given.prefix, settings.fit_tokens, settings.fit_length)
        x_TD = read_windows(given.host, _site(given), windows, len(given.prefix))
        source.append(HeldActivations(x_TD, (x_TD.shape[1],)))
    return source[0]


@torch.no_grad()
def _of_texts(given: Given) -> Tensor:
    """The site on the card's texts, on which every run is measured."""
    site, parts = _site(given), []
    for prompt in given.prompts:
        with given.host.capture([site]) as found:
            given.host.forward(torch.tensor([prompt.token_ids]))
        parts.append(found[site][0, max(prompt.n_special, 1) :].float().cpu())
    return torch.cat(parts)


def _trained(
    given: Given, asked: Sequence[_Run], source: list[HeldActivations], texts_TD: Tensor
) -> list[dict[str, Any]]:
    held = _held(given, source)
    [scaling] = fit_normalization(held.chunks(), *held.widths)
    runs = [_begun(given, run, held.widths[0], scaling) for run in asked]
    advance_together(runs, held, given.seed, lambda step: _note(runs, step))
    return [_row(run, made, texts_TD) for run, made in zip(asked, runs, strict=True)]


def _begun(given: Given, run: _Run, width: int, scaling: Normalization) -> TrainingRun:
    settings, device = given.settings, torch.device("cpu")
    rate = default_learning_rate(width) if settings.learning_rate == "auto" else settings.learning_rate
    training = TrainingSettings(
        tokens=settings.training_tokens,
        batch_tokens=settings.batch_tokens,
        learning_rate=min(1.0, rate * run.rate),
        seed=given.seed + run.seed,
    )
    chance = torch.Generator().manual_seed(given.seed + run.seed)
    sae = TopKSAE.build(SAESettings(n_features=run.n_features, k=run.k), width, chance)
    return TrainingRun(sae, [scaling], TrainingSchedule.of(training, width, device, sae.mean_density), device)


def _note(runs: Sequence[TrainingRun], step: int) -> None:
    for run in runs:
        if run.step == step and (run.done or step % run.plan.per_row == 0):
            run.row()


@torch.no_grad()
def _row(run: _Run, made: TrainingRun, texts_TD: Tensor) -> dict[str, Any]:
    learned, _ = made.trained()
    moments, squared = RunningMoments.zero(texts_TD.shape[1]), 0.0
    fired_F = torch.zeros(run.n_features, dtype=torch.bool)
    for x_TD in texts_TD.split(4096):
        codes = learned.encode(x_TD)  # type: ignore[operator]
        squared += float((x_TD - learned.guess(x_TD, codes)).double().square().sum())  # type: ignore[operator]
        moments = moments + RunningMoments.of(x_TD)
        fired_F[codes.fired()[1].unique()] = True
    [curve] = made.curves
    steps, losses = (np.array([getattr(point, name) for point in curve]) for name in ("step", "fvu"))
    plan, width = made.plan, texts_TD.shape[1]
    return {
        "n_features": run.n_features,
        "k": run.k,
        "seed": run.seed,
        "rate_factor": run.rate,
        "learning_rate": plan.peak,
        "n_tokens": plan.n_steps * plan.batch_tokens,
        "n_steps": plan.n_steps,
        "fvu": squared / max(moments.variation, 1e-30),
        "training_fvu": float(losses[-1]),
        "n_alive": int(fired_F.sum()),
        "fall": fall_before_decay(steps, losses, plan.decay, plan.n_steps),
        "flops": 12.0 * width * run.n_features * plan.n_steps * plan.batch_tokens,
    }


def _fits(given: Given, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A law for each sparsity, of converged runs at the rate that all widths were trained with."""
    for row in rows:
        row["is_converged"] = bool(row["fall"] <= given.settings.most_fall)
    for k in sorted(set(given.settings.k)):
        own = [row for row in rows if row["k"] == k and row["rate_factor"] == 1]
        kept = [row for row in own if row["is_converged"]]
        sizes = sorted({row["n_features"] for row in kept})
        empty = dict.fromkeys(OF_LAW)
        shared = {
            "k": k,
            "n_runs": len(kept),
            "n_left_out": len(own) - len(kept),
            "n_sizes": len(sizes),
            "smallest": sizes[0] if sizes else None,
            "largest": sizes[-1] if sizes else None,
        }
        if len(sizes) < FEWEST_SIZES:
            yield empty | shared | {"refused": _refusal(given, own, len(sizes))}
            continue
        n_R, loss_R, size_R = (
            np.array([row[name] for row in kept], float) for name in ("n_alive", "fvu", "n_features")
        )
        found = fit_scaling(n_R, loss_R, size_R, given.seed)
        yield shared | {
            "refused": None,
            "exponent": found.law.exponent,
            "exponent_ci_low": found.exponent_interval[0],
            "exponent_ci_high": found.exponent_interval[1],
            "amplitude": found.law.amplitude,
            "floor": found.law.floor,
            "floor_ci_low": found.floor_interval[0],
            "floor_ci_high": found.floor_interval[1],
            "aic": found.law.aic,
            "aic_without_floor": found.without_floor.aic,
            "residual": found.residual,
            "further_n": FURTHER * float(n_R.max()),
            "further": found.further,
            "further_ci_low": found.further_interval[0],
            "further_ci_high": found.further_interval[1],
        }


def _refusal(given: Given, own: Sequence[dict[str, Any]], n_sizes: int) -> str:
    falls = ", ".join(f"{row['n_features']}: {row['fall']:.3f}" for row in own if row["seed"] == 0)
    return (
        f"{n_sizes} widths have a converged run, wanted {FEWEST_SIZES} (log FVU fell over the last fifth before the "
        f"rate did by {falls}; wanted at most {given.settings.most_fall}): raise training_tokens"
    )


def _check(given: Given) -> None:
    """Widths, sparsities and memory, before the first pass."""
    settings = given.settings
    widths = sorted(set(settings.widths))
    if len(widths) < FEWEST_SIZES:
        raise ValueError(f"{len(widths)} widths are named, and a law with a floor wants {FEWEST_SIZES}: name more")
    if not settings.k or max(settings.k) > widths[0]:
        raise ValueError(f"k={settings.k} must hold numbers in 1..{widths[0]}, the smallest width")
    width = given.host.width(_site(given))
    check_held(settings.fit_tokens, width, "fit_tokens")
    largest = [run for run in _runs(given) if run.n_features == widths[-1]]
    asked = [(SAESettings(n_features=run.n_features, k=run.k), (width,)) for run in largest]
    require_memory(asked, torch.device("cpu"))


def _passes(given: Given) -> PassCount:
    """Texts and pieces of the corpus are read once; what training costs is no pass of the model."""
    settings = given.settings
    each = settings.fit_length - len(given.prefix)
    return PassCount(forward=len(given.prompts) + -(-settings.fit_tokens // max(each, 1)))


METHOD = ExperimentMethod(settings=ScalingLawSettings, measure=_measure, passes=_passes, check=_check)
