"""Plots as SVG, for pages and for Dagster: drawn here, styled by a style sheet."""
