"""Torch and pure functions: host model, activations, dictionaries, statistics, auto-interpretation. Knows neither
Dagster nor DuckDB.

Whoever imports any of it computes alike: large tensors on a CPU lie in huge pages (a fresh 64 MB costs a tenth of the
page faults), float32 products go to the faster of torch's two libraries, and what oneDNN prepares for a shape of
product is kept for 64 shapes: torch keeps 1,024, half a megabyte each, and the last batch of every shard is a new one.
"""

import os

from models.cpu_products import after_import_of_torch, choose_products

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it before its first tensor
for kept in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):  # oneDNN's own and torch's before it
    os.environ.setdefault(kept, "64")
after_import_of_torch(choose_products)
