"""What `benchmarks pages` asks of the JSON API."""

_OF_FEATURE = "/api/saes/made-up/wide/features/{}"
API = {
    "a feature": _OF_FEATURE,
    "its windows": f"{_OF_FEATURE}/examples",
    "its ratings": f"{_OF_FEATURE}/ratings",
    "a feature as Neuronpedia has it": "/api/feature/made-up/5-wide/{}",
    "a feature file of circuit-tracer": "/api/features/made-up/5-wide/{}.json",
}
"""Addresses below `/api`, with a place for the feature."""
