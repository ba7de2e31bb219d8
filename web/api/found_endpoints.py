"""Every endpoint that there is."""

from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from web.api import endpoints as folder
from web.api.endpoint import Endpoint
from web.api.query_endpoints import query_endpoints


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Those of the folder `endpoints` and those of the queries, by family and path."""
    files = {module.name: import_module(f"{folder.__name__}.{module.name}") for module in iter_modules(folder.__path__)}
    found = [*(replace(file.ENDPOINT, name=name) for name, file in files.items()), *query_endpoints()]
    return tuple(sorted(found, key=lambda one: (one.family, one.path or "~", one.method)))
