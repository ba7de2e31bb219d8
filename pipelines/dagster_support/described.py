"""Sensors and schedules whose descriptions, which Dagster's pages show, are their docstrings."""

import inspect
from typing import Any

import dagster as dg


def sensor(**options: Any):
    """`dagster.sensor`, described by the docstring of what it decorates."""
    return lambda evaluated: dg.sensor(description=inspect.getdoc(evaluated), **options)(evaluated)


def schedule(**options: Any):
    """`dagster.schedule`, described by the docstring of what it decorates."""
    return lambda evaluated: dg.schedule(description=inspect.getdoc(evaluated), **options)(evaluated)
