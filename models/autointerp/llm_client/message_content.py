"""What a question shows: texts and pictures in their order, as the content of a turn in the Messages protocol.

A picture counts for as many tokens as the provider documents: one for each block of 28 x 28 pixels (until 2026: pixels
by 750); the larger of the two is counted.
"""

import base64
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from PIL import Image

SIDE = 224
"""Pixels of a picture's longer side: eight blocks; below 200 the provider says that models see less."""
BLOCK, PER_TOKEN = 28, 750
MOST_PICTURES = 100
"""In one question, as the provider documents it for every model."""
MOST_BYTES = 30 << 20
"""Of one question; the provider takes 32 MB."""
_JPEG_QUALITY = 85

NO_PICTURE = "no_picture"
"""The status of what cannot be shown, for the store's picture is gone or damaged."""


class QuestionTooLarge(ValueError):
    """A question has more pictures or bytes than the provider takes. Ask about fewer things at a time."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a question: pixels alone, nothing else of the file that they came from."""

    jpeg: bytes

    @classmethod
    def of(cls, image: "Image.Image") -> Self:
        """An image, scaled so that its longer side has `SIDE` pixels."""
        out = io.BytesIO()
        scaled(image.convert("RGB")).save(out, "JPEG", quality=_JPEG_QUALITY)
        return cls(out.getvalue())

    def block(self) -> dict[str, Any]:
        data = base64.standard_b64encode(self.jpeg).decode()
        return {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": data}}


Part = str | Picture
Shown = Part | tuple[Part, ...]
"""A text, a picture, or several of them one after another."""


def scaled(image: "Image.Image") -> "Image.Image":
    """Its longer side with `SIDE` pixels."""
    from PIL import Image

    factor = SIDE / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def parts_of(shown: Shown) -> tuple[Part, ...]:
    return shown if isinstance(shown, tuple) else (shown,)


def joined(between: str, several: Iterable[Shown]) -> tuple[Part, ...]:
    """One after another, with a text between them."""
    parts: list[Part] = []
    for number, shown in enumerate(several):
        parts += [between] * bool(number)
        parts += parts_of(shown)
    return tuple(parts)


def message_content(shown: Shown) -> str | list[dict[str, Any]]:
    """One text where there is no picture; else blocks, neighbouring texts as one.

    Raises:
        QuestionTooLarge: If there are more pictures or bytes than the provider takes.
    """
    parts = parts_of(shown)
    pictures = [part for part in parts if isinstance(part, Picture)]
    if not pictures:
        return "".join(part for part in parts if isinstance(part, str))
    n_bytes = sum(len(part.jpeg) * 4 // 3 if isinstance(part, Picture) else len(part.encode()) for part in parts)
    if len(pictures) > MOST_PICTURES or n_bytes > MOST_BYTES:
        raise QuestionTooLarge(
            f"a question would hold {len(pictures)} pictures and {n_bytes / 1e6:.1f} MB, of {MOST_PICTURES} and "
            f"{MOST_BYTES / 1e6:.0f} MB at most: lower explanations.features_per_request"
        )
    blocks: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Picture):
            blocks.append(part.block())
        elif blocks and blocks[-1]["type"] == "text":
            blocks[-1]["text"] += part
        else:
            blocks.append({"type": "text", "text": part})
    return blocks


def picture_blocks(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The sources of the pictures that a request holds."""
    for turn in body.get("messages", ()):
        if not isinstance(turn["content"], str):
            yield from (block["source"] for block in turn["content"] if block["type"] == "image")


def picture_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of a request's pictures, by the sizes that they have."""
    total = 0
    for source in picture_blocks(body):
        width, height = _size(source)
        blocks = math.ceil(width / BLOCK) * math.ceil(height / BLOCK)
        total += max(blocks, math.ceil(width * height / PER_TOKEN))
    return total


def _size(source: Mapping[str, Any]) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(source["data"]))) as image:
        return image.size
