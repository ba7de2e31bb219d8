"""Numbers as people read them in the UI; the tables hold them whole."""


def shown(value: float) -> float:
    """A measure to four significant digits."""
    return float(f"{value:.4g}")
