"""Where each family of transformers keeps its sites: a table of module paths, and the map of one model that it gives.

A family is known by the names of its parts, not by the model's class: Mistral and Qwen are read as Llama is. That names
fit does not prove that the arithmetic does: `models/language_model/self_test.py` holds every loaded model to it. A
causal model that fits no row, or fails, is read by blocks' arithmetic (`models/language_model/block_arithmetic.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from models.language_model.sites import OUTSIDE, SITE_KINDS, Site


class UnknownArchitecture(ValueError):
    """Neither a row of FAMILIES nor its blocks' arithmetic describes the model. Add a row, or take another model."""


@dataclass(frozen=True, slots=True)
class HookPoint:
    """A value that passes the entry or the exit of a module.

    A value at an entry is `shared` when it is used elsewhere too, as the residual stream that enters a norm goes on
    beside it: an edit must then change the tensor itself, not only what the module is given.
    """

    path: str
    side: Literal["in", "out"]
    shared: bool = False
    scale: float = 1.0
    """The stream is given this multiple of what passes (Granite's residual multiplier); the site's value is the
    multiple."""
    overwritten: bool = False
    """Whether the model later writes into the value (Falcon), so that a copy is seen."""
    flat: bool = False
    """Whether the positions of all rows pass as one axis (OPT's MLP)."""


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The names of the parts: `blocks` and `final_norm` as seen from the base model, points as seen from a block."""

    name: str
    blocks: str
    attn_in: HookPoint
    attn_out: HookPoint
    mlp_in: HookPoint
    mlp_out: HookPoint
    mlp_act: HookPoint | None
    resid_mid: HookPoint | None
    """None where attention and MLP read the same stream side by side."""
    final_norm: str | None
    post_norms: tuple[str, str] | None = None
    """The norms that the stream itself goes through after attention and after the MLP, where it does (BERT)."""
    config: Mapping[str, Any] | None = None
    """What the model's config must say, where the names alone leave two families open."""

    def fits(self, base: nn.Module, config: Any) -> bool:
        """Whether every block has every part, and the config says what it must."""
        said = all(getattr(config, key, None) == value for key, value in (self.config or {}).items())
        blocks = _part(base, self.blocks)
        if not said or not isinstance(blocks, nn.ModuleList) or _part(base, self.final_norm or "") is None:
            return False
        points = (self.attn_in, self.attn_out, self.mlp_in, self.mlp_out, self.mlp_act, self.resid_mid)
        wanted = [point.path for point in points if point is not None] + list(self.post_norms or ())
        return all(_part(block, path) is not None for block in blocks for path in wanted)


def _llama(name: str, **changes: Any) -> ModelFamily:
    """Names that most families since Llama share: the pre-norm of the MLP is called post_attention_layernorm."""
    names: dict[str, Any] = {
        "blocks": "layers",
        "attn_in": HookPoint("self_attn", "in"),
        "attn_out": HookPoint("self_attn", "out"),
        "resid_mid": HookPoint("post_attention_layernorm", "in", shared=True),
        "mlp_in": HookPoint("mlp", "in"),
        "mlp_act": HookPoint("mlp.down_proj", "in"),
        "mlp_out": HookPoint("mlp", "out"),
        "final_norm": "norm",
    }
    return ModelFamily(name, **names | changes)


def _neox(name: str, resid_mid: HookPoint | None, parallel: bool) -> ModelFamily:
    return _llama(
        name,
        attn_in=HookPoint("attention", "in"),
        attn_out=HookPoint("attention", "out"),
        resid_mid=resid_mid,
        mlp_act=HookPoint("mlp.dense_4h_to_h", "in"),
        final_norm="final_layer_norm",
        config={"use_parallel_residual": parallel},
    )


STREAM = {"resid_pre": HookPoint("", "in"), "resid_post": HookPoint("", "out")}
"""The two sites that every block has by being a block."""

FAMILIES = (
    ModelFamily(
        "GPT-2, GPT-Neo",
        blocks="h",
        attn_in=HookPoint("attn", "in"),
        attn_out=HookPoint("attn", "out"),
        resid_mid=HookPoint("ln_2", "in", shared=True),
        mlp_in=HookPoint("mlp", "in"),
        mlp_act=HookPoint("mlp.c_proj", "in"),
        mlp_out=HookPoint("mlp", "out"),
        final_norm="ln_f",
    ),
    _neox("GPT-NeoX and Pythia", resid_mid=None, parallel=True),
    _neox("GPT-NeoX in sequence", resid_mid=HookPoint("post_attention_layernorm", "in", shared=True), parallel=False),
    # The norm after a sublayer belongs to what is added to the stream, so attn_out and mlp_out are read behind it.
    _llama(
        "Gemma 2, Gemma 3",
        attn_out=HookPoint("post_attention_layernorm", "out"),
        resid_mid=HookPoint("pre_feedforward_layernorm", "in", shared=True),
        mlp_out=HookPoint("post_feedforward_layernorm", "out"),
    ),
    _llama("Llama, Mistral, Qwen 2, Qwen 3, Phi-3, Gemma"),
    _llama("StarCoder 2", mlp_act=HookPoint("mlp.c_proj", "in")),
    # Where experts take turns no one module reads all neurons, hence no mlp_act, in no block.
    _llama("Mixtral, Qwen MoE", mlp_act=None),
    # The stream itself is normed after each sublayer: resid_mid and resid_post are what the next module reads.
    ModelFamily(
        "BERT, RoBERTa",
        blocks="encoder.layer",
        attn_in=HookPoint("attention.self", "in"),
        attn_out=HookPoint("attention.output.dense", "out"),
        resid_mid=HookPoint("attention", "out"),
        mlp_in=HookPoint("intermediate", "in"),
        mlp_act=HookPoint("output.dense", "in"),
        mlp_out=HookPoint("output.dense", "out"),
        final_norm=None,
        post_norms=("attention.output.LayerNorm", "output.LayerNorm"),
    ),
    ModelFamily(
        "DistilBERT",
        blocks="transformer.layer",
        attn_in=HookPoint("attention", "in"),
        attn_out=HookPoint("attention", "out"),
        resid_mid=HookPoint("sa_layer_norm", "out"),
        mlp_in=HookPoint("ffn", "in"),
        mlp_act=HookPoint("ffn.lin2", "in"),
        mlp_out=HookPoint("ffn", "out"),
        final_norm=None,
        post_norms=("sa_layer_norm", "output_layer_norm"),
    ),
    ModelFamily(
        "ModernBERT",
        blocks="layers",
        attn_in=HookPoint("attn", "in"),
        attn_out=HookPoint("attn", "out"),
        resid_mid=HookPoint("mlp_norm", "in", shared=True),
        mlp_in=HookPoint("mlp", "in"),
        mlp_act=HookPoint("mlp.Wo", "in"),
        mlp_out=HookPoint("mlp", "out"),
        final_norm="final_norm",
    ),
)
"""Tried in this order: a family stands before those whose names are among its own."""


@dataclass(frozen=True, slots=True)
class ModuleMap:
    """One model's parts."""

    model: Any
    family: str
    """Whose names or whose arithmetic it has, for messages."""
    embedding: nn.Embedding
    blocks: nn.ModuleList
    final_norm: nn.Module | None
    points: Sequence[Mapping[str, HookPoint]]
    """For every block, where its sites are; as seen from the block."""
    post_norms: tuple[str, str] | None = None
    """As in `ModelFamily`."""

    @classmethod
    def of(cls, model: Any) -> "ModuleMap":
        """Finds the parts by the names of a family; of a model that also sees, the parts that read text.

        Raises:
            UnknownArchitecture: If no family's names fit.
        """
        base, config = text_model(model), model.config.get_text_config()
        family = next((family for family in FAMILIES if family.fits(base, config)), None)
        if family is None:
            raise unknown(type(model).__name__, f"its parts are named {_names(base)}")
        blocks, final_norm = _part(base, family.blocks), _part(base, family.final_norm or "")
        assert isinstance(blocks, nn.ModuleList)
        named = {kind: getattr(family, kind, None) for kind in SITE_KINDS}
        points = {kind: point for kind, point in named.items() if isinstance(point, HookPoint)} | STREAM
        return cls(
            model,
            family.name,
            model.get_input_embeddings(),
            blocks,
            final_norm if family.final_norm else None,
            [points] * len(blocks),
            family.post_norms,
        )

    def at(self, site: Site) -> tuple[nn.Module, HookPoint]:
        """The module at which a site's value passes, and how.

        Raises:
            ValueError: If the model has no such site.
        """
        site = site.resolve(len(self.blocks))
        if site.kind == "embed":
            return self.embedding, HookPoint("", "out")
        if site.kind == "final_norm_in" and self.final_norm is not None:
            return self.final_norm, HookPoint("", "in")
        if site.kind == "logits" and self.model.get_output_embeddings() is not None:
            return self.model, HookPoint("", "out")
        if site.layer is None or site.kind not in self.kinds:
            raise ValueError(f"{self.name} has no {site}: {self._lack(site.kind)}; it has {', '.join(self.kinds)}")
        point = self.points[site.layer][site.kind]
        module = _part(self.blocks[site.layer], point.path)
        assert module is not None, f"{site} of {self.name}: block {site.layer} has no {point.path}"
        return module, point

    @property
    def name(self) -> str:
        """Name of the transformers class."""
        return type(self.model).__name__

    @property
    def kinds(self) -> list[str]:
        """The kinds of site that the model has: in every block, or outside of the blocks."""
        once = {"embed": True, "final_norm_in": self.final_norm is not None}
        once["logits"] = self.model.get_output_embeddings() is not None
        return [kind for kind in SITE_KINDS if once.get(kind) or all(kind in points for points in self.points)]

    @property
    def sites(self) -> list[Site]:
        """Every site of the model."""
        placed = [Site(kind, layer) for layer in range(len(self.blocks)) for kind in self.kinds if kind not in OUTSIDE]
        return [Site("embed"), *placed, *(Site(kind) for kind in OUTSIDE[1:] if kind in self.kinds)]

    def layer_of(self, site: Site) -> int:
        """The block of a site that is said with one."""
        layer = site.resolve(len(self.blocks)).layer
        assert layer is not None, f"{site} is said without a block"
        return layer

    def _lack(self, kind: str) -> str:
        if kind == "resid_mid":
            return "its attention and MLP read the same stream side by side, so nothing lies between them"
        if kind in OUTSIDE:
            return "it has no such part"
        return "not every block's MLP has one down projection; a mixture of experts has several"


def text_model(model: Any) -> nn.Module:
    """The model without its head; of one that also sees, the part that reads text."""
    return getattr(model.base_model, "language_model", model.base_model)


def unknown(name: str, found: str) -> UnknownArchitecture:
    """The error for a model that Glasshouse cannot read."""
    known = "; ".join(family.name for family in FAMILIES)
    return UnknownArchitecture(
        f"{name} is of no family that Glasshouse reads: {found}. Known are {known}, and what has the same parts. "
        "Describe it by one more row of FAMILIES in models/language_model/module_map.py, or name another model in the "
        "card"
    )


def _part(module: nn.Module, path: str) -> nn.Module | None:
    """The submodule at a dotted path; the module itself at none; None where there is no such part."""
    for name in path.split(".") if path else ():
        inner = module._modules.get(name)
        if inner is None:
            return None
        module = inner
    return module


def _names(base: nn.Module) -> str:
    """The parts of the model and of one of its blocks, as the error for an unknown family shows them."""
    lists = [(path, part) for path, part in base.named_modules() if isinstance(part, nn.ModuleList) and len(part)]
    inside = [f"{path}.0 ({', '.join(name for name, _ in blocks[0].named_children())})" for path, blocks in lists[:1]]
    return ", ".join([*(name for name, _ in base.named_children()), *inside])
