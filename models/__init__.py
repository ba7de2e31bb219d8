"""Torch and pure functions: host model, activations, dictionaries, statistics, auto-interpretation. Knows neither
Dagster nor DuckDB.

Whoever imports any of it computes alike: large tensors on a CPU lie in huge pages (a fresh 64 MB costs a tenth of the
page faults), and float32 products go to the faster of torch's two libraries.
"""

import os

from models.cpu_products import after_import_of_torch, choose_products

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it before its first tensor
after_import_of_torch(choose_products)
