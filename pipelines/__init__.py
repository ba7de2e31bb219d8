"""Dagster wiring. Below the waterline: cards, recipes, registry, partitions, the store. Above it: jobs, schedules,
sensors, definitions, the command line."""
