"""What Dagster is told a partition is a version of: what it was made from, so that a run that makes nothing changes
nothing that others wait for."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from storage.manifest import sha256_of

TAG = "dagster/data_version"
"""Dagster's own tag, for materializations that are reported and not returned."""


def data_version(identity: Mapping[str, Any]) -> dg.DataVersion:
    return dg.DataVersion(sha256_of(identity)[:16])
