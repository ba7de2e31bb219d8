"""A recipe that uses a name of before is refused with file, line and the name of now, for every name there was."""

import pytest
import yaml

from pipelines.registry.cards import InvalidCard, RecipeCard, read_card
from pipelines.registry.renamed_keys import RENAMED_KEYS, RENAMED_VALUES

SITE = "site: resid_post.@0.5\n"
SAE = {"architecture": "topk", "expansion": 16}
RENAMED = [
    # section, what the recipe says besides, old key, new key, a value that is not the default
    ("sae", {"architecture": "jumprelu"}, "coefficient", "sparsity_coefficient", 2.0),
    ("sae", {"architecture": "jumprelu"}, "sparsity", "sparsity_penalty", "tanh"),
    ("sae", {"architecture": "jumprelu"}, "bandwidth", "ste_bandwidth", 0.5),
    ("sae", {"architecture": "matryoshka_batchtopk"}, "groups", "matryoshka_fractions", [0.25, 0.75]),
    ("sae", {"output_site": "mlp_out.1"}, "skip", "skip_connection", True),
    ("training", {}, "batch", "batch_tokens", 512),
    ("training", {}, "dead_tokens", "dead_after_tokens", 1000),
    ("training", {}, "matmul", "encoder_matmul_dtype", "bfloat16"),
    ("statistics", {}, "top", "top_examples", 7),
    ("statistics", {}, "controls", "control_examples", 7),
    ("statistics", {}, "per_interval", "examples_per_interval", 7),
    ("statistics", {}, "window", "window_tokens", 7),
    ("statistics", {}, "bins", "histogram_bins", 7),
    ("statistics", {}, "effects", "top_logits", 7),
    ("statistics", {}, "neighbors", "similar_features", 7),
    ("statistics", {}, "keep_codes", "keep_feature_activations", False),
    ("explanations", {}, "prompts", "prompt_variants", ["logits"]),
    ("explanations", {}, "windows", "example_selection", "top"),
    ("explanations", {}, "together", "features_per_request", 3),
    ("explanations", {}, "first", "priority", "density"),
    ("explanations", {}, "mode", "api_mode", "batch"),
    ("explanations", {}, "encoder", "sentence_encoder", "folder"),
    ("explanations", {}, "encoder_revision", "sentence_encoder_revision", "main"),
]


def recipe(section: str, beside: dict, key: str, value: object) -> str:
    """A recipe whose section begins on line 3, with a key on line 4 and more below."""
    body = {section: {key: value} | (SAE if section == "sae" else {}) | beside}
    second = "# what follows is the dictionary\n" if section == "sae" else "sae: {architecture: topk, expansion: 16}\n"
    return SITE + second + yaml.safe_dump(body, sort_keys=False)


@pytest.mark.parametrize(("section", "beside", "old", "new", "value"), RENAMED)
def test_an_old_key_is_refused_with_the_new_one(section: str, beside: dict, old: str, new: str, value: object):
    with pytest.raises(InvalidCard) as error:
        read_card(RecipeCard, "registry/recipes/x.yaml", recipe(section, beside, old, value))
    assert str(error.value) == f"registry/recipes/x.yaml, line 4: {section}.{old} is called {new} now"
    card = read_card(RecipeCard, "x.yaml", recipe(section, beside, new, value)).model_dump(mode="json")
    assert card[section][new] == value


def test_the_bounds_and_the_neurons_are_called_otherwise_too():
    old = SITE + "sae:\n  architecture: identity\nbounds:\n  max_fvu: 0.1\n"
    with pytest.raises(InvalidCard) as error:
        read_card(RecipeCard, "x.yaml", old)
    assert set(str(error.value).splitlines()) == {
        "x.yaml, line 3: sae.architecture: identity is called neurons now",
        "x.yaml, line 4: bounds is called quality_bounds now",
    }
    new = read_card(RecipeCard, "x.yaml", old.replace("identity", "neurons").replace("bounds", "quality_bounds"))
    assert (new.sae.architecture, new.quality_bounds.max_fvu) == ("neurons", 0.1)


def test_every_renamed_key_and_value_is_tried_here():
    tried = {f"{section}.{old}": new for section, _, old, new, _ in RENAMED}
    assert tried | {"bounds": "quality_bounds"} == RENAMED_KEYS
    assert RENAMED_VALUES == {("sae.architecture", "identity"): "neurons"}
