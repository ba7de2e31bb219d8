"""Checks of the registry that say whether what its cards ask for is made and published: who is on call looks here."""

import dagster as dg

from pipelines.store.run_health import RunHealth, failure_sentence
from pipelines.store.store import Store

SUCCEED, IN_TIME = "stages_succeed", "published_in_time"
MOST_SHOWN = 20
"""Stages that a failed check names."""


@dg.asset_check(
    asset="registry",
    name=SUCCEED,
    description="The last run of every stage of every partition succeeded, by the records in the store. The sensor "
    "`run_health` writes it down whenever that changes; `glasshouse health` says the same.",
)
def stages_succeed(store: Store) -> dg.AssetCheckResult:
    """Looks now."""
    return _result(evaluations(store)[0])


@dg.asset_check(
    asset="registry",
    name=IN_TIME,
    description="No table has waited for more than an hour to be published. The sensor `run_health` writes it down "
    "whenever that changes.",
)
def published_in_time(store: Store) -> dg.AssetCheckResult:
    """Looks now."""
    return _result(evaluations(store)[1])


def evaluations(store: Store) -> tuple[dg.AssetCheckEvaluation, dg.AssetCheckEvaluation]:
    """What both checks say now."""
    found = RunHealth.of(store)
    failures = {f"{each.stage} {each.partition}".strip(): failure_sentence(each) for each in found.failures}
    shown = dict(list(failures.items())[:MOST_SHOWN])
    names = ", ".join(list(failures)[:5]) + ("…" if len(failures) > 5 else "")
    succeed = f"{len(failures)} did not succeed: {names}" if failures else "the last run of every stage succeeded"
    late = found.late_publication()
    return (
        _evaluation(SUCCEED, succeed, not failures, shown),
        _evaluation(IN_TIME, late or "no table waits for long", late is None, {}),
    )


def _evaluation(name: str, said: str, passed: bool, sentences: dict[str, str]) -> dg.AssetCheckEvaluation:
    metadata = {key: dg.MetadataValue.text(sentence) for key, sentence in sentences.items()}
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("registry"), check_name=name, passed=passed, description=said, metadata=metadata
    )


def _result(found: dg.AssetCheckEvaluation) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=found.passed, description=found.description, metadata=dict(found.metadata))
