"""One thing that a verification has found: where, what, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report of a verification."""

    place: str
    """A file or folder, relative to the store, or a table."""
    what: str
    remedy: str
    is_wrong: bool = True
    """False for what may be as it should: a run is at work or was killed, and the next one goes on there."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.remedy}"
