"""Values of the warehouse as JSON: what it has no number for is null, moments are ISO 8601 in UTC."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any


def to_json(value: Any) -> bytes:
    """A value as UTF-8; an unpaired surrogate is replaced."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain, separators=(",", ":"))
    except ValueError:  # a number that is not finite stands somewhere in it
        text = json.dumps(_finite(value), ensure_ascii=False, default=_plain, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + ("" if value.tzinfo else "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, SimpleNamespace):
        return vars(value)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return _finite(vars(value)) if isinstance(value, SimpleNamespace) else value
