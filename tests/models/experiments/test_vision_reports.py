"""What methods report of a vision model, worked out a second time by hand: which half chose, signs, shares, units."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_vision_models import save_tiny_vision

from models.dictionaries.architectures.neurons import NeuronDictionary
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.image_targets import DirectionTarget, image_targets
from models.experiments.method import method_of
from models.experiments.preferred_stimuli import preferred_stimuli
from models.experiments.prompt import InvalidPrompt, prompts_of
from models.experiments.settings.optimised_images import OptimisedImagesSettings
from models.experiments.settings_base import settings_of
from models.experiments.vision_image import vision_images
from models.experiments.vision_method import VisionInput
from models.experiments.vision_units import VisionUnits
from models.language_model.sites import Site
from models.tuning.stimulus import GREY
from models.tuning.stimulus_set import StimulusGrid, StimulusSet
from models.tuning.tuning_curve import TuningCurve
from models.tuning.unit_response import middle_responses
from models.vision_model.patch_map import PatchMap
from models.vision_model.vision_model import load_vision_model

SITE = Site("resid_post", 0)
GROUPS = ("a", "b", "a", "c", "b", "c")
CHOOSES, REPORTS = [0, 2, 3, 5], [1, 4]
"""Images of the first and third group, and of the second."""
STRONG = 50.0
"""Times a channel's strongest activation, so that the likeliest class of a random model changes."""
QUICK = {"radii": [5, 9], "wavelengths": [4, 8], "directions": 8}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return load_vision_model(save_tiny_vision("resnet", tmp_path_factory.mktemp("vision") / "resnet"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[str]:
    """Noise of six brightnesses."""
    chance, paths = np.random.default_rng(1), []
    for number in range(6):
        path = tmp_path_factory.getbasetemp() / f"report-{number}.png"
        low = 20 + 30 * number
        Image.fromarray(chance.integers(low, low + 60, (40, 48, 3)).astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths


def measured(host, method, images=(), dictionary=None, **settings):
    given = VisionInput(
        host, settings_of(method)(**settings), () if dictionary is None else (dictionary,), images, seed=3
    )
    asked: Any = method_of(method)
    asked.check(given)
    return asked.measure(given, asked.items(given))


def channels(host, strongest_F) -> FeatureDictionary:
    """Every channel as a feature; a live one where its strongest is above 0."""
    n = host.width(SITE)
    return FeatureDictionary("channels", NeuronDictionary.of(n), SITE, SITE, strongest_F, np.full(n, 0.1))


def seen(host, paths) -> torch.Tensor:
    return host.preprocessing.pixels([Image.open(path) for path in paths])


@torch.no_grad()
def with_channels(host, pixels, value_by_channel, where=None) -> torch.Tensor:
    """Log probabilities with channels set to values, where another one fires."""

    def by_hand(x_BPD):
        fires = x_BPD[..., where] > 0 if where is not None else torch.ones_like(x_BPD[..., 0], dtype=torch.bool)
        new = x_BPD.clone()
        for channel, value in value_by_channel.items():
            new[..., channel] = torch.where(fires, value, x_BPD[..., channel])
        return new

    with host.intervene({SITE: by_hand}):
        return host.forward(pixels).double().log_softmax(-1)


def test_a_swap_is_chosen_on_some_groups_and_reported_on_the_others(host, photos):
    seconds = [*photos[2:], *photos[:2]]
    likeliest = int(host.logits(seen(host, photos[:1])).argmax())
    answer, foil = (likeliest + 1) % 3, likeliest
    rows = [
        {"clean": a, "corrupt": b, "answer": str(answer), "foil": str(foil), "group": group}
        for a, b, group in zip(photos, seconds, GROUPS, strict=True)
    ]
    strongest_F = np.linspace(0.5, 40, host.width(SITE))
    images = vision_images(host, prompts_of(rows, "image_pairs", "x"), needs_answer=True)
    given = {"strengths": [1.0], "random_pairs": 0}
    found = measured(host, "image_swap", images, channels(host, strongest_F), **given)["feature_swap_effect"]

    first, second = (host.run(seen(host, paths), [SITE])[SITE].relu() for paths in (photos, seconds))
    change_F = ((second - first)[CHOOSES].mean((0, 1)).numpy()) / strongest_F
    off, on = int(change_F.argmin()), int(change_F.argmax())
    assert {(row["feature_off"], row["feature_on"], row["n_prompts"]) for row in found} == {(off, on, 2)}

    plain, pixels = host.logits(seen(host, photos)).double().log_softmax(-1)[REPORTS], seen(host, photos)[REPORTS]
    swapped = with_channels(host, pixels, {off: 0.0, on: float(strongest_F[on])}, where=off)
    by_metric = {row["metric"]: row for row in found}
    for name, of in (
        ("answer_probability", lambda log_NK: log_NK[:, answer].exp()),
        ("foil_probability", lambda log_NK: log_NK[:, foil].exp()),
        ("logit_difference", lambda log_NK: log_NK[:, answer] - log_NK[:, foil]),
        ("foil_is_likeliest", lambda log_NK: (log_NK.argmax(-1) == foil).double()),
    ):
        row, before, after = by_metric[name], float(of(plain).mean()), float(of(swapped).mean())
        assert row["unswapped_value"] == pytest.approx(before, abs=1e-5)
        assert row["value"] == pytest.approx(after, abs=1e-5)
        assert row["effect"] == pytest.approx(after - before, abs=1e-5)
    assert by_metric["foil_is_likeliest"]["unswapped_value"] == 1
    assert by_metric["logit_difference"]["effect"] != 0
    assert by_metric["foil_probability"]["firing_share"] == float((first[REPORTS][..., off] > 0).any(1).float().mean())


def test_the_promoted_class_is_chosen_on_some_groups_and_reported_on_the_others(host, photos):
    rows = [{"prompt": path, "group": group} for path, group in zip(photos, GROUPS, strict=True)]
    n, pixels = host.width(SITE), seen(host, photos)
    plain, strongest_C = host.logits(pixels).double().log_softmax(-1), host.run(pixels, [SITE])[SITE].amax((0, 1))

    def steered(channel, strength):
        return with_channels(host, pixels, {channel: strength * float(strongest_C[channel])})

    unit = next(c for c in range(n) if (steered(c, STRONG).argmax(-1) != plain.argmax(-1)).any())
    found = measured(
        host,
        "image_steering",
        vision_images(host, prompts_of(rows, "images", "x")),
        site=str(SITE),
        units=[unit],
        strengths=[0.5, STRONG],
        classes=["0", "1", "2"],
        random_units=n,
        random_directions=3,
    )["image_steering_effect"]
    own = {strength: steered(unit, strength) for strength in (0.5, STRONG)}
    promoted = int((own[STRONG] - plain)[CHOOSES].mean(0).argmax())
    others = [steered(channel, STRONG) for channel in range(n) if channel != unit]
    for row in found:
        assert row["is_promoted"] == (row["class_id"] == promoted)
        if row["condition"] == "random_directions":
            continue
        changed = own[row["strength"]] if row["condition"] == "unit" else torch.stack(others).mean(0)
        if row["condition"] == "random_units":
            assert row["n_edits"] == n - 1
            if row["strength"] != STRONG:
                continue
        of = changed[REPORTS]
        assert row["n_images"] == 2
        assert row["probability"] == pytest.approx(float(of[:, row["class_id"]].exp().mean()), abs=1e-6)
        assert row["likeliest_share"] == float((of.argmax(-1) == row["class_id"]).double().mean())
        change = float((of - plain[REPORTS])[:, row["class_id"]].mean())
        assert row["log_probability_change"] == pytest.approx(change, abs=1e-5)


def test_the_strongest_own_edit_promotes_on_images_that_choose():
    from models.experiments.methods.image_steering import _Condition, _promoted

    def condition(name, strength, chooses, reports):
        return _Condition(name, strength, torch.tensor([chooses, reports]), 1)

    conditions = [
        condition("unit", 1.0, [0.0, 0, 8], [0.0, 0, 8]),
        condition("unit", 3.0, [0.0, 2, 1], [9.0, 0, 0]),
        condition("random_units", 3.0, [9.0, 0, 0], [9.0, 0, 0]),
    ]
    assert _promoted(conditions, torch.zeros(2, 3), np.array([False, True])) == 1
    assert _promoted(conditions, torch.tensor([[0.0, 2, 0], [0, 0, 0]]), np.array([False, True])) == 2


def test_random_directions_are_as_long_as_the_units_and_differ(host):
    from models.experiments.methods.image_steering import _turned
    from models.interventions.unit_edits import UnitEdit

    edit = UnitEdit(lambda map_NCHW: map_NCHW[:, 0], torch.tensor([0.0, 3.0, 4.0, 0.0]), "add", 2.0)
    turned = [_turned(edit, number, 5).direction_C for number in range(2)]
    assert [float(each.norm()) for each in turned] == pytest.approx([5, 5])
    assert not torch.allclose(turned[0], turned[1])


def test_a_preferred_stimulus_is_chosen_by_the_first_half_of_its_drawings():
    grid = StimulusGrid(8, (5.0, 9.0), replicates=4)
    arcs = StimulusSet.of("arc", grid)
    wanted = [arcs.stimuli[(3 * 2 + 1) * 4 + replicate].drawn(24) for replicate in range(4)]
    lure = arcs.stimuli[(6 * 2 + 0) * 4 + 3].drawn(24)

    def site_map(picture_NCHW):
        value_N = [
            5.0 if torch.equal(each, lure) else float(any(torch.equal(each, drawn) for drawn in wanted[:2]))
            for each in picture_NCHW
        ]
        return torch.tensor(value_N)[:, None, None, None].expand(-1, 1, 3, 3)

    [found] = preferred_stimuli(site_map, ["line", "arc"], grid, 24, reach=0)
    assert (found.kind, found.angle, found.size) == ("arc", 135, 9)
    assert torch.equal(torch.stack([*found.choosing, *found.reporting]), torch.stack(wanted))
    assert len(found.choosing) == 2


def test_a_circuit_is_read_off_some_drawings_and_ablated_on_the_others(host):
    n, size = host.width(Site("embed")), host.preprocessing.height
    noise = torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(0))
    unit = int(PatchMap(host, SITE)(noise).std((0, 2, 3)).argmax())  # others of random weights are silent
    settings = QUICK | {"replicates": 4, "stimuli": ["arc"], "reach": 4.0}
    asked = {"source": "embed", "target": str(SITE), "units": [unit], "kept_sources": n, "random_sets": 3, "sources": 2}
    found = measured(host, "unit_circuit", **asked, **settings)
    units = VisionUnits.chosen(host, None, str(SITE), [unit])
    grid = StimulusGrid(8, (5, 9), (4, 8), 4, seed=3)
    [stimulus] = preferred_stimuli(units, ["arc"], grid, size, 4.0)
    blank = torch.full((3, size, size), GREY)
    grey_C = PatchMap(host, Site("embed"))(blank[None])

    @torch.no_grad()
    def answered(pictures, sources=()):
        """What the unit says less what it says of grey, with sources as grey has them."""

        def silenced(map_NCHW):
            map_NCHW = map_NCHW.clone()
            map_NCHW[:, list(sources)] = grey_C[:, list(sources)].expand(len(map_NCHW), -1, -1, -1)
            return map_NCHW

        with PatchMap(host, Site("embed")).edited(silenced):
            map_NUHW = PatchMap(host, SITE)(torch.stack([*pictures, blank]))
        value_N = middle_responses(map_NUHW[:, [unit]], size, 4.0)[:, 0]
        return float((value_N[:-1] - value_N[-1]).mean())

    whole = answered(stimulus.reporting)
    assert whole != pytest.approx(answered(stimulus.choosing), rel=1e-3), "the halves can be told apart"
    connections = found["unit_connection"]
    for row in connections[:3]:
        assert row["response"] == pytest.approx(whole, abs=1e-5)
        left = answered(stimulus.reporting, [row["source_channel"]])
        assert row["ablation_effect"] == pytest.approx(whole - left, abs=1e-5)
    ablations = {row["condition"]: row for row in found["unit_ablation"]}
    for name in ("largest_kernels", "largest_contributions", "all"):
        row = ablations[name]
        assert row["response"] == pytest.approx(whole, abs=1e-5)
        left = answered(stimulus.reporting, row["sources"])
        assert row["ablated_response"] == pytest.approx(left, abs=1e-5)
        assert row["effect"] == pytest.approx(whole - left, abs=1e-5)
    by_contribution = sorted(connections, key=lambda row: -row["contribution"])
    assert ablations["largest_contributions"]["sources"] == [row["source_channel"] for row in by_contribution[:2]]
    assert ablations["random"]["set_deviation"] > 0, "random sets differ"
    with pytest.raises(ValueError, match="does not come behind"):
        measured(host, "unit_circuit", source=str(SITE), target=str(SITE), units=[0], **settings)


def test_tuning_rows_are_the_mean_answer_to_each_drawing(host):
    found = measured(host, "tuning", site=str(SITE), **QUICK, replicates=2, stimuli=["arc", "line"])["tuning"]
    size, arcs = host.preprocessing.height, StimulusSet.of("arc", StimulusGrid(8, (5, 9), (4, 8), 2, seed=3))
    site_map = PatchMap(host, SITE)
    with torch.no_grad():
        grey_U = middle_responses(site_map(torch.full((1, 3, size, size), GREY)), size, 4.0)[0]
        shown_SU = middle_responses(site_map(torch.stack([each.drawn(size) for each in arcs.stimuli])), size, 4.0)
    wanted_UAP = (shown_SU - grey_U).T.reshape(-1, *arcs.shape).mean(-1)
    rows = [row for row in found if row["stimulus"] == "arc"]
    for row in rows:
        at = row["channel"], [*arcs.angle_A].index(row["angle"]), [*arcs.size_P].index(row["size"])
        assert row["response"] == pytest.approx(float(wanted_UAP[at]), abs=1e-5)
    assert len(rows) == wanted_UAP.numel()


def test_units_are_the_live_features_at_their_places_of_a_map_that_is_no_square(host):
    strongest_F = np.ones(host.width(SITE))
    strongest_F[[0, 2]] = 0
    units = VisionUnits.chosen(host, channels(host, strongest_F), "", None)
    assert {0, 2}.isdisjoint(units.numbers)
    assert len(units.numbers) == len(strongest_F) - 2
    map_NCHW = torch.randn(2, len(strongest_F), 2, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(units.of_map(map_NCHW), map_NCHW.relu()[:, list(units.numbers)])


def test_a_unit_adds_its_decoder_row_or_its_channel(host):
    dictionary = channels(host, np.ones(host.width(SITE)))
    dictionary.sae.W_dec.data[3] *= 2
    assert torch.equal(VisionUnits.chosen(host, dictionary, "", [3]).direction(3), dictionary.sae.W_dec[3])
    assert VisionUnits.chosen(host, None, str(SITE), [3]).direction(3).nonzero().tolist() == [[3]]


def test_images_are_made_as_the_settings_say(host):
    from models.experiments.methods.optimised_images import _plan, png_of

    said = {"pad": 3, "jitter": 2, "final_jitter": 1, "scales": [1.0, 1.1], "angles": [4], "decorrelated": False}
    said |= {"size": 24, "steps": 7, "rate": 0.1, "basis": "pixel", "variation": 0.5}
    directions = {"both": {"0": 1.0, "2": -2.0}}
    settings = OptimisedImagesSettings.model_validate({"site": str(SITE), "directions": directions} | said)
    plan = _plan(VisionInput(host, settings))
    view = plan.transforms
    assert (plan.size, plan.steps, plan.rate, plan.basis, plan.decorrelated) == (24, 7, 0.1, "pixel", False)
    assert (view.pad, view.jitter, view.final_jitter, view.scales, view.angles) == (3, 2, 1, (1.0, 1.1), (4,))
    assert plan.variation_weight == 0.5
    [target] = image_targets(VisionInput(host, settings))
    assert isinstance(target, DirectionTarget)
    assert target.direction_C[:4].tolist() == [1, 0, -2, 0]
    levels = np.asarray(Image.open(io.BytesIO(png_of(torch.tensor([1.2, 0.999, 0.001, -1]).expand(3, 2, 4)))))
    assert levels[0, :, 0].tolist() == [255, 255, 0, 0]


def test_arcs_are_held_against_lines_of_the_same_ink():
    from models.experiments.methods.tuning import _candidates

    sharp = TuningCurve(np.arange(4) * 90.0, np.array([5.0]), np.eye(4)[:1].T[:, :, None]).summary()
    peaks = {"arc": 1.0, "line": 0.5, "arc_inverted": 1.0, "line_inverted": 2.0}
    strongest = {kind: np.array([peak]) for kind, peak in peaks.items()}
    found = {kind: _candidates(kind, strongest, [sharp]) for kind in ("arc", "arc_inverted", "line")}
    assert {kind: None if each is None else each.tolist() for kind, each in found.items()} == {
        "arc": [True],
        "arc_inverted": [False],
        "line": None,
    }


def test_a_class_by_a_number_that_the_model_has_not_is_refused(host, photos):
    with pytest.raises(InvalidPrompt, match="answer is 3, and the model's classes are bright"):
        vision_images(host, prompts_of([{"prompt": photos[0], "answer": "3"}], "images", "x"))
