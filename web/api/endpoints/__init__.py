"""One file an endpoint: it has one `ENDPOINT`, and is found by being there."""
