"""Proves on two images that a vision model's map says what the model does: names may fit where arithmetic does not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.language_model.hooks import HookFunction, add_hook
from models.language_model.module_map import UnknownArchitecture
from models.language_model.rounding import equal_up_to_rounding
from models.language_model.sites import Site
from models.vision_model.token_grid import TokenGrid

if TYPE_CHECKING:
    from models.vision_model.vision_model import VisionModel


@torch.no_grad()
def check_and_measure_sites(host: "VisionModel") -> tuple[dict[Site, TokenGrid], dict[Site, int]]:
    """Grid and width of every site of a model that keeps what its map promises.

    Promised are: one vector at every position of every site, as many as there are patches beside the leading tokens;
    `resid_post.L` is `resid_pre.L+1` within a stage; the stream is the sum of what is added to it; hooks that read, and
    edits that change nothing, leave the output as it was, bit for bit; an image's values do not depend on its
    neighbours in the batch; a change of one patch's pixels changes that patch first.

    Raises:
        UnknownArchitecture: Naming the first promise that is broken.
    """
    pixels_BCHW = probe_pixels(host)
    plain = _output(host, pixels_BCHW)
    with host.capture(host.sites, stop_early=False) as found:
        read = _output(host, pixels_BCHW)
    shapes = _map_shapes(host, pixels_BCHW) if host.vision_map.family.layout == "map" else {}
    with host.intervene(dict.fromkeys(host.sites, _unchanged)):
        edited = _output(host, pixels_BCHW)
    for site in host.sites:
        _require(host, f"{site} is reached in a pass", site in found)
        _require(host, f"{site} has one vector a position", found[site].ndim == 3 and len(found[site]) == 2)
    _require(host, "reading leaves the output as it was", _same(plain, read))
    _require(host, "an edit that changes nothing leaves the output as it was", _same(plain, edited))
    grids = {site: _grid(host, site, found[site], shapes.get(site)) for site in host.sites}
    _check_stream(host, found)
    _check_rows(host, pixels_BCHW, found)
    _check_places(host, pixels_BCHW, found, grids)
    return grids, {site: x.shape[-1] for site, x in found.items()}


def probe_pixels(host: "VisionModel") -> Tensor:
    """Two images of noise in the size that the model reads."""
    shape = (2, host.preprocessing.height, host.preprocessing.width, 3)
    views = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return host.preprocessing.normalised(views).to(host.device, host.dtype)


def _output(host: "VisionModel", pixels_BCHW: Tensor) -> Tensor:
    return host.model(pixel_values=pixels_BCHW)[0]


def _map_shapes(host: "VisionModel", pixels_BCHW: Tensor) -> dict[Site, tuple[int, int]]:
    """Rows and columns of every site's map."""
    shapes: dict[Site, tuple[int, int]] = {}

    def keep(site: Site) -> HookFunction:
        def see(x_BCHW: Tensor) -> None:
            shapes[site] = (x_BCHW.shape[-2], x_BCHW.shape[-1]) if x_BCHW.ndim == 4 else (0, 0)

        return see

    handles = [add_hook(*host.vision_map.at(site), keep(site)) for site in host.sites]
    try:
        _output(host, pixels_BCHW)
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def _grid(host: "VisionModel", site: Site, x_BPD: Tensor, sides: tuple[int, int] | None) -> TokenGrid:
    """The grid that the declared patch size makes; refused where the positions are not as many."""
    n_positions = x_BPD.shape[1]
    if sides is not None:
        _require(host, f"{site} is a map of rows and columns", n_positions == sides[0] * sides[1])
        return TokenGrid(0, 0, *sides)
    patch_height, patch_width = _patch_size(host)
    rows, cols = host.preprocessing.height // patch_height, host.preprocessing.width // patch_width
    if host.vision_map.family.halves:
        for _ in range(host.vision_map.stage(site)):
            rows, cols = (rows + 1) // 2, (cols + 1) // 2
    n_cls, n_registers = host.vision_map.n_leading
    said = (
        f"{site} has {n_cls} CLS token, {n_registers} register tokens and {rows} x {cols} patches of {patch_height} x "
        f"{patch_width} pixels (found are {n_positions} positions)"
    )
    _require(host, said, n_positions == n_cls + n_registers + rows * cols)
    return TokenGrid(n_cls, n_registers, rows, cols)


def _patch_size(host: "VisionModel") -> tuple[int, int]:
    found = getattr(host.model.config, "patch_size", None)
    if found is None:
        found = getattr(getattr(host.vision_map.base, "patch_embed", None), "patch_size", None)
    if found is None:
        raise _broken(host, "the patch size is declared in config.json")
    return (int(found), int(found)) if isinstance(found, int) else (int(found[0]), int(found[1]))


def _check_stream(host: "VisionModel", found: Mapping[Site, Tensor]) -> None:
    points, stages = host.vision_map.family.points, host.vision_map.stages
    for layer in range(host.n_layers):
        pre, post = found[Site("resid_pre", layer)], found[Site("resid_post", layer)]
        if "resid_mid" in points:
            mid, mlp = found[Site("resid_mid", layer)], found[Site("mlp_out", layer)]
            said = f"resid_post.{layer} = resid_mid.{layer} + mlp_out.{layer}"
            _require(host, said, equal_up_to_rounding(post, mid + mlp))
            if "attn_out" in points:
                said = f"resid_mid.{layer} = resid_pre.{layer} + attn_out.{layer}"
                _require(host, said, equal_up_to_rounding(mid, pre + found[Site("attn_out", layer)]))
        if layer and stages[layer] == stages[layer - 1]:
            _require(
                host, f"resid_post.{layer - 1} = resid_pre.{layer}", _same(found[Site("resid_post", layer - 1)], pre)
            )


def _check_rows(host: "VisionModel", pixels_BCHW: Tensor, found: Mapping[Site, Tensor]) -> None:
    """Each image alone has the values that it had beside the other."""
    last = Site("resid_post", host.n_layers - 1)
    with host.capture([last]) as alone:
        host.forward(pixels_BCHW[1:])
    wanted, largest = found[last][1:].float(), float(found[last].float().abs().max())
    tolerance = (1e-3 if host.dtype == torch.float32 else 0.1) * largest
    close = bool(((alone[last].float() - wanted).abs() <= tolerance).all()) or bool(wanted.isnan().any())
    _require(host, "the values of an image do not depend on its neighbours in the batch", close)


def _check_places(
    host: "VisionModel", pixels_BCHW: Tensor, found: Mapping[Site, Tensor], grids: Mapping[Site, TokenGrid]
) -> None:
    """Pixels in the middle of one patch are changed: of the first values with places, that patch changes most."""
    site = Site("embed")
    grid = grids[site]
    row, col = grid.rows // 3, 2 * grid.cols // 3
    height, width = pixels_BCHW.shape[2] / grid.rows, pixels_BCHW.shape[3] / grid.cols
    y, x = int((row + 0.5) * height), int((col + 0.5) * width)
    changed = pixels_BCHW.clone()
    half_y, half_x = max(1, int(height / 2)), max(1, int(width / 2))
    changed[:, :, max(0, y - half_y) : y + half_y, max(0, x - half_x) : x + half_x] *= -1
    with host.capture([site]) as now:
        host.forward(changed)
    moved_P = (now[site] - found[site]).float().square().sum(dim=(0, 2))
    place = grid.place(int(moved_P.argmax()))
    near = place is not None and abs(place[0] - row) <= 1 and abs(place[1] - col) <= 1
    exact = place == (row, col) or (host.vision_map.family.layout == "map" and near)
    said = f"the patch of row {row} and column {col} is changed most by its own pixels (found is {place})"
    _require(host, said, exact or bool(moved_P.isnan().any()))


def _require(host: "VisionModel", said: str, kept: bool) -> None:
    if not kept:
        raise _broken(host, said)


def _broken(host: "VisionModel", said: str) -> UnknownArchitecture:
    return UnknownArchitecture(
        f"{host.architecture} has the parts of the family {host.vision_map.family.name!r} but does not compute as "
        f"it does; broken is: {said}. Describe it by a row of its own in VISION_FAMILIES of "
        "models/vision_model/vision_families.py, or name another model in the card"
    )


def _unchanged(x_BPD: Tensor) -> Tensor:
    return x_BPD


def _same(a: Tensor, b: Tensor) -> bool:
    """Bit for bit; NaN, which broken weights make, counts as equal to itself."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())
