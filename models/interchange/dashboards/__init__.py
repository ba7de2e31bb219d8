"""Read and write feature dashboards of other tools, one format per module."""
