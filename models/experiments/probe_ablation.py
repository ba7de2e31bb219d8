"""What probes still tell while features that a person flagged are off: in the model, or in what a probe reads.

SHIFT of Marks et al. 2024, Sparse Feature Circuits, section 4: a probe that learned a spurious attribute beside the
wanted one loses it with the features that carry it. Beside them stand as many random features of like density, and a
probe that is fitted anew: what it still tells is there without the flagged features too.

N rows, D columns, M test rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.experiments.probe_rows import Given, Place, read_places
from models.interventions.steering import FeatureEdit, steering_edits
from models.language_model.sites import Site
from models.probes.linear_probe import LinearProbe
from models.probes.multinomial_probe import fit_multinomial_probe
from models.probes.probe_fit import FittedProbe
from models.probes.probe_scores import Score, probe_scores
from models.probes.probe_task import ProbeTask


@dataclass(frozen=True, slots=True)
class AblatedFeatures:
    """Features that are off together."""

    condition: str
    """flagged_features, or random_features in their place."""
    features: Sequence[int]


def ablations(given: Given) -> list[AblatedFeatures]:
    """The flagged features, and as many live ones of like density in their place; none where none is flagged."""
    flagged = list(dict.fromkeys(given.settings.ablated_features))
    if not flagged:
        return []
    chance, random = np.random.default_rng([given.seed, *flagged]), list[int]()
    for feature in flagged:
        like = given.features.of_like_density(feature, besides=[*flagged, *random])
        random += [int(chance.choice(like))] if len(like) else []
    named = (("flagged_features", flagged), ("random_features", random))
    return [AblatedFeatures(name, features) for name, features in named if features]


def reached_sites(given: Given, sites: Sequence[Site]) -> list[Site]:
    """Those that a change where the dictionary writes can reach."""
    host = given.host
    first = host.module_map.layer_of(given.features.written.resolve(host.n_layers))
    return [site for site in sites if site.kind == "resid_post" and host.module_map.layer_of(site) >= first]


def ablated_places(
    given: Given, off: AblatedFeatures, sites: Sequence[Site], places: Sequence[Place]
) -> dict[Site, Tensor]:
    """The activations of places while the features are off in the model, special tokens left alone."""
    dictionary, prompts = given.features, given.prompts
    edits = [FeatureEdit(feature, "ablate") for feature in off.features]
    positions = range(prompts[0].n_special, max(len(prompt.token_ids) for prompt in prompts))
    read, written = (site.resolve(given.host.n_layers) for site in (dictionary.site, dictionary.written))
    with given.host.intervene(steering_edits(dictionary.sae, read, written, [edits]), positions):
        return read_places(given.host, prompts, sites, places, given.kept, off.condition)


def ablation_rows(
    given: Given, task: ProbeTask, fitted: FittedProbe, x_ND: Tensor, ablated: Iterable[tuple[AblatedFeatures, Tensor]]
) -> Iterator[dict[str, Any]]:
    """Rows of `probe_ablation` of one probe.

    Args:
        x_ND: What the probe read with nothing off.
        ablated: The same with each set of features off.
    """
    before = _scores(given, task, fitted.probe, x_ND)
    train_N, told_N = torch.from_numpy(~task.is_test_N), torch.from_numpy(task.class_N)
    for off, ablated_ND in ablated:
        anew = fit_multinomial_probe(ablated_ND[train_N], told_N[train_N], task.n_classes, ridge=fitted.ridge)
        for is_refitted, probe in ((False, fitted.probe), (True, anew)):
            for label, (score, n) in _scores(given, task, probe, ablated_ND).items():
                yield {
                    "condition": off.condition,
                    "is_refitted": is_refitted,
                    "label": label,
                    "accuracy": score.value,
                    "ci_low": score.low,
                    "ci_high": score.high,
                    "unablated_accuracy": before[label][0].value,
                    "n": n,
                    "feature_ids": list(off.features),
                }


def _scores(given: Given, task: ProbeTask, probe: LinearProbe, x_ND: Tensor) -> dict[str | None, tuple[Score, int]]:
    """Accuracy on the test rows, of all under None and of each label."""
    said_M = probe.logits(x_ND[torch.from_numpy(task.is_test_N)].double()).argmax(-1).numpy()
    class_M = task.class_N[task.is_test_N]
    group_M = np.array(task.group_N)[task.is_test_N]
    chosen: dict[str | None, np.ndarray] = {None: np.ones(len(class_M), dtype=bool)}
    chosen |= {label: class_M == number for number, label in enumerate(task.labels)}
    return {
        label: (
            probe_scores(said_M[of_M], class_M[of_M], group_M[of_M].tolist(), task.n_classes, given.seed)["accuracy"],
            int(of_M.sum()),
        )
        for label, of_M in chosen.items()
    }
