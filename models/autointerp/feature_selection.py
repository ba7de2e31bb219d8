"""Which features are labelled, and in which order: with a budget, the first are those that are sure to be."""

from collections.abc import Container, Iterable, Mapping, Sequence

import pyarrow as pa

from models.autointerp.config import ExplanationSettings


def select_features(
    settings: ExplanationSettings,
    strengths: Mapping[int, float],
    densities: Mapping[int, float],
    neighbors: pa.Table | None,
    requested: Sequence[int] = (),
) -> list[int]:
    """Features in the order in which they are labelled: those requested, then the recipe's.

    Args:
        settings: How many the recipe wants, and which first.
        strengths: Maximal activation of every feature that fires.
        densities: Share of tokens on which each fires.
        neighbors: Rows of the table `neighbor`, for `priority: neighbors`.
        requested: Features that somebody asked for besides; those that have died since are passed over.

    Raises:
        ValueError: If the recipe names a feature that never fires, or does not exist.
    """
    named = settings.features if isinstance(settings.features, tuple) else ()
    require_firing(named, strengths)
    asked = list(dict.fromkeys([*(feature for feature in requested if feature in strengths), *named]))
    if isinstance(settings.features, tuple):
        return asked
    order = _order(settings, strengths, densities, neighbors, asked)
    wanted = len(order) if settings.features == "all" else settings.features
    return list(dict.fromkeys([*asked, *order[:wanted]]))


def require_firing(features: Iterable[int], alive: Container[int]) -> None:
    """Raises ValueError if a feature is asked for that never fires, or does not exist."""
    if unknown := [feature for feature in features if feature not in alive]:
        raise ValueError(
            f"features {', '.join(map(str, unknown[:20]))} were asked for, but never fire or do not exist: there is "
            "nothing to show of them. Leave them out"
        )


def _order(
    settings: ExplanationSettings,
    strengths: Mapping[int, float],
    densities: Mapping[int, float],
    neighbors: pa.Table | None,
    asked: Sequence[int],
) -> list[int]:
    """All features, ties to the lower one."""
    strongest = sorted(strengths, key=lambda feature: (-strengths[feature], feature))
    if settings.priority == "density":
        return sorted(strengths, key=lambda feature: (-densities.get(feature, 0.0), feature))
    if settings.priority == "neighbors":
        return _breadth_first(asked or strongest[:1], strongest, neighbors)
    return strongest


def _breadth_first(seeds: Sequence[int], strongest: Sequence[int], neighbors: pa.Table | None) -> list[int]:
    """From the seeds to their nearest, to the nearest of those, and so on; what nothing leads to comes last."""
    near: dict[int, list[int]] = {}
    if neighbors is not None:
        rows = neighbors.filter(pa.compute.equal(neighbors["kind"], "decoder_cosine")).sort_by("rank").to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
        for row in rows:
            near.setdefault(row["feature_id"], []).append(row["other_feature_id"])
    alive, found, wave = set(strongest), dict.fromkeys(seeds), list(seeds)
    while wave:
        wave = list(dict.fromkeys(o for f in wave for o in near.get(f, ()) if o in alive and o not in found))
        found |= dict.fromkeys(wave)
    return [*found, *(feature for feature in strongest if feature not in found)]
