"""Optimised images: what an image has to look like for a unit of a vision model to be as active as it can be."""
