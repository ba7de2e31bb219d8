"""What a file names is compared with what is used, and nothing else is."""

from dataclasses import replace
from typing import Any

import pytest

from models.interchange.provenance import Mismatch, ReadingConditions, mismatches, sites_named, told
from models.language_model.sites import Site

USED = ReadingConditions(
    "openai-community/gpt2", ("main", "607a30d"), Site("resid_post", 7), Site("resid_post", 7), 128, True
)
SAME = {
    "model_name": "gpt2-small", "model_revision": "main", "hook_name": "blocks.7.hook_resid_post",
    "hook_in": "blocks.7.hook_resid_post", "hook_out": "blocks.7.hook_resid_post", "layer": 7, "context_size": 128,
    "prepend_bos": True, "dataset": "openwebtext", "l0": 55.0,
}  # fmt: skip


def fields(facts: dict[str, Any], **other: Any) -> list[str]:
    return [one.field for one in mismatches(facts, replace(USED, **other))]


def test_what_agrees_or_is_not_named_differs_in_nothing():
    assert mismatches(SAME, USED) == mismatches({}, USED) == []
    for name in SAME:
        assert mismatches({key: value for key, value in SAME.items() if key != name}, USED) == []


def test_numbers_that_are_written_as_text_are_numbers():
    assert mismatches({"layer": "7", "context_size": "128"}, USED) == mismatches({"context_size": 128.0}, USED) == []
    assert fields({"layer": True}, site=Site("resid_post", 1)) == ["site"]
    assert fields({"layer": "none"}, site=Site("embed")) == ["site"], "no number is not the block of a site without one"


def test_what_leaves_a_block_enters_the_next():
    assert fields(SAME | {"hook_in": "blocks.8.hook_resid_pre"}) == []
    assert fields(SAME | {"hook_in": "blocks.7.hook_resid_pre"}) == ["site"]
    enters = {"site": Site("resid_pre", 8), "output_site": Site("resid_pre", 8)}
    assert fields(SAME, **enters) == []
    assert fields({"hook_in": "hook_embed"}, site=Site("resid_pre", 0)) == ["site"], "positions come between"


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"hook_in": "blocks.9.attn.hook_z"}, "site", "blocks.9.attn.hook_z (z.9), not resid_post.7"),
        ({"hook_in": "resid_post.1"}, "site", "resid_post.1, not resid_post.7"),
        ({"hook_in": "blocks.7.mlp.hook_pre"}, "site", "(a name that means no site known here), not resid_post.7"),
        ({"hook_in": None, "hook_name": None, "layer": 3}, "site", "block 3, not resid_post.7"),
        ({"hook_head_index": 2}, "site", "head 2 of blocks.7.hook_resid_post, not resid_post.7, which is all heads"),
        ({"hook_out": "blocks.7.hook_mlp_out"}, "site", "(mlp_out.7) where it writes, not resid_post.7"),
        ({"model_name": "gpt2-medium"}, "model", "gpt2-medium, not openai-community/gpt2"),
        ({"model_revision": "step3000"}, "model", "at revision step3000, not at main"),
        ({"context_size": 1024}, "context_length", "1024, not 128"),
        ({"context_size": "1024"}, "context_length", "1024, not 128"),
        ({"context_size": "long"}, "context_length", "'long' (no number), not 128"),
        ({"context_size": True}, "context_length", "True (no number), not 128"),
        ({"hook_in": None, "hook_name": None, "layer": "3"}, "site", "block 3, not resid_post.7"),
        ({"hook_in": None, "hook_name": None, "layer": [7]}, "site", "block [7] (no number), not resid_post.7"),
        ({"prepend_bos": False}, "prepend_bos", "false, not true"),
        (
            {"model_processing": ["center_writing_weights"]},
            "model_processing",
            "center_writing_weights, not the weights",
        ),
    ],
)
def test_what_differs_is_named_on_both_sides(facts: dict[str, Any], field: str, said: str):
    known = {key: value for key, value in (SAME | facts).items() if value is not None}
    [found] = mismatches(known, USED)
    assert found.field == field
    assert said in str(found)


def test_several_are_told_in_one_sentence():
    found = mismatches(SAME | {"model_name": "gpt2-xl", "context_size": 64}, USED)
    assert told(found) == "model gpt2-xl, not openai-community/gpt2; context_length 64, not 128"
    assert told([]) is None
    assert str(Mismatch("site", "a", "b")) == "site a, not b"


def test_a_bos_that_is_not_decided_yet_is_not_compared():
    assert fields(SAME | {"prepend_bos": False}, prepend_bos=None) == []


def test_processing_counts_where_it_changes_the_site():
    folded = {"model_processing": ["fold_ln"]}
    assert fields(folded) == []
    assert fields(folded, site=Site("mlp_in", 7)) == ["model_processing"]


def test_a_layer_alone_is_that_of_the_site():
    assert fields({"layer": 7}) == []
    assert fields({"layer": 7}, site=Site("mlp_out", 7)) == []
    assert fields({"layer": 6}, site=Site("resid_pre", 7)) == []


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("resid_post_layer_3", "resid_post.3"),
        ("attention_out_layer_0", "attn_out.0"),
        ("mlp_out.1", "mlp_out.1"),
        ("transformer.h.3", "resid_post.3"),
        ("my_own_hook", None),
        ("", None),
    ],
)
def test_a_name_means_one_site_or_none(hook: str, site: str | None):
    assert sites_named(hook) == ((site,) if site else ())


def test_a_module_is_read_in_the_words_of_the_models_family():
    post_norm = {("post_feedforward_layernorm", "out"): ("mlp_out",), ("", "in"): ("resid_pre", "attn_in")}
    used = {"site": Site("mlp_out", 7), "output_site": Site("mlp_out", 7), "points": lambda: post_norm}
    assert fields({"hook_name": "layers.7.mlp"}, **used) == ["site"]
    assert fields({"hook_name": "layers.7.post_feedforward_layernorm"}, **used) == []
    assert fields({"hook_name": "layers.7.mlp"}, **used | {"points": lambda: None}) == []
    for site in (Site("resid_pre", 7), Site("attn_in", 7)):
        assert fields({"hook_name": "layers.7.input"}, **used | {"site": site}) == []
    [found] = mismatches(
        {"hook_name": "layers.7.input"}, replace(USED, site=Site("mlp_in", 7), points=lambda: post_norm)
    )
    assert str(found) == "site layers.7.input (resid_pre.7 or attn_in.7), not mlp_in.7"


def test_the_family_is_asked_for_only_where_a_module_is_named():
    def asked() -> None:
        raise AssertionError("the model's config was read")

    assert fields(SAME, points=asked) == fields({"layer": 7}, points=asked) == []
    assert fields({"hook_name": "my_own_hook"}, points=asked) == ["site"]
    with pytest.raises(AssertionError):
        fields({"hook_name": "layers.7"}, points=asked)
