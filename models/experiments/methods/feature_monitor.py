"""Tagged features of a watched model, held against the bands of their rates in the first one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.comparison.feature_drift import feature_drift
from models.comparison.rate_band import rate_band
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.paired_firings import check_paired, paired_firings
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.feature_monitor import FeatureMonitorSettings

Given = ExperimentInput[FeatureMonitorSettings]
FEWEST_GROUPS = 10
"""Of prompts, that are drawn."""


def watched(given: Given) -> Mapping[int, str | None]:
    """Each feature that is watched, and its tag."""
    named: dict[int, str | None] = dict.fromkeys(given.settings.features)
    return dict(sorted((named | dict(given.tagged)).items()))


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: a rate is over them."""
    return {"alert": [_shared(given) | row for row in _rows(given)]}


def _rows(given: Given) -> Iterator[dict[str, Any]]:
    read, features = paired_firings(given), watched(given)
    columns = list(features)
    own_CW, other_CW = (side.tocsc()[:, columns].toarray() for side in (read.own_CF, read.other_CF))
    groups = [prompt.group_name for prompt in given.prompts]
    low_W, high_W = rate_band(own_CW, read.tokens_C, groups, given.settings.band, given.seed)
    rate_W, other_W = (side.sum(0) / read.tokens_C.sum() for side in (own_CW, other_CW))
    for place, (feature, tag) in enumerate(features.items()):
        yield _row("rate", float(other_W[place]), float(low_W[place]), float(high_W[place]), float(rate_W[place])) | {
            "feature_id": feature,
            "tag": tag,
        }
    yield _row("fvu", read.other_fvu, 0.0, given.settings.most_fvu * read.fvu, read.fvu)
    n_drifted = int(feature_drift(read.own_CF, read.other_CF, read.tokens_C).drifted_F.sum())
    yield _row("drifted_features", float(n_drifted), 0.0, float(given.settings.most_drifted), 0.0)


def _row(name: str, value: float, low: float, high: float, reference: float) -> dict[str, Any]:
    values = {"check_name": name, "value": value, "low": low, "high": high, "reference": reference}
    return values | {"is_raised": not low <= value <= high, "feature_id": None, "tag": None}


def _shared(given: Given) -> dict[str, Any]:
    other = given.compared
    return {
        "recipe_id": given.features.recipe_id,
        "other_model_id": other.model_id,
        "other_weights_sha256": other.host.weights_sha256,
        "n_contexts": len(given.prompts),
    }


def _check(given: Given) -> None:
    """Watched features and enough groups, before the first pass."""
    check_paired(given)
    features = watched(given)
    if not features:
        raise ValueError(
            f"no feature of {given.features.recipe_id} is tagged: tag some in a list of the registry, or name "
            "`features` in the card"
        )
    given.features.check(list(features))
    if (n := len({prompt.group_name for prompt in given.prompts})) < FEWEST_GROUPS:
        raise ValueError(
            f"the prompts are of {n} groups, and a band is over draws of them, wanted {FEWEST_GROUPS}: add prompts of "
            "other groups"
        )


def _passes(given: Given) -> PassCount:
    """Every text is read once by either model."""
    return PassCount(forward=2 * len(given.prompts))


METHOD = ExperimentMethod(settings=FeatureMonitorSettings, measure=_measure, passes=_passes, check=_check)
