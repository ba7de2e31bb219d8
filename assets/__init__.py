"""One module per stage: the asset, its rows, its checks; no arithmetic of its own."""
