"""How assets share a machine: pools, retries, tags. Pools let one step in at a time until raised by `dagster instance
concurrency set`."""

from typing import Any

import dagster as dg

_BACK_OFF = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_ONE_GPU = {"dagster-k8s/config": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}}

GPU_STEP: dict[str, Any] = {"pool": "gpu", "op_tags": _ONE_GPU}
"""Steps that run the model or train: a GPU where there is one."""
LLM_STEP: dict[str, Any] = {"pool": "llm", "retry_policy": _BACK_OFF}
"""Steps that ask a provider."""
PUBLISH_STEP: dict[str, Any] = {"pool": "warehouse", "retry_policy": _BACK_OFF}
"""The one step that publishes."""
WRITES_TABLES = {"glasshouse/writes": "tables"}
"""Tags of an asset that writes tables of the store: by them `published_warehouse` finds what it is made from."""

_AC = dg.AutomationCondition
_upstream_in_progress = _AC.any_deps_missing() | _AC.any_deps_in_progress() | _AC.in_progress()
_fill = _AC.missing() & ~_AC.execution_failed()
_LABELS = dg.AssetSelection.groups("labels")
_made_anew = _AC.any_deps_match(_AC.data_version_changed() | _AC.will_be_requested()).ignore(_LABELS)
_labelled_anew = _AC.any_deps_updated().allow(_LABELS)  # paid answers may differ where the cards are the same
_changed = _made_anew | _labelled_anew | _AC.code_version_changed()
_refresh = _changed.since_last_handled()  # pyright: ignore[reportAttributeAccessIssue]: every condition has it

REFRESH_WHEN_STALE = (_fill | _refresh) & ~_upstream_in_progress & _AC.all_deps_blocking_checks_passed()
"""Level-triggered: also picks up what was missing before the sensor first looked, which `eager()` never does. A run
that found all made already is no reason: data versions stay. For cheap assets only."""
