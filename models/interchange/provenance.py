"""What an imported dictionary's file says of where it belongs, held against where a recipe would read it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from models.dictionaries.config import ProvenanceField
from models.interchange.dashboards.dump import UNKNOWN
from models.interchange.hook_names import from_hook_name, sites_of_module
from models.interchange.model_names import is_same_model
from models.language_model.block_points import BlockPoints
from models.language_model.sites import Site
from storage.visible_text import short_repr, visible

_BY_PART = re.compile(r"(?P<kind>resid_pre|resid_post|resid_mid|mlp_out|attn_out|attention_out)_layer_(?P<layer>\d+)")
PROCESSING = {
    "center_writing_weights": ("embed", "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "final_norm_in"),
    "fold_ln": ("attn_in", "mlp_in"),
    "fold_value_biases": ("v", "z"),
    "refactor_factored_attn_matrices": ("q", "k", "v", "z"),
}
"""What TransformerLens does to a model's weights where it is told to, and the kinds of site that are others by it."""


@dataclass(frozen=True, slots=True)
class ReadingConditions:
    """How a recipe reads a dictionary: what the file's facts are compared with."""

    model: str
    revisions: tuple[str, ...]
    """Names of the model's version: what the card says, the commit that it stands for."""
    site: Site
    output_site: Site
    """Where the dictionary writes: the same where it writes what it reads."""
    context_length: int | None
    prepend_bos: bool | None
    """Whether a token stands before each context; None where that is not decided yet."""
    points: Callable[[], BlockPoints | None] = lambda: None
    """The points of the model's blocks, asked for where the file names a module."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that the file names otherwise than the cards."""

    field: ProvenanceField
    named: str
    used: str

    def __str__(self) -> str:
        return f"{self.field} {self.named}, not {self.used}"


def mismatches(facts: Mapping[str, Any], used: ReadingConditions) -> list[Mismatch]:
    """Where what the file names is not what is used; what it does not name is not compared.

    Args:
        facts: Of an `ImportedDictionary`.
    """
    return [*_of_model(facts, used), *_of_sites(facts, used), *_of_contexts(facts, used)]


def told(found: Sequence[Mismatch]) -> str | None:
    """The mismatches in words; None where there is none."""
    return "; ".join(map(str, found)) or None


def sites_named(hook: str, points: Callable[[], BlockPoints | None] = lambda: None) -> tuple[str, ...]:
    """The sites that a name means: ours, a hook of TransformerLens, a module, `resid_post_layer_3`; none where no such
    site is known, several where the model has one tensor there."""
    try:
        return (str(Site.parse(hook)),)
    except ValueError:
        pass
    if part := _BY_PART.fullmatch(hook):
        return (f"{part['kind'].replace('attention', 'attn')}.{part['layer']}",)
    if (known := from_hook_name(hook)) != UNKNOWN:
        return (known,)
    return sites_of_module(hook, points)


def _of_model(facts: Mapping[str, Any], used: ReadingConditions) -> Iterator[Mismatch]:
    model, revision = facts.get("model_name"), facts.get("model_revision")
    if model is not None and not is_same_model(str(model), used.model):
        yield Mismatch("model", str(model), used.model)
    elif revision is not None and revision not in used.revisions:
        yield Mismatch("model", f"at revision {revision}", f"at {used.revisions[0]}")
    changed = [name for name in facts.get("model_processing", ()) if used.site.kind in PROCESSING.get(name, ())]
    if changed:
        yield Mismatch("model_processing", ", ".join(changed), "the weights as they are stored")


def _of_sites(facts: Mapping[str, Any], used: ReadingConditions) -> Iterator[Mismatch]:
    head = facts.get("hook_head_index")
    reads = facts.get("hook_in", facts.get("hook_name"))
    if head is not None:
        yield Mismatch("site", f"head {head} of {reads}", f"{used.site}, which is all heads")
    elif reads is not None:
        yield from _of_hook(str(reads), used.site, used)
    elif (layer := facts.get("layer")) is not None and _number(layer) not in {s.layer for s in _names(used.site)}:
        yield Mismatch("site", f"block {_shown(layer)}", str(used.site))
    writes = facts.get("hook_out")
    if writes is not None and writes != reads:
        yield from _of_hook(str(writes), used.output_site, used, " where it writes")


def _of_hook(hook: str, site: Site, used: ReadingConditions, where: str = "") -> Iterator[Mismatch]:
    known = sites_named(hook, used.points)
    if not known:
        yield Mismatch("site", f"{hook}{where} (a name that means no site known here)", str(site))
    elif not {str(name) for name in _names(site)} & set(known):
        meant = "" if hook in known else f" ({' or '.join(known)})"
        yield Mismatch("site", f"{hook}{meant}{where}", str(site))


def _names(site: Site) -> set[Site]:
    """The site by both its names: what leaves a block enters the next."""
    same = {site}
    if site.kind == "resid_post" and site.layer is not None:
        same.add(Site("resid_pre", site.layer + 1))
    if site.kind == "resid_pre" and site.layer:
        same.add(Site("resid_post", site.layer - 1))
    return same


def _of_contexts(facts: Mapping[str, Any], used: ReadingConditions) -> Iterator[Mismatch]:
    length, bos = facts.get("context_size"), facts.get("prepend_bos")
    if length is not None and _number(length) != used.context_length:
        yield Mismatch("context_length", _shown(length), str(used.context_length))
    if isinstance(bos, bool) and used.prepend_bos is not None and bos != used.prepend_bos:
        yield Mismatch("prepend_bos", str(bos).lower(), str(used.prepend_bos).lower())


def _number(value: Any) -> float:
    """A number of a file, be it written as text; NaN, which equals nothing, for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return nan


def _shown(value: Any) -> str:
    return f"{short_repr(value)} (no number)" if isnan(_number(value)) else visible(str(value), 40)
