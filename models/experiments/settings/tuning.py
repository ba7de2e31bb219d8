"""Settings of tuning to drawn stimuli."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from models.bounds import Bounds, FeatureNumber
from models.experiments.settings_base import ExperimentSettings


class TuningSettings(ExperimentSettings):
    """Units of a vision model are shown arcs, corners, discs, lines, gratings, borders between fine and coarse noise,
    and noise, at all angles and several sizes: what each prefers and how sharply, which are curve detectors, which
    units are one family that is turned, and how well a family covers all directions."""

    question = "Which drawn shapes, at which angle and size, does a unit answer to?"
    tables = ("tuning", "tuning_summary", "unit_family")
    asks = "vision"
    prompt_kinds = ()
    dictionary = "optional"
    feature_settings = ("units",)
    prompts_per_chunk = None

    site: str = ""
    """Site whose channels are meant, such as `resid_post.5`; empty where a `recipe` is named."""
    units: list[FeatureNumber] | None = None
    """Channels, or features of the recipe's dictionary; null for all channels, and all features that fire."""
    stimuli: list[
        Literal["arc", "arc_inverted", "corner", "disc", "line", "line_inverted", "grating", "high_low", "noise"]
    ] = Field(
        ["arc", "arc_inverted", "corner", "disc", "line", "line_inverted", "grating", "high_low", "noise"],
        min_length=1,
        max_length=9,
    )
    """What is drawn. The inverted ones are dark on grey; `high_low` has fine noise on one side and coarse on the
    other."""
    size: Annotated[int, Bounds(16, 2048)] | None = None
    """Pixels of a picture's side; null is the model's own. Convolutional models take others: a small picture costs
    less, and strokes fill more of it."""
    directions: Annotated[int, Bounds(4, 360)] = 24
    """Angles of a whole turn; lines and gratings have half as many in half a turn."""
    radii: list[Annotated[float, Bounds(1, 2048)]] = Field([12.0, 18.0, 26.0], min_length=1, max_length=50)
    """Of arcs, corners and discs, in pixels."""
    wavelengths: list[Annotated[float, Bounds(2, 2048)]] = Field(
        [4.0, 6.0, 8.0, 12.0, 16.0], min_length=1, max_length=50
    )
    """Of gratings, in pixels."""
    replicates: Annotated[int, Bounds(1, 100)] = 6
    """Drawings of each stimulus, a little apart in place and width, in phase or in their noise: intervals are over
    these."""
    reach: Annotated[float, Bounds(0, 2048)] = 4
    """Pixels around the middle within which a unit's strongest place counts, at least one place of its map on each
    side; 0 for the middle alone."""

    @field_validator("directions")
    @classmethod
    def _even(cls, directions: int) -> int:
        if directions % 4:
            raise ValueError(
                f"found {directions}, wanted a multiple of 4: half a turn has half as many, opposite ones too"
            )
        return directions
