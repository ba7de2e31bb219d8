"""What a model does to an image before it reads it, as its own image processor says, and the hash of that.

Split in two: `views` resizes and crops to bytes, which can be stored and shown; `normalised` brings bytes to the scale
that the model reads. Both together are the processor.

B images, C channels, H rows, W columns.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.language_model.loading import ModelFiles
from models.language_model.unusable_model import UnusableModel
from storage.manifest import sha256_of
from storage.visible_text import visible

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json", "image_processor_config.json")
PILLOW_TWINS = {
    "DINOv3ViTImageProcessor": "ViTImageProcessorPil",
    "DINOv3ViTImageProcessorFast": "ViTImageProcessorPil",
}
"""Processors that transformers has for torchvision alone, and what does the same by pillow, to a rounding of bytes."""
_UNSTABLE = ("transformers_version", "_processor_class", "processor_class")
"""Keys of a processor that say nothing of pixels."""
_PROBES = ((48, 64), (64, 40))


@dataclass(frozen=True)
class ImagePreprocessing:
    """Resizing, cropping and normalisation of one model: the same for all images, which come out in one size."""

    processor: Any
    height: int
    width: int
    scale_C: Tensor
    offset_C: Tensor
    """What the model reads is byte x scale + offset, channel by channel."""
    sha256: str

    @classmethod
    def of(cls, processor: Any, source: str = "the model") -> "ImagePreprocessing":
        """The preprocessing of an image processor, measured on a black, a white and two noisy images.

        Raises:
            UnusableModel: If images come out in several sizes or not in three channels, or if it is not one scale a
                channel.
        """
        black, white = (_processed(processor, [Image.new("RGB", (64, 64), (level,) * 3)])[0] for level in (0, 255))
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        shapes = {_processed(processor, [Image.fromarray(noise[:h, :w])]).shape[1:] for h, w in _PROBES}
        shapes.add(black.shape)
        if len(shapes) > 1 or black.ndim != 3 or black.shape[0] != 3:
            found = ", ".join(sorted("x".join(map(str, shape)) for shape in shapes))
            raise UnusableModel(
                f"{source}: its image processor makes {found} of RGB images; wanted one size in three channels, so "
                "that every image has the same patches: set its size and crop, and save it again"
            )
        offset_C = black.flatten(1).double().mean(1)
        scale_C = (white.flatten(1).double().mean(1) - offset_C) / 255
        facts = {key: value for key, value in _facts(processor).items() if key not in _UNSTABLE}
        height, width = black.shape[1:]
        made = cls(processor, height, width, scale_C.float(), offset_C.float(), sha256_of(facts))
        made._check(Image.fromarray(noise), source)
        return made

    def _check(self, image: Image.Image, source: str) -> None:
        """Raises UnusableModel where bytes and one scale a channel do not give back what the processor says."""
        wanted, made = _processed(self.processor, [image]), self.normalised(self.views([image]))
        level = float(self.scale_C.abs().max())
        if (worst := float((wanted - made).abs().max())) > 0.51 * level:
            raise UnusableModel(
                f"{source}: its image processor does more than resize, crop and scale each channel (a pixel is off by "
                f"{worst / level:.1f} of 255 levels): Glasshouse cannot store and show what the model sees"
            )

    def views(self, images: Sequence[Image.Image]) -> Tensor:
        """What the model sees of images, as bytes. Shape (B, H, W, 3)."""
        pixels_BCHW = _processed(self.processor, [image.convert("RGB") for image in images])
        levels = (pixels_BCHW - self.offset_C[:, None, None]) / self.scale_C[:, None, None]
        return levels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def normalised(self, views_BHWC: Tensor) -> Tensor:
        """What the model reads of bytes. Shape (B, 3, H, W), float32."""
        levels_BCHW = views_BHWC.permute(0, 3, 1, 2).float()
        scale_C, offset_C = (each.to(levels_BCHW.device) for each in (self.scale_C, self.offset_C))
        return levels_BCHW * scale_C[:, None, None] + offset_C[:, None, None]

    def pixels(self, images: Sequence[Image.Image]) -> Tensor:
        """What the model reads of images. Shape (B, 3, H, W), float32."""
        return self.normalised(self.views(images))


def _processed(processor: Any, images: list[Image.Image]) -> Tensor:
    return torch.as_tensor(processor(images=images, return_tensors="pt")["pixel_values"]).float()


def _facts(processor: Any) -> dict[str, Any]:
    return json.loads(json.dumps(processor.to_dict(), default=str))


def read_preprocessing(files: ModelFiles) -> ImagePreprocessing:
    """The preprocessing that lies beside a checkpoint, resized by pillow whatever else is installed.

    Raises:
        UnusableModel: If there is none: one made up would feed the model other images than it was trained on.
    """
    import transformers

    if not files.names & {*PROCESSOR_FILES} and not _is_timm(files):
        raise UnusableModel(
            f"{files.source} has no image processor (preprocessor_config.json): mean, size and crop belong to the "
            "model. Save it beside the weights with image_processor.save_pretrained(folder)"
        )
    try:
        twin = PILLOW_TWINS.get(_named_class(files))
        options = {"local_files_only": True}
        if twin is not None:
            processor = getattr(transformers, twin).from_pretrained(files.folder, **options)
        else:
            processor = transformers.AutoImageProcessor.from_pretrained(files.folder, backend="pil", **options)
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        raise UnusableModel(
            f"{files.source}: its image processor cannot be read ({visible(str(error), 300)}). Save one that needs "
            "pillow alone with save_pretrained(folder), as ViTImageProcessorPil with the same size, mean and std"
        ) from error
    return ImagePreprocessing.of(processor, files.source)


def _named_class(files: ModelFiles) -> str:
    """The processor's class, as its file names it; none where the file is no object or names none."""
    path = files.folder / PROCESSOR_FILES[0]
    settings = json.loads(path.read_bytes()) if path.exists() else {}
    return str(settings.get("image_processor_type")) if isinstance(settings, dict) else ""


def _is_timm(files: ModelFiles) -> bool:
    """Whether the model's own config says how images come in."""
    config = json.loads((files.folder / "config.json").read_bytes())
    return "pretrained_cfg" in config
