"""What fires in an image of a reader's own: one pass of a vision model, coded by every dictionary asked for.

P positions of a site, F features.
"""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.serving.model_hosts import CannotRunModel, ModelHosts, Report
from storage.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from models.language_model.sites import Site
    from models.vision_model.vision_model import VisionModel

SHOWN = 12
"""Features of a dictionary."""


@dataclass(frozen=True, slots=True)
class FeatureInImage:
    """A feature where it is strongest, and all patches at which it fires."""

    feature_id: int
    activation: float
    position_kind: str
    row: int | None
    col: int | None
    x0: int
    y0: int
    x1: int
    y1: int
    cells: tuple[int, ...]
    cell_activations: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DictionaryOnImage:
    """What a dictionary says of the image."""

    recipe_id: str
    site: str
    grid_rows: int
    grid_cols: int
    features: tuple[FeatureInImage, ...]


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """The image as the model sees it, its strongest classes, and what fires in it."""

    model_id: str
    thumb_jpeg: str
    view_height: int
    view_width: int
    classes: tuple[tuple[str, float], ...]
    dictionaries: tuple[DictionaryOnImage, ...]


def image_features(
    hosts: ModelHosts, model_id: str, data: bytes, recipe_ids: tuple[str, ...], report: Report = lambda said: None
) -> ImageFeatures:
    """What fires in an image, as it would have been stored had the image been one of the corpus.

    Raises:
        CannotRunModel: If the model or a dictionary cannot be run here, or the model reads text.
        UnreadableImage: If the file cannot be read as an image.
    """
    import torch

    from models.images.image_corpus import thumbnail
    from models.images.image_decoding import decoded
    from models.language_model.sites import Site

    image = decoded(data)
    with hosts.turn:
        row = hosts.row("model", model_id=model_id)
        saes = {each: hosts.row("sae", model_id=model_id, recipe_id=each) for each in recipe_ids}
        harvests = {each: hosts.harvest(model_id, sae["site"]) for each, sae in saes.items()}
        refuse_text(model_id, harvests)
        dtype = next(iter(harvests.values())).identity["settings"]["model.dtype"]
        report(f"the model {model_id} is loaded")
        model = hosts.vision(row, dtype)
        view = model.preprocessing.views([image])
        pixels = model.preprocessing.normalised(view)
        sites = {each: Site.parse(sae["site"]) for each, sae in saes.items()}
        report("the model sees the image")
        with torch.no_grad(), model.capture(sites.values(), stop_early=False) as values:
            logits = model.forward(pixels)
        read = tuple(
            _of_dictionary(hosts, model, harvests[each], (model_id, each), sites[each], values[sites[each]][0].float())
            for each in recipe_ids
        )
    named = model.class_names or []
    top = torch.topk(logits[0].float().softmax(dim=0), min(3, len(named))) if logits is not None else None
    classes = () if top is None else tuple((named[i], float(p)) for p, i in zip(*top, strict=True))
    jpeg = base64.b64encode(thumbnail(view[0].numpy())).decode()
    return ImageFeatures(model_id, jpeg, view.shape[1], view.shape[2], classes, read)


def refuse_text(model_id: str, harvests: dict[str, Manifest]) -> None:
    """Raises CannotRunModel where the activations are of a model of text."""
    if not harvests or any("grid" not in manifest.facts for manifest in harvests.values()):
        raise CannotRunModel(f"{model_id} is a language model: it reads text, not images")


def _of_dictionary(
    hosts: ModelHosts,
    model: "VisionModel",
    harvested: Manifest,
    names: tuple[str, str],
    site: "Site",
    x_PD: "Tensor",
) -> DictionaryOnImage:
    import torch

    from models.vision_model.receptive_field import ReceptiveField
    from models.vision_model.token_grid import KINDS

    (model_id, recipe_id), grid, facts = names, model.grid(site), harvested.facts
    field = ReceptiveField.of_facts(facts["receptive_fields"][str(site)])
    kinds = torch.from_numpy(grid.kind_ids())
    read_P = torch.isin(kinds, torch.tensor([KINDS.index(kind) for kind in facts["kinds"]])).nonzero().squeeze(1)
    codes = hosts.dictionary(model_id, recipe_id).encode(x_PD[read_P])
    acts_PF = torch.zeros(len(read_P), codes.n_features).scatter_(1, codes.features_TK.long(), codes.acts_TK)
    best = acts_PF.max(dim=0)
    strongest = best.values.argsort(descending=True, stable=True)[:SHOWN]
    features: list[FeatureInImage] = []
    for feature in strongest[best.values[strongest] > 0].tolist():
        position = int(read_P[best.indices[feature]])
        row, col = grid.place(position) or (None, None)
        fires = acts_PF[:, feature].nonzero().squeeze(1)
        patches = [int(i) for i in fires if int(read_P[i]) >= grid.n_leading]
        cells = tuple(int(read_P[i]) - grid.n_leading for i in patches)
        cell_acts = tuple(float(acts_PF[i, feature]) for i in patches)
        box = field.box(grid, position)
        value = float(best.values[feature])
        features.append(FeatureInImage(feature, value, grid.kind(position), row, col, *box, cells, cell_acts))
    return DictionaryOnImage(recipe_id, str(site), grid.rows, grid.cols, tuple(features))
