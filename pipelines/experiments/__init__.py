"""Experiments as the store holds them: identity, input, chunks, tables, and the Dagster asset of a method."""
