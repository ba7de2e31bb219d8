"""Speed as ratios, side by side in one run. `python -m benchmarks` runs every file here; `python -m benchmarks
harvest` one."""
