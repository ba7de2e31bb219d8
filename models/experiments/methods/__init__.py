"""The methods: one file each, named after its settings, with one `METHOD` (`models/experiments/method.py`)."""
