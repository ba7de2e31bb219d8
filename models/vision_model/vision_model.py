"""A vision model whose sites can be read and edited; nothing else is changed.

Plain torch forward hooks on the transformers model itself, as in `models.language_model.hooked_model`. A value is shown
as (B, P, D) whatever the layout: leading tokens first, then the grid row by row; a convolutional map's channels are D.

B images of a batch, P positions, D width of a site, C channels, H rows, W columns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from models.language_model.error_origin import is_of_own_code
from models.language_model.forward_pass import PassTracker
from models.language_model.hooked_sites import HookedSites
from models.language_model.hooks import HookFunction, add_hook
from models.language_model.loading import open_model_files
from models.language_model.module_map import UnknownArchitecture
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.vision_model.image_preprocessing import ImagePreprocessing, read_preprocessing
from models.vision_model.token_grid import TokenGrid
from models.vision_model.vision_loading import load_vision_weights
from models.vision_model.vision_map import VisionMap
from models.vision_model.vision_self_test import check_and_measure_sites


def load_vision_model(
    source: str,
    revision: str | None = None,
    dtype: str = "float32",
    device: str | torch.device | None = None,
    *,
    cache: Path | None = None,
) -> "VisionModel":
    """Loads a vision model with its own preprocessing and proves its map on two images.

    Args:
        source: Hub repository, local folder, or s3:// address of one.
        revision: Branch, tag or commit on the hub; None for a folder.
        dtype: What the model computes in: float32, bfloat16 or float16.
        device: Where it runs; None takes a GPU if there is one.
        cache: Where a model from S3 is kept; a temporary folder if None.

    Raises:
        UnusableModel: If weights or image processor are missing or damaged.
        UnknownArchitecture: If the model reads text, no family's names fit, or its arithmetic is another.
    """
    with open_model_files(source, revision, cache=cache) as files:
        model, preprocessing = load_vision_weights(files, dtype), read_preprocessing(files)
        sha256, found = files.weights_sha256(), files.revision
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return VisionModel.of(model, preprocessing, source, found, sha256)


@dataclass(eq=False, repr=False)
class VisionModel(HookedSites):
    """A vision model with addresses. One pass at a time: captures and edits belong to the model, not to a call."""

    model: Any
    """The transformers model itself; hooks act there too. Its weights are frozen."""
    preprocessing: ImagePreprocessing
    source: str
    revision: str
    weights_sha256: str
    vision_map: VisionMap
    grids: Mapping[Site, TokenGrid] = field(default_factory=dict)
    widths: Mapping[Site, int] = field(default_factory=dict)
    _passes: PassTracker = field(init=False)

    def __post_init__(self) -> None:
        self._passes = PassTracker(type(self.model).__name__)

    @classmethod
    def of(
        cls, model: Any, preprocessing: ImagePreprocessing, source: str = "", revision: str = "", sha256: str = ""
    ) -> "VisionModel":
        """A model that is loaded already, proved; raises as `load_vision_model`."""
        made = cls(model.eval().requires_grad_(False), preprocessing, source, revision, sha256, VisionMap.of(model))
        try:
            made.grids, made.widths = check_and_measure_sites(made)
        except (UnknownArchitecture, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever the model's own code says of images of this size
            if is_of_own_code(error):
                raise
            raise UnknownArchitecture(
                f"{type(model).__name__} does not run on images of {preprocessing.height} x {preprocessing.width} "
                f"pixels, as its image processor makes them ({type(error).__name__}: {error}): mend the size in "
                "preprocessor_config.json"
            ) from error
        return made

    @property
    def architecture(self) -> str:
        """Name of the transformers class."""
        return self.vision_map.name

    @property
    def n_layers(self) -> int:
        """Blocks, of all stages."""
        return len(self.vision_map.blocks)

    @property
    def d_model(self) -> int:
        """Width of the last block; stages of a pyramid differ."""
        return self.width(Site("resid_post", self.n_layers - 1))

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.model.parameters()).dtype

    @property
    def sites(self) -> list[Site]:
        return self.vision_map.sites

    @property
    def class_names(self) -> list[str] | None:
        """What the model tells apart, by logit; None where it does not classify."""
        names = getattr(self.model.config, "id2label", None)
        if not type(self.model).__name__.endswith("ForImageClassification") or not names:
            return None
        return [str(names[number]) for number in sorted(names)]

    def width(self, site: Site) -> int:
        """Numbers per position at a site; channels of a convolutional map."""
        self.vision_map.at(site)
        return self.widths[site.resolve(self.n_layers)]

    def grid(self, site: Site) -> TokenGrid:
        """Where a site's positions stand in the image."""
        self.vision_map.at(site)
        return self.grids[site.resolve(self.n_layers)]

    @contextmanager
    def intervene(self, edits: Mapping[Site, Edit], positions: Sequence[int] | None = None) -> Iterator[None]:
        """Puts `edit(x_BPD)` in the place of each site's value in every pass within the block; returns the same shape.

        Args:
            edits: What takes the value's place, by site.
            positions: The only positions that are changed (`TokenGrid.position`); None for all.
        """

        def chosen(n: int) -> Tensor | None:
            return None if positions is None else torch.isin(torch.arange(n), torch.tensor(list(positions)))

        with self._edited(edits, chosen):
            yield

    def _see(self, hooks: ExitStack, site: Site, see: HookFunction, *, first: bool = False) -> None:
        module, point = self.vision_map.at(site)
        shown = _as_positions(see) if self.vision_map.family.layout == "map" else see
        hooks.callback(add_hook(module, point, shown, first=first).remove)

    def forward(self, pixels_BCHW: Tensor) -> Tensor | None:
        """Runs the model once on preprocessed pixels.

        Returns:
            Logits (B, classes) of a model that classifies; None for another, or where a capture ended the pass.

        Raises:
            RuntimeError: If another pass is under way.
        """
        with self._passes.one_at_a_time():
            return self._logits(lambda: self.model(pixel_values=pixels_BCHW.to(self.device, self.dtype)))

    @torch.no_grad()
    def run(self, images: Sequence[Image.Image] | Tensor, sites: Iterable[Site | str]) -> dict[Site, Tensor]:
        """Activations of images, or of preprocessed pixels (B, 3, H, W), at sites: (B, P, D) each."""
        pixels = images if isinstance(images, Tensor) else self.preprocessing.pixels(images)
        wanted = [Site.parse(site) if isinstance(site, str) else site for site in sites]
        with self.capture(wanted) as found:
            self.forward(pixels)
        return dict(found)

    @torch.no_grad()
    def logits(self, images: Sequence[Image.Image] | Tensor) -> Tensor | None:
        """Logits of images; None where the model does not classify."""
        return self.forward(images if isinstance(images, Tensor) else self.preprocessing.pixels(images))


def _as_positions(see: HookFunction) -> HookFunction:
    """Shows a map (B, C, H, W) as positions (B, P, C), and puts what comes back into the map's form."""

    def see_map(x_BCHW: Tensor) -> Tensor | None:
        new_BPC = see(x_BCHW.flatten(2).transpose(1, 2))
        return None if new_BPC is None else new_BPC.transpose(1, 2).unflatten(2, x_BCHW.shape[2:])

    return see_map
