"""Readers of transcoders of several blocks in one folder, one file per format; each gives the dictionary of a block."""
