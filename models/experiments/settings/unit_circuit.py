"""Settings of circuits between units."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import MOST_FEATURES, Bounds
from models.experiments.settings_base import ExperimentSettings


class UnitCircuitSettings(ExperimentSettings):
    """Which channels of an earlier site make a channel of a later one what it is: the weights between them, read as
    derivatives at the stimulus that the channel likes best, what each source adds to the response, and the orientation
    that each source prefers; then the strongest sources are silenced, beside as many random ones, on drawings that
    chose nothing."""

    question = "Which earlier channels is a channel made of, and what is left of it without them?"
    tables = ("unit_connection", "unit_ablation")
    asks = "vision"
    prompt_kinds = ()
    prompts_per_chunk = 1

    source: str = "embed"
    """The earlier site, such as `resid_post.2`."""
    target: str = "resid_post.1"
    """The later one."""
    units: list[Annotated[int, Bounds(0, MOST_FEATURES)]] = Field([], max_length=1000)
    """Channels of the target."""
    stimuli: list[Literal["arc", "arc_inverted", "corner", "disc", "line", "line_inverted", "grating"]] = Field(
        ["arc", "line", "grating"], min_length=1, max_length=7
    )
    """Kinds among which the one that a channel likes best is chosen."""
    size: Annotated[int, Bounds(16, 2048)] | None = None
    """Pixels of a picture's side; null is the model's own."""
    directions: Annotated[int, Bounds(4, 360)] = 24
    """Angles of a whole turn."""
    radii: list[Annotated[float, Bounds(1, 2048)]] = Field([12.0, 18.0, 26.0], min_length=1, max_length=50)
    """Of arcs, corners and discs, in pixels."""
    wavelengths: list[Annotated[float, Bounds(2, 2048)]] = Field(
        [4.0, 6.0, 8.0, 12.0, 16.0], min_length=1, max_length=50
    )
    """Of gratings, in pixels."""
    replicates: Annotated[int, Bounds(4, 100)] = 8
    """Drawings of each stimulus: the first half chooses stimulus and sources, the second half is what is reported."""
    reach: Annotated[float, Bounds(0, 2048)] = 4
    """Pixels around the middle within which a channel's strongest place is explained, at least one place of its map on
    each side; 0 for the middle alone, which on a coarse map sees a drawing or not by chance."""
    sources: Annotated[int, Bounds(1, 1000)] = 5
    """Channels that are silenced together."""
    random_sets: Annotated[int, Bounds(1, 1000)] = 20
    """Baseline: sets of as many random channels."""
    kept_sources: Annotated[int, Bounds(1, 100_000)] = 20
    """Connections of a channel that are kept: those with the largest kernels."""
