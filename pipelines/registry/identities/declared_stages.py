"""Which stages there are: found in the files of `stages/` and in those of the assets; nothing lists them."""

import importlib
import pkgutil
from functools import cache

from pipelines.registry.identities.stage_identity import StageIdentity

STAGES = "pipelines.registry.identities.stages"
PACKAGES = (STAGES, "assets")


@cache
def declared_stages(packages: tuple[str, ...] = PACKAGES) -> dict[str, StageIdentity]:
    """Every stage that a module of the packages declares, by name.

    Raises:
        ValueError: If two stages have one name.
    """
    found: dict[str, StageIdentity] = {}
    for package in packages:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            for value in vars(importlib.import_module(module.name)).values():
                if not isinstance(value, StageIdentity):
                    continue
                if found.setdefault(value.name, value) is not value:
                    raise ValueError(f"{module.name} declares a second stage {value.name!r}: give it another name")
    return found
