"""A synthetic store of other words, or more features, than it has by itself."""

from typing import Any

import pytest
import synthetic_codes
import synthetic_store


def patch_synthetic_store(patch: pytest.MonkeyPatch, **values: Any) -> None:
    """Puts values in the place of the synthetic store's own, by their names, wherever they are used."""
    for name, value in values.items():
        users = [module for module in (synthetic_codes, synthetic_store) if hasattr(module, name)]
        assert users, name
        for module in users:
            patch.setattr(module, name, value)
