"""Dictionaries as other houses write down what is known of their features: one format a module, rows in and out."""
