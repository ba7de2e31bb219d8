"""Readers of what other libraries write, one file per format; each says whether a folder is its own and reads it."""
