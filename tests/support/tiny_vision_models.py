"""Tiny random vision checkpoints of many families, each with its image processor: `save_tiny_vision(kind, folder)`."""

import json
from pathlib import Path
from typing import Any

SIDE, PATCH, WIDTH, LAYERS = 32, 8, 24, 3
"""16 patches of an image."""
LABELS = {0: "bright", 1: "dark", 2: "striped"}

_SIZE = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 3,
    "image_size": SIDE,
    "patch_size": PATCH,
}
_STAGES = {"hidden_sizes": [8, 16, 24], "depths": [1, 2, 1], "num_stages": 3}
_SQUARE = {"size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
_CROPPED = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIDE, "width": SIDE}, "do_center_crop": True}

VISION_KINDS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "vit": ("ViTForImageClassification", _SIZE | {"id2label": LABELS}, "ViTImageProcessor", _SQUARE),
    "clip": ("CLIPVisionModel", _SIZE, "CLIPImageProcessor", _CROPPED),
    "siglip": ("SiglipVisionModel", _SIZE, "SiglipImageProcessor", _SQUARE),
    "dinov2": ("Dinov2Model", _SIZE, "BitImageProcessor", _CROPPED),
    "dinov2_registers": (
        "Dinov2WithRegistersModel",
        _SIZE | {"num_register_tokens": 4, "use_swiglu_ffn": True},
        "BitImageProcessor",
        _CROPPED,
    ),
    "dinov3": ("DINOv3ViTModel", _SIZE | {"num_register_tokens": 4}, "DINOv3ViTImageProcessor", _SQUARE),
    "swin": (
        "SwinForImageClassification",
        {"embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 2, "image_size": SIDE, "patch_size": 4}
        | {"id2label": LABELS},
        "ViTImageProcessor",
        _SQUARE,
    ),
    "resnet": (
        "ResNetForImageClassification",
        _STAGES | {"embedding_size": 8, "layer_type": "basic", "id2label": LABELS},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": SIDE}},
    ),
    "convnext": (
        "ConvNextModel",
        _STAGES | {"patch_size": 4},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": SIDE}},
    ),
    "efficientnet": (
        "EfficientNetForImageClassification",
        {
            "width_coefficient": 0.25,
            "depth_coefficient": 0.5,
            "hidden_dim": 320,
            "image_size": SIDE,
            "in_channels": [32, 16, 24],
            "out_channels": [16, 24, 40],
            "kernel_sizes": [3, 3, 5],
            "strides": [1, 2, 1],
            "num_block_repeats": [1, 2, 1],
            "expand_ratios": [1, 6, 6],
            "id2label": LABELS,
        },
        "BitImageProcessor",
        _CROPPED,
    ),
}


def save_tiny_vision(kind: str, folder: Path, seed: int = 0, **changes: Any) -> str:
    """Writes a random checkpoint of a kind and its image processor; returns the folder as a card names it."""
    import torch
    import transformers

    torch.manual_seed(seed)
    name, config, processor, settings = VISION_KINDS[kind]
    model_class = getattr(transformers, name)
    model = model_class(model_class.config_class(**config | changes))
    with torch.no_grad():  # layer scales of 1e-6 would leave the stream as it came
        for tensor_name, tensor in model.named_parameters():
            if "lambda1" in tensor_name or "layer_scale" in tensor_name:
                tensor.fill_(0.5)
    model.save_pretrained(folder)
    processor_class = getattr(transformers, f"{processor}Pil", transformers.ViTImageProcessorPil)
    processor_class(**settings).save_pretrained(folder)
    saved = folder / "preprocessor_config.json"
    saved.write_text(json.dumps(json.loads(saved.read_text()) | {"image_processor_type": processor}))
    return str(folder)
