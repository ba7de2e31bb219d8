"""Explainers that need no language model, one file each: `build` makes one from what is known of the features."""
