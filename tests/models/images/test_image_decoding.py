import io

import numpy as np
import pytest
from PIL import Image

from models.images.image_decoding import MOST_PIXELS, UnreadableImage, decoded


def _file(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _gradient(mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[:40, :60]
    return Image.fromarray(np.stack([4 * x, 6 * y, x + y], axis=-1).astype(np.uint8)).convert(mode)


def test_grey_cmyk_palette_and_sixteen_bit_images_come_as_rgb():
    for mode, kind in (("L", "PNG"), ("CMYK", "JPEG"), ("P", "PNG"), ("1", "PNG")):
        assert decoded(_file(_gradient(mode), kind)).mode == "RGB"
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)[None].repeat(32, axis=0)
    levels = np.asarray(decoded(_file(Image.fromarray(ramp))))[0, :, 0]
    assert levels.tolist() == [round(v / 257) for v in ramp[0].tolist()]


def test_what_is_transparent_is_white():
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert decoded(_file(clear)).getpixel((3, 3)) == (255, 255, 255)


def test_an_image_is_turned_as_its_exif_says():
    image = _gradient()
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    turned = decoded(_file(image, "PNG", exif=exif))
    assert turned.size == (40, 60)
    assert np.array_equal(np.asarray(turned), np.rot90(np.asarray(image), -1))


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))


def _animated() -> bytes:
    frames = [Image.new("RGB", (20, 20), (90 * n, 0, 255 - 90 * n)) for n in range(3)]
    return _file(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _bomb() -> bytes:
    side = int(MOST_PIXELS**0.5) + 100
    return _file(Image.new("1", (side, side)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_animated, "animated, where a still image is wanted"),
        (_bomb, "larger than 64 megapixels"),
        (lambda: _file(_noise())[:9000], "truncated or damaged"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no image"),
        (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (lambda: b"", "no image"),
        (lambda: _file(Image.new("RGB", (7, 40))), "smaller than one patch"),
        (lambda: _file(Image.new("F", (20, 20)), "TIFF"), "of floating-point pixels"),
    ],
)
def test_what_cannot_be_read_is_named(data, reason):
    with pytest.raises(UnreadableImage, match=f"^{reason}"):
        decoded(data())
