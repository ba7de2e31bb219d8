"""Torch and pure functions: host model, activations, dictionaries, statistics, auto-interpretation. Knows neither
Dagster nor DuckDB."""
