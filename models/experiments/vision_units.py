"""The units of a vision model that an experiment asks about: channels of a site, or features of a dictionary on it.

N images, U units, C width of the site, T positions of all images, H and W places of the map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional
from torch import Tensor

from models.experiments.feature_dictionary import FeatureDictionary
from models.language_model.sites import Site
from models.vision_model.patch_map import PatchMap
from models.vision_model.vision_model import VisionModel


@dataclass(frozen=True, slots=True)
class VisionUnits:
    """Units of one site, by number."""

    host: VisionModel
    site: Site
    dictionary: FeatureDictionary | None
    """None where the units are the site's own channels."""
    numbers: Sequence[int]

    @classmethod
    def chosen(
        cls, host: VisionModel, dictionary: FeatureDictionary | None, site: str, numbers: Sequence[int] | None
    ) -> "VisionUnits":
        """The units that settings name.

        Args:
            host: The model.
            dictionary: That of the card's recipe.
            site: Where the channels are, without a dictionary.
            numbers: None for all that there are; of a dictionary, that fire.

        Raises:
            ValueError: If neither or both of a site and a recipe are named, or a unit is not there.
        """
        if (dictionary is None) == (not site):
            found = "both" if site else "neither"
            raise ValueError(
                f"units are channels of a `site` or features of a `recipe`, the card names {found}: name one of them"
            )
        if dictionary is not None:
            every = [int(each) for each in (dictionary.max_activation_F > 0).nonzero()[0]]
            dictionary.check(numbers or ())
            return cls(host, dictionary.site.resolve(host.n_layers), dictionary, every if numbers is None else numbers)
        place = Site.parse(site).resolve(host.n_layers)
        width = host.width(place)
        if beyond := [number for number in numbers or () if not 0 <= number < width]:
            raise ValueError(f"{place} has channels 0 to {width - 1}, and {beyond[0]} was asked for: name one of these")
        return cls(host, place, None, range(width) if numbers is None else numbers)

    def __call__(self, image_NCHW: Tensor) -> Tensor:
        """How active each unit is at each place, (N, U, H, W)."""
        return self.of_map(PatchMap(self.host, self.site)(image_NCHW))

    def of_map(self, map_NCHW: Tensor) -> Tensor:
        """The same, where the site's map is known already."""
        if self.dictionary is None:
            return map_NCHW[:, list(self.numbers)]
        n, _, height, width = map_NCHW.shape
        with torch.no_grad():
            codes = self.dictionary.sae.encode(map_NCHW.movedim(1, -1).flatten(0, 2).float())
        chosen_TU = codes.dense()[:, list(self.numbers)]
        return chosen_TU.reshape(n, height, width, -1).movedim(-1, 1)

    def strongest_on_corpus(self, number: int) -> float | None:
        """The strongest activation on the corpus; None of a channel, which has no statistics."""
        return None if self.dictionary is None else float(self.dictionary.max_activation_F[number])

    def direction(self, number: int) -> Tensor:
        """What one more of a unit adds to its site, (C,): a feature's decoder row, or the channel itself."""
        if self.dictionary is not None:
            return self.dictionary.sae.W_dec.detach()[number]
        return torch.nn.functional.one_hot(torch.tensor(number), self.host.width(self.site)).float()

    def columns(self, number: int) -> dict[str, Any]:
        """Columns of a row that name a unit."""
        is_feature = self.dictionary is not None
        return {
            "recipe_id": self.dictionary.recipe_id if self.dictionary is not None else None,
            "site": str(self.site),
            "feature_id": number if is_feature else None,
            "channel": None if is_feature else number,
        }
