"""The registry as an asset: people write it, nothing here makes it, and a check says whether it can be read."""

from collections.abc import Mapping

import dagster as dg

from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store

MOST_SHOWN = 20
"""Cards that a failed check names."""
CHECK = "cards_can_be_read"

registry = dg.AssetSpec(
    "registry",
    description="What people wrote: model cards, SAE recipes, experiments, labels and lists of features. Every other "
    "asset is made from it; the sensor `new_models` starts runs where it changes. Its check says which cards cannot be "
    "read, and why; the partitions of other cards run meanwhile.",
    group_name="registry",
    kinds={"yaml"},
)


@dg.asset_check(
    asset="registry",
    name=CHECK,
    description="Every card, file of labels and list can be read, and what a card names is there. The sensor "
    "`invalid_cards` writes it down whenever that changes.",
)
def cards_can_be_read(store: Store) -> dg.AssetCheckResult:
    """Looks now."""
    found = evaluation(resolve_registry(store)[1])
    return dg.AssetCheckResult(passed=found.passed, description=found.description, metadata=dict(found.metadata))


def evaluation(errors: Mapping[str, str]) -> dg.AssetCheckEvaluation:
    """What the check says of cards that cannot be read: a sentence of each."""
    shown = dict(list(errors.items())[:MOST_SHOWN])
    more = {"and": f"{len(errors) - MOST_SHOWN} more"} if len(errors) > MOST_SHOWN else {}
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("registry"),
        check_name=CHECK,
        passed=not errors,
        description=summary(errors),
        metadata={name: dg.MetadataValue.text(sentence) for name, sentence in (shown | more).items()},
    )


def summary(errors: Mapping[str, str]) -> str:
    """A line: how many, and their names."""
    if not errors:
        return "every card in the registry can be read"
    names = ", ".join(list(errors)[:5]) + ("…" if len(errors) > 5 else "")
    return f"{len(errors)} of the registry cannot be read: {names}"
