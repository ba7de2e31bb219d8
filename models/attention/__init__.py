"""What attention heads do: scores, ablations, circuits of queries, keys, values and outputs."""
