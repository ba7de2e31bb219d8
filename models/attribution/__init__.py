"""What each part of a model adds to its answer: lenses, direct attribution, patching and its approximations."""
