"""A Jacobian lens as a file, in the layout in which they are published (anthropics/jacobian-lens): `lens.pt`.

`J` holds a float16 matrix [d, d] for the output of every block but the last, whose matrix is the identity; `n_prompts`,
`source_layers` and `d_model` stand beside it. Where the stream enters the first block no matrix is published.
"""

from pathlib import Path

import torch

from models.attribution.jacobian_lens import JacobianSum
from models.attribution.stream_lens import StreamLens


def write_lens(path: Path, fitted: JacobianSum) -> None:
    """Writes what was fitted, for whoever reads the published layout."""
    maps = {layer: map_DD for layer, map_DD in fitted.lens.maps_DD.items() if layer >= 0}
    del maps[max(maps)]
    if not maps:
        raise ValueError("a lens of a model of one block has no matrix but the identity: there is nothing to write")
    [width] = {len(map_DD) for map_DD in maps.values()}
    stored = {layer: map_DD.half() for layer, map_DD in maps.items()}
    torch.save({"J": stored, "n_prompts": fitted.n_texts, "source_layers": sorted(maps), "d_model": width}, path)


def read_lens(path: Path, width: int, n_layers: int) -> StreamLens:
    """A lens of a model of some width and blocks; at layers that the file leaves out it has none.

    Raises:
        ValueError: If the file holds no lens, or one of another model.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a lens ({type(error).__name__}): name a `lens.pt`") from error
    if not isinstance(found, dict) or not isinstance(found.get("J"), dict) or not found["J"]:
        raise ValueError(f"{path} holds no matrices under `J`: name a `lens.pt` in the published layout")
    maps = {int(layer): map_DD.float() for layer, map_DD in found["J"].items()}
    shapes = {tuple(map_DD.shape) for map_DD in maps.values()}
    if shapes != {(width, width)} or not set(maps) <= set(range(n_layers)):
        said = ", ".join(" x ".join(map(str, shape)) for shape in sorted(shapes))
        raise ValueError(
            f"{path} holds matrices {said} for blocks {min(maps)} to {max(maps)}, and the model has a stream of "
            f"{width} and blocks 0 to {n_layers - 1}: it is the lens of another model"
        )
    return StreamLens("jacobian", {n_layers - 1: torch.eye(width)} | maps)
