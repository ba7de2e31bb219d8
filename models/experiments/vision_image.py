"""Images that an experiment shows to a model: rows of a prompt set of images, read and brought to the model's size.

H rows, W columns of the model's input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.experiments.prompt import InvalidPrompt, Prompt
from models.images.image_decoding import UnreadableImage, decoded
from models.vision_model.vision_model import VisionModel
from storage.visible_text import visible


@dataclass(frozen=True, slots=True)
class VisionImage:
    """One row; of a pair both images."""

    prompt: Prompt
    view_HWC: Tensor
    """What the model sees, as bytes."""
    other_view_HWC: Tensor | None = None
    """Of the second image of a pair."""
    answer: int | None = None
    """The class of the image, by number."""
    foil: int | None = None
    """The class of the other image, or another class that is asked about."""

    @property
    def prompt_id(self) -> int:
        return self.prompt.prompt_id

    @property
    def group_name(self) -> str:
        """Its group; an image without one is a group of its own."""
        return self.prompt.group or f"image {self.prompt_id}"


def vision_images(host: VisionModel, prompts: Sequence[Prompt], *, needs_answer: bool = False) -> list[VisionImage]:
    """The images that rows name.

    Raises:
        InvalidPrompt: Naming the row whose file is not there or no image, or whose class the model does not know.
    """
    return [_image(host, prompt, needs_answer) for prompt in prompts]


def _image(host: VisionModel, prompt: Prompt, needs_answer: bool) -> VisionImage:
    answer, foil = (_class(host, prompt, name) for name in ("answer", "foil"))
    if needs_answer and (answer is None or foil is None):
        raise InvalidPrompt(f"row {prompt.prompt_id}: this method wants the columns answer and foil: name two classes")
    other = None if prompt.corrupt is None else _view(host, prompt, prompt.corrupt)
    return VisionImage(prompt, _view(host, prompt, prompt.text), other, answer, foil)


def _view(host: VisionModel, prompt: Prompt, path: str) -> Tensor:
    file = Path(path)
    if not file.is_file():
        raise InvalidPrompt(
            f"row {prompt.prompt_id}: {visible(path, 300)} is no file: name an image, as seen from where Glasshouse is "
            "started"
        )
    try:
        return host.preprocessing.views([decoded(file.read_bytes())])[0]
    except UnreadableImage as error:
        raise InvalidPrompt(f"row {prompt.prompt_id}: {visible(path, 300)} is {error}: take another image") from error


def _class(host: VisionModel, prompt: Prompt, column: str) -> int | None:
    """The number of the class that a column names, by its name or by its number."""
    named, classes = getattr(prompt, column), host.class_names or []
    if named is None:
        return None
    if named.isdecimal() and int(named) < len(classes):
        return int(named)
    if named not in classes:
        near = ", ".join(classes[:10]) or "none, since it does not classify"
        raise InvalidPrompt(
            f"row {prompt.prompt_id}: {column} is {visible(named, 100)}, and the model's classes are {near}"
            f"{' and others' if len(classes) > 10 else ''}: name one of them, or its number"
        )
    return classes.index(named)


def stacked_views(images: Sequence[VisionImage], *, other: bool = False) -> Tensor:
    """What the model sees of some images, or of the second images of pairs: (N, H, W, 3)."""
    views = [image.other_view_HWC if other else image.view_HWC for image in images]
    return torch.stack([view for view in views if view is not None])
