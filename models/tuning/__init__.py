"""Tuning: how a unit of a vision model answers to drawn stimuli that turn, bend and change their texture."""
