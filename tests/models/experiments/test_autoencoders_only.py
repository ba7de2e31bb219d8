"""A transcoder is refused, before the first pass, by whatever edits or compares the value of one site."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.experiments.ablatable_texts import check_ablatable
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.methods import attribute_disentanglement, concept_coverage, unlearning
from models.language_model.sites import Site

SAE: Any = SimpleNamespace(crosses=True)
TRANSCODER = FeatureDictionary("across", SAE, Site("mlp_in", 1), Site("mlp_out", 1), np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    "check",
    [check_ablatable, attribute_disentanglement.METHOD.check, unlearning.METHOD.check, concept_coverage.METHOD.check],
)
def test_a_transcoder_is_refused_with_both_sites(check):
    given = SimpleNamespace(features=TRANSCODER, dictionaries=[TRANSCODER])
    wanted = r"across is a transcoder: it reads mlp_in\.1 and writes mlp_out\.1.*name the recipe of an autoencoder"
    with pytest.raises(ValueError, match=wanted):
        check(given)
