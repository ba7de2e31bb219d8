"""A store with one tiny model, a complete dictionary of its first block and a text set, for experiments on labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from complete_dictionary import complete_dictionary
from experiment_house import experiment_house, write_card

from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import ExperimentInput
from models.language_model.sites import Site
from pipelines.experiments import experiment_input as inputs
from pipelines.store.store import Store

WORDS = ("width", "height", "items", "name", "value", "found", "self", "area", "print", "return", "class", "def")
SITE = Site("resid_post", 0)
WIDTH = 32


def two_labels(n: int = 48, longer: int = 0) -> list[dict[str, Any]]:
    """Texts of two labels: the one has colons, the other commas; groups of four. `longer`: words that the first has
    more."""
    rows = []
    for number in range(n):
        words = [WORDS[(number * 5 + place) % len(WORDS)] for place in range(6)]
        sign, label = ((":", "colon"), (",", "comma"))[number % 2]
        words += [] if number % 2 else [WORDS[place % len(WORDS)] for place in range(longer)]
        rows.append({"text": f"{sign} ".join(words), "label": label, "group": f"g{number // 4}"})
    return rows


def text_set_house(root: Path, method: str, texts: list[dict[str, Any]], **settings: Any) -> Store:
    """A store whose registry asks `method` of the model `m` and its dictionary `mid`, with a text set `labelled`."""
    store = experiment_house(root, {"method": "logit_lens"})
    (root / "registry" / "text_sets").mkdir()
    write_card(root, "text_sets/labelled", {"texts": texts})
    write_card(root, "recipes/mid", {"site": str(SITE), "sae": {"expansion": 2, "k": WIDTH}})
    write_card(root, "models/m", {"source": str(root / "weights"), "corpus": {"source": "stdlib"}, "recipes": ["mid"]})
    card = {"method": method, "prompt_set": "labelled", "recipe": "mid", "settings": settings}
    write_card(root, "experiments/asked", card)
    return store


def asked(store: Store) -> ExperimentInput[Any]:
    """What the card of the house asks."""
    return inputs.experiment_input(store, store.experiment("m/asked"))


def dictionary_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complete dictionary in the place of any that a card names."""
    monkeypatch.setattr(inputs, "feature_dictionary", lambda store, named: dictionary())
    monkeypatch.setattr(inputs, "sae_registrations", lambda store, registration: [None])


def dictionary() -> FeatureDictionary:
    """Its features are the coordinates of the stream, of either sign."""
    return FeatureDictionary(
        "mid", complete_dictionary(WIDTH), SITE, SITE, np.full(2 * WIDTH, 4.0), np.full(2 * WIDTH, 0.5)
    )
