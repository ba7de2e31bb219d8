"""Windows of text in another house's dump that hold no example: left out, counted, and the first of them named."""

from dataclasses import dataclass

from models.interchange.dashboards.dump import BadDump


@dataclass
class OddWindows:
    """Counts windows, and those that were left out."""

    n: int = 0
    n_odd: int = 0
    first: str = ""

    def leave_out(self, fault: BadDump) -> None:
        self.n_odd += 1
        self.first = self.first or str(fault)

    def note(self) -> str | None:
        """A sentence about what was left out; None where nothing was.

        Raises:
            BadDump: If no window is whole.
        """
        if self.n_odd and self.n_odd == self.n:
            raise BadDump(f"none of the {self.n:,} windows can be read, the first because {self.first}")
        if not self.n_odd:
            return None
        return f"{self.n_odd:,} of {self.n:,} windows were left out, the first because {self.first}"
