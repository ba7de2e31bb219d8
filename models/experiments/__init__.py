"""Experiments: a question about what a part of the model does, asked of a set of prompts by one method."""
