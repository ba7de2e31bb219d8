"""Bytes of an image file as pixels, or the reason why they are left out: pillow alone, still images, no bombs."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Formats that pillow decodes itself; none runs a program or follows a link."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")
MOST_PIXELS = 64_000_000
"""A photograph of 64 megapixels takes 192 MB as RGB; more is taken for a bomb."""
SMALLEST_SIDE = 8


class UnreadableImage(ValueError):
    """An image is left out; the message is the reason, worded to follow `left out as`."""


def decoded(data: bytes, smallest_side: int = SMALLEST_SIDE) -> Image.Image:
    """The image as it is meant to be seen: RGB, turned as its EXIF says, on white where it is transparent.

    Args:
        data: The file.
        smallest_side: Pixels of the shorter side, at least: one patch of the model.

    Raises:
        UnreadableImage: Naming what was found.
    """
    with _plain_errors():
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
        if opened.width * opened.height > MOST_PIXELS:
            raise UnreadableImage(f"larger than {MOST_PIXELS // 10**6} megapixels")
        if getattr(opened, "n_frames", 1) > 1:
            raise UnreadableImage("animated, where a still image is wanted")
        if min(opened.size) < smallest_side:
            raise UnreadableImage(f"smaller than one patch ({smallest_side} pixels)")
        return _as_rgb(ImageOps.exif_transpose(opened))


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadableImage("of floating-point pixels")
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.float64) / (257 if np.asarray(image).max() > 255 else 1)
        image = Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, over)
    return image.convert("RGB")


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"larger than {MOST_PIXELS // 10**6} megapixels") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage(f"no image ({', '.join(FORMATS)})") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, MemoryError) as error:
        raise UnreadableImage("truncated or damaged") from error
