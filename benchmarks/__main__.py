"""Runs the benchmarks named, or all of speed."""

import importlib
import pkgutil
import sys
from pathlib import Path

BY_NAME_ONLY = {"recovery", "gpu_run", "label_cost", "stage_memory", "lake", "glued_peers", "own_texts"}
"""What takes an hour, runs others of these again, or asks for files or an environment of its own."""
NO_BENCHMARKS = {"__main__", "side_by_side", "peers", "messages_process", "api_addresses"}
modules = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
named = [argument for argument in sys.argv[1:] if argument in modules]
"""What else is said is for the benchmark that is named."""
for name in named or sorted(modules - BY_NAME_ONLY - NO_BENCHMARKS):
    module = importlib.import_module(f"benchmarks.{name}")
    print(f"\n## {name}\n{(module.__doc__ or '').splitlines()[0]}\n", flush=True)
    module.main()
