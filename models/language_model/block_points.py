"""Which sites pass at which modules of a model's blocks, told by its config: no weights are read.

A module passes a site where it is given, or gives out, the very tensor that the family's map has there, in a pass
without values. Names alone would not do: OLMo 2 and GLM 4 have those of Llama, and norm what a sublayer gives out
before they add it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.language_model.loading import open_model_files, read_config
from models.language_model.module_map import ModuleMap, UnknownArchitecture
from models.language_model.sites import SITE_KINDS
from models.language_model.valueless_pass import Place, ValuelessPass

BlockPoints = Mapping[Place, tuple[str, ...]]
"""The kinds of site at the entry and at the exit of modules. One tensor can be several: what enters a block of BERT is
what its attention reads."""


def read_block_points(source: str, revision: str | None = None, *, cache: Path | None = None) -> BlockPoints | None:
    """The points of a model's blocks; None where no family has its names.

    Raises:
        UnusableModel: If there is no config, or it is damaged.
        UnknownArchitecture: If transformers does not know the model.
    """
    with open_model_files(source, revision, weights=False, cache=cache) as files:
        return block_points(read_config(files))


def block_points(config: Any) -> BlockPoints | None:
    """As `read_block_points`; by the names of the family alone, where the model does not run without values."""
    import torch
    from transformers import AutoModel

    try:
        with torch.device("meta"):  # grouped products of experts know no other dtype there
            module_map = ModuleMap.of(AutoModel.from_config(config, dtype=torch.bfloat16).eval())
    except (UnknownArchitecture, ValueError):  # no family, or a kind of model that AutoModel does not build
        return None
    points = module_map.points[0]
    places: dict[str, list[Place]] = {kind: [(point.path, point.side)] for kind, point in points.items()}
    try:
        passed = ValuelessPass(module_map)
    except Exception:  # whatever the model's own code says of tensors without values
        pass
    else:
        held = passed.held_to(points, stream_is_normed=module_map.post_norms is not None)
        places = {kind: passed.places_of(point) for kind, point in held.items()}
    found: dict[Place, tuple[str, ...]] = {}
    for kind in (kind for kind in SITE_KINDS if kind in places):
        for place in places[kind]:
            found[place] = (*found.get(place, ()), kind)
    return found
