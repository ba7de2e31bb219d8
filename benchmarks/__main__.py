"""Runs the benchmarks named, or all of speed: every file with a `main`, but for `recovery`, which takes an hour."""

import importlib
import pkgutil
import sys
from pathlib import Path

found = sorted(
    m.name
    for m in pkgutil.iter_modules([str(Path(__file__).parent)])
    if m.name
    not in ("__main__", "side_by_side", "peers", "recovery", "messages_process", "label_cost", "api_addresses")
)
for name in sys.argv[1:] or found:
    module = importlib.import_module(f"benchmarks.{name}")
    print(f"\n## {name}\n{(module.__doc__ or '').splitlines()[0]}\n", flush=True)
    module.main()
