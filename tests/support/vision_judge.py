"""An explainer and judge that looks: a label names a rule about pixels, and the rule is held against decoded pictures.

As a script of the server on this machine it decodes every picture that it is sent, refuses what is no picture of the
promised kind and size, and answers by the form that is asked for. A label without a rule holds nowhere.
"""

import base64
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from message_acts import Body, Say
from PIL import Image
from prompt_tags import Element, parse, said_by

Rule = Callable[[np.ndarray], np.ndarray]
"""From the colours of a picture (H, W, 3), where something holds, in squares of `SQUARE` pixels."""
SIDE, SQUARE = 224, 28
DARK = 90.0
"""A square that is nowhere brighter lies in the dim part of a picture."""


def squares(values_HW: np.ndarray) -> np.ndarray:
    """Pixels by square: (rows, columns, pixels)."""
    rows, cols = (side // SQUARE for side in values_HW.shape)
    cut = values_HW[: rows * SQUARE, : cols * SQUARE].reshape(rows, SQUARE, cols, SQUARE)
    return cut.transpose(0, 2, 1, 3).reshape(rows, cols, -1)


def _colour(channel: int) -> Rule:
    def rule(pixels_HWC: np.ndarray) -> np.ndarray:
        others = [c for c in range(3) if c != channel]
        above = pixels_HWC[..., channel] - pixels_HWC[..., others].max(axis=-1)
        return squares(above).mean(axis=-1) > 0.5 * np.maximum(squares(pixels_HWC[..., channel]).mean(axis=-1), 1)

    return rule


def _stripes(pixels_HWC: np.ndarray) -> np.ndarray:
    """Grey that changes much within a square, by its own brightest."""
    grey = squares(pixels_HWC.mean(axis=-1))
    colourless = squares(pixels_HWC.max(axis=-1) - pixels_HWC.min(axis=-1)).mean(axis=-1) < 30
    return (grey.std(axis=-1) > 0.25 * np.maximum(grey.max(axis=-1), 1)) & colourless


RULES: dict[str, Rule] = {"red": _colour(0), "blue": _colour(2), "stripes": _stripes}
NO_PATTERN = "no pattern"


def pictures_of(body: Body) -> list[np.ndarray]:
    """The colours of every picture that a request holds, in order; checked for what the house promises of them."""
    found = []
    for turn in body["messages"]:
        for block in [] if isinstance(turn["content"], str) else turn["content"]:
            if block["type"] != "image":
                assert set(block) == {"type", "text"}, "a block is a text or an image"
                continue
            source = block["source"]
            assert (source["type"], source["media_type"]) == ("base64", "image/jpeg"), "a JPEG in base64"
            with Image.open(io.BytesIO(base64.b64decode(source["data"], validate=True))) as image:
                assert image.format == "JPEG", f"{image.format} is sent as a JPEG"
                assert image.mode == "RGB"
                assert max(image.size) == SIDE, f"a picture of {image.size}, where its longer side was to have {SIDE}"
                assert not image.getexif(), "nothing but pixels is sent"
                found.append(np.asarray(image, dtype=float))
    return found


@dataclass(frozen=True)
class VisionJudge:
    """Answers requests of every kind by the rules of labels."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    like: Say = field(default_factory=Say)

    def __call__(self, number: int, body: Body) -> Say:
        (form,) = body["output_config"]["format"]["schema"]["properties"]
        assert "vision model" in said_by(body, "system"), "who is shown pictures is told so"
        pictures, features = pictures_of(body), parse(said_by(body, "user")).all("feature")
        items = [item for feature in features for item in getattr(self, f"_{form}")(feature, pictures)]
        return replace(self.like, text=json.dumps({form: items}))

    def holds(self, label: str, pixels_HWC: np.ndarray) -> np.ndarray:
        rule = self.rules.get(label.strip())
        return rule(pixels_HWC) if rule else np.zeros([side // SQUARE for side in pixels_HWC.shape[:2]], bool)

    def _shown(self, element: Element, pictures: list[np.ndarray]) -> list[np.ndarray]:
        return [pictures[int(child.attributes["n"])] for child in element.all("picture")]

    def _verdicts(self, feature: Element, pictures: list[np.ndarray]) -> list[dict[str, Any]]:
        """On most bright squares where a part of the picture is dim; anywhere where none is."""
        (label,), items = feature.all("label"), []
        for window in feature.all("window"):
            [pixels] = self._shown(window, pictures)
            held, bright = self.holds(label.text, pixels), squares(pixels.max(axis=-1)).max(axis=-1) > DARK
            fires = held.any() if bright.all() else 2 * held[bright].sum() > bright.sum()
            items.append({"id": window.attributes["id"], "fires": bool(fires)})
        return items

    def _ratings(self, feature: Element, pictures: list[np.ndarray]) -> list[dict[str, Any]]:
        """3 where the rule holds in the middle of what the frame holds, 1 elsewhere in the image, 0 nowhere."""
        (label,), items = feature.all("label"), []
        for window in feature.all("window"):
            framed, crop = self._shown(window, pictures)
            rating = 3 if self.holds(label.text, _middle(crop)).all() else int(self.holds(label.text, framed).any())
            items.append({"id": window.attributes["id"], "reason": "by the rule", "rating": rating})
        return items

    def _labels(self, feature: Element, pictures: list[np.ndarray]) -> list[dict[str, Any]]:
        """The label that holds in the middle of most crops, and in no near miss."""
        windows = [self._shown(window, pictures) for window in feature.all("window")]
        near = [picture for silent in feature.all("silent") for picture in self._shown(silent, pictures)]

        def better(label: str) -> float:
            misses = sum(self.holds(label, picture).any() for picture in near) / max(len(near), 1)
            return sum(self.holds(label, _middle(crop)).all() for _, crop in windows) / len(windows) - misses

        best = max(self.rules, key=better)
        return [{"id": feature.attributes["id"], "label": best if better(best) > 0.5 else NO_PATTERN}]


def _middle(crop_HWC: np.ndarray) -> np.ndarray:
    """One square in the middle of a picture."""
    y, x = (side // 2 - SQUARE // 2 for side in crop_HWC.shape[:2])
    return crop_HWC[y : y + SQUARE, x : x + SQUARE]
