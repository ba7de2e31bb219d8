"""A site's text says one place: it is read back as written, and a fraction lands where the depth says."""

import pytest

from models.language_model.sites import OUTSIDE, SITE_KINDS, Site

EVERY = [*OUTSIDE, *(f"{kind}.{at}" for kind in SITE_KINDS if kind not in OUTSIDE for at in ("0", "11", "@0.5"))]


@pytest.mark.parametrize("text", EVERY)
def test_a_site_is_written_as_it_was_read(text):
    assert str(Site.parse(text)) == text
    assert Site.parse(str(Site.parse(text))) == Site.parse(text)


def test_one_place_has_one_text():
    assert str(Site.parse("resid_post.@0.50")) == "resid_post.@0.5"
    assert str(Site.parse("resid_post.@1.0")) == "resid_post.@1"
    assert str(Site.parse("resid_post.@0.000001")) == "resid_post.@0.000001"
    assert str(Site.parse("resid_post.007")) == "resid_post.7"


@pytest.mark.parametrize(
    ("fraction", "n_layers", "layer"),
    [
        ("0.5", 6, 2),  # three blocks of six are done
        ("0.5", 12, 5),
        ("0.5", 5, 2),  # after two of five it is not yet half
        ("0.5", 1, 0),
        ("0", 6, 0),
        ("1", 6, 5),
        ("0.25", 12, 2),
        ("0.07", 100, 6),  # 0.07 * 100 is 7.000000000000001 in floating point
        ("0.29", 100, 28),  # and 0.29 * 100 is 28.999999999999996
    ],
)
def test_a_fraction_is_the_block_in_which_it_is_reached(fraction, n_layers, layer):
    assert Site.parse(f"resid_post.@{fraction}").resolve(n_layers) == Site("resid_post", layer)


def test_every_fraction_lands_inside_any_depth_and_never_goes_back():
    for n_layers in range(1, 40):
        layers = [Site.parse(f"mlp_out.@{i / 100:.2f}").resolve(n_layers).layer or 0 for i in range(101)]
        assert layers == sorted(layers)
        assert (layers[0], layers[-1]) == (0, n_layers - 1)
        assert set(layers) == set(range(n_layers))


def test_a_number_and_embed_resolve_to_themselves():
    assert Site.parse("attn_out.3").resolve(4) == Site("attn_out", 3)
    assert Site.parse("embed").resolve(4) == Site("embed")


BAD_BLOCKS = ["", ".", ".-1", ".@1.5", ".@.5", ".@", ".3.4", ".3 ", ".@0.5\n", ".٣"]


NOT_SITES = ["", "resid.3", "embed.0", "../resid_post.3", "MLP_OUT.3", *(f"mlp_in{at}" for at in BAD_BLOCKS)]


@pytest.mark.parametrize("text", NOT_SITES)
def test_what_is_not_a_site_is_refused_with_the_kinds_there_are(text):
    with pytest.raises(ValueError, match=r"is not one: write resid_pre\.L, .* embed, final_norm_in or logits"):
        Site.parse(text)


def test_a_block_that_a_model_does_not_have_is_said():
    with pytest.raises(ValueError, match=r"resid_post\.6 asks for block 6, but the model has blocks 0 to 5: name one"):
        Site.parse("resid_post.6").resolve(6)
