"""Examples of a vision model's features: the window of an example is its image, a token a place of it.

What a judge of text learns from a window, one of images learns from a picture: the image, the image lit where a feature
fires, the image with a frame, and what the frame holds. Nothing is coloured over, for features are about colours too.

Axes: R examples (rows), P places of a grid, row by row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from models.autointerp.example_set import ExampleSet
from models.autointerp.llm_client.message_content import Picture, scaled

if TYPE_CHECKING:
    from PIL import Image

DIM = 0.25
"""How bright a place is shown where the feature is silent, as a share of its brightness."""
ROOM = 2.0
"""Sides of a place that a crop is wide at least, so that a patch is seen with what surrounds it."""
FRAME = ((0, 3, "white"), (1, 1, "black"))
"""Inset, width and colour of a frame's lines: one of them is seen on any image."""
_KEPT = 64
"""Pictures kept decoded."""
_PLACE = ("image_id", "position_kind", "row", "col", "grid_rows", "grid_cols", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class ImageExampleSet(ExampleSet):
    """Rows of `example` with their places in images, each window all places of the image."""

    thumbnail: Callable[[int], bytes | None] = field(default=lambda image_id: None, kw_only=True)
    """The small picture that the store keeps of an image; None where it is gone."""
    view: tuple[int, int] = field(default=(1, 1), kw_only=True)
    """Height and width of what the model sees, in whose pixels boxes are."""

    @classmethod
    def of_images(
        cls,
        examples: pa.Table,
        patches: pa.Table,
        n_leading: int,
        thumbnail: Callable[[int], bytes | None],
        view: tuple[int, int],
    ) -> Self:
        """From rows of `example` and of `patch_example`.

        Args:
            examples: As the statistics keep them: windows of positions.
            patches: Where each of them lies, by example_id.
            n_leading: Positions before the grid (CLS, registers).
            thumbnail: The store's picture of an image.
            view: Height and width of what the model sees.
        """
        place_of = {row["example_id"]: row for row in patches.to_pylist()}
        places = [place_of[example_id] for example_id in examples["example_id"].to_pylist()]
        position_R = examples["position"].to_numpy().astype(np.int64)
        first = 0 if (position_R < n_leading).any() else n_leading
        strengths = [
            _strengths(place, position - first, n_leading - first)
            for place, position in zip(places, position_R.tolist(), strict=True)
        ]
        columns = {name: examples[name] for name in examples.column_names}
        length_R = np.array([len(strength_P) for strength_P in strengths], np.int64)
        offsets = pa.array(np.concatenate([[0], np.cumsum(length_R)]), pa.int32())
        names = pa.array([str(place["image_id"]) for place in places], pa.string())
        tokens = names.take(pa.array(np.repeat(np.arange(len(places)), length_R)))
        columns["tokens"] = pa.ListArray.from_arrays(offsets, tokens)
        flat = np.concatenate([np.empty(0, np.float32), *strengths])
        columns["activations"] = pa.ListArray.from_arrays(offsets, pa.array(flat, pa.float32()))
        columns["peak"] = pa.array(position_R - first, pa.int32())
        columns |= {name: pa.array([place[name] for place in places]) for name in _PLACE}
        base = ExampleSet.of(pa.table(columns))
        parts = (base.table, base.strings, base.code_S, base.activation_S, base.start_R)
        return cls(*parts, thumbnail=thumbnail, view=view)

    @cached_property
    def _places(self) -> Mapping[str, Sequence[Any]]:
        return {name: self.table[name].to_pylist() for name in _PLACE}

    @cached_property
    def _decoded(self) -> Callable[[int], "Image.Image | None"]:
        return lru_cache(_KEPT)(lambda image_id: _decoded(self.thumbnail(image_id)))

    @cached_property
    def _is_shown(self) -> dict[int, bool]:
        return {}

    def can_be_shown(self, row: int) -> bool:
        image_id = self._places["image_id"][row]
        if image_id not in self._is_shown:
            self._is_shown[image_id] = self._decoded(image_id) is not None
        return self._is_shown[image_id]

    def image(self, row: int) -> "Image.Image":
        """The image of an example, as large as it is shown."""
        image = self._decoded(self._places["image_id"][row])
        assert image is not None, "what has no picture is not shown"
        return image

    def whole(self, row: int) -> Picture:
        return Picture.of(self.image(row))

    def lit(self, row: int, light_P: np.ndarray) -> Picture:
        """The image, bright where the light is 1 and dim where it is 0.

        Args:
            light_P: One number for each place of the window.
        """
        from PIL import Image

        rows, cols = (self._places[name][row] for name in ("grid_rows", "grid_cols"))
        of_grid, image = light_P[len(light_P) - rows * cols :], self.image(row)
        if len(light_P) > rows * cols and not of_grid.any():  # of a leading token, which has no place
            return Picture.of(image)
        mask = Image.fromarray(np.round(255 * of_grid.reshape(rows, cols)).astype(np.uint8))
        dark = Image.eval(image, lambda level: round(DIM * level))
        return Picture.of(Image.composite(image, dark, mask.resize(image.size, Image.Resampling.NEAREST)))

    def heat(self, row: int) -> Picture:
        """The image, lit as the feature fires."""
        strength_P = self.window(row)[1]
        return self.lit(row, strength_P / max(float(strength_P.max(initial=0)), 1e-30))

    def framed(self, row: int) -> Picture:
        """The image, with a frame round what moves the example's place."""
        from PIL import ImageDraw

        image = self.image(row).copy()
        x0, y0, x1, y1 = self._box(row)
        for inset, width, colour in FRAME:
            box = (x0 + inset, y0 + inset, max(x1 - inset - 1, x0 + inset), max(y1 - inset - 1, y0 + inset))
            ImageDraw.Draw(image).rectangle(box, outline=colour, width=width)
        return Picture.of(image)

    def crop(self, row: int) -> Picture:
        """What moves the example's place, enlarged, in the middle of some of what surrounds it; black beyond the
        image."""
        image, (x0, y0, x1, y1) = self.image(row), self._box(row)
        cells = (image.height / self._places["grid_rows"][row], image.width / self._places["grid_cols"][row])
        side = max(x1 - x0, y1 - y0, round(ROOM * max(cells)))
        x, y = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
        return Picture.of(image.crop((x, y, x + side, y + side)))

    def has_place(self, row: int) -> bool:
        """Whether an example lies somewhere in its image; that of a CLS token does not."""
        return self._places["position_kind"][row] == "patch"

    def _box(self, row: int) -> tuple[int, int, int, int]:
        """In pixels of the picture."""
        image, (height, width) = self.image(row), self.view
        x0, y0, x1, y1 = (self._places[name][row] for name in ("x0", "y0", "x1", "y1"))
        across, down = image.width / width, image.height / height
        return round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)


def _strengths(place: Mapping[str, Any], at: int, n_leading: int) -> np.ndarray:
    """Activation at each place of a window."""
    strength_P = np.zeros(n_leading + place["grid_rows"] * place["grid_cols"], np.float32)
    strength_P[n_leading + np.array(place["cells"], np.int64)] = place["cell_activations"]
    if place["activation"] > 0:
        strength_P[at] = place["activation"]
    return strength_P


def _decoded(jpeg: bytes | None) -> "Image.Image | None":
    from models.images.image_decoding import UnreadableImage, decoded

    try:
        return scaled(decoded(jpeg or b""))
    except UnreadableImage:
        return None
