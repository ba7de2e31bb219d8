"""One module for each layout of a store that changed files that lie in stores: how they become the newer one."""
