"""Whose code an error comes from: a mistake of ours is no property of somebody's model."""

import traceback


def is_of_own_code(error: Exception) -> bool:
    """Whether the innermost frame that is not torch's is of this package."""
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    outside = [module.partition(".")[0] for module in modules if module.partition(".")[0] != "torch"]
    return bool(outside) and outside[-1] == __name__.partition(".")[0]
