"""Where each family of vision models keeps its sites: a table of module paths, as seen from the model or its base.

A family is known by the names of its parts. That names fit does not prove that the arithmetic does:
`models/vision_model/vision_self_test.py` holds every loaded model to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.language_model.module_map import HookPoint

IN, OUT = HookPoint("", "in"), HookPoint("", "out")


@dataclass(frozen=True, slots=True)
class VisionFamily:
    """The names of the parts; a component of a path may be a pattern, which names all children that it matches."""

    name: str
    blocks: str
    """Of all blocks in the order of the forward pass, as `encoder.stages.*.layers.*`; a second pattern makes stages."""
    embed: str
    """The module whose output is the first value with places: patch embeddings, or the stem's map."""
    layout: Literal["tokens", "map"] = "tokens"
    """[images, positions, width], or [images, channels, rows, columns]."""
    points: Mapping[str, HookPoint] = field(default_factory=dict)
    """Sites within a block, by kind, beside its entry (`resid_pre`) and exit (`resid_post`)."""
    cls: str | None = None
    """The parameter that is the CLS token."""
    registers: str | None = None
    """The parameter that is the register tokens, (1, R, width)."""
    final_norm: str | None = None
    """Of what comes out of the last block; None where nothing follows it."""
    halves: bool = False
    """Whether each further stage halves rows and columns (Swin); a map shows its own shape."""


def _sublayers(attn_out: HookPoint, resid_mid: str | None, mlp_act: str, mlp_out: str = "mlp") -> dict[str, HookPoint]:
    points = {
        "mlp_in": HookPoint("mlp", "in"),
        "mlp_act": HookPoint(mlp_act, "in"),
        "mlp_out": HookPoint(mlp_out, "out"),
    }
    middle = {"resid_mid": HookPoint(resid_mid, "in", shared=True)} if resid_mid else {}
    return {"attn_out": attn_out} | middle | points


_CLIP = _sublayers(HookPoint("self_attn", "out"), "layer_norm2", "mlp.fc2")
_TIMM_SCALED = _sublayers(HookPoint("ls1", "out"), "norm2", "mlp.fc2", "ls2")


def _dino_family(name: str, blocks: str, mlp_act: str, final_norm: str = "layernorm") -> VisionFamily:
    return VisionFamily(
        name,
        blocks,
        "embeddings",
        points=_sublayers(HookPoint("layer_scale1", "out"), "norm2", mlp_act, "layer_scale2"),
        cls="embeddings.cls_token",
        registers="embeddings.register_tokens",
        final_norm=final_norm,
    )


VISION_FAMILIES = (
    VisionFamily(
        "ViT, DeiT",
        "layers.*",
        "embeddings",
        points=_sublayers(HookPoint("attention", "out"), "layernorm_after", "mlp.fc2"),
        cls="embeddings.cls_token",
        final_norm="layernorm",
    ),
    VisionFamily(
        "CLIP vision",
        "encoder.layers.*",
        "pre_layrnorm",
        points=_CLIP,
        cls="embeddings.class_embedding",
        final_norm="post_layernorm",
    ),
    VisionFamily("SigLIP vision", "encoder.layers.*", "embeddings", points=_CLIP, final_norm="post_layernorm"),
    _dino_family("DINOv2", "encoder.layer.*", "mlp.fc2"),
    _dino_family("DINOv2, gated MLP", "encoder.layer.*", "mlp.down_proj"),
    _dino_family("DINOv3", "model.layer.*", "mlp.down_proj", "norm"),
    # Attention goes through windows: no module's output is what it adds to the stream.
    VisionFamily(
        "Swin",
        "encoder.layers.*.blocks.*",
        "embeddings",
        points={
            "resid_mid": HookPoint("layernorm_after", "in", shared=True),
            "mlp_in": HookPoint("mlp", "in"),
            "mlp_act": HookPoint("mlp.fc2", "in"),
            "mlp_out": HookPoint("mlp", "out"),
        },
        final_norm="layernorm",
        halves=True,
    ),
    VisionFamily("ResNet, RegNet", "encoder.stages.*.layers.*", "embedder", "map"),
    VisionFamily("ConvNeXt", "encoder.stages.*.layers.*", "embeddings", "map", final_norm="layernorm"),
    VisionFamily("EfficientNet", "encoder.blocks.*", "embeddings", "map"),
    VisionFamily("MobileNet", "layer.*", "conv_stem", "map"),
    VisionFamily(
        "timm ViT",
        "blocks.*",
        "norm_pre",
        points=_TIMM_SCALED,
        cls="cls_token",
        registers="reg_token",
        final_norm="norm",
    ),
    VisionFamily("timm EfficientNet, MobileNet", "blocks.*.*", "bn1", "map"),
    VisionFamily("timm ResNet", "layer[1-9].*", "maxpool", "map"),
    VisionFamily("timm ConvNeXt", "stages.*.blocks.*", "stem", "map"),
)
