"""Methods that ask vision models, on tiny random ones: against passes made by hand, and refusals as sentences."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_vision_models import save_tiny_vision

from models.dictionaries.architectures.neurons import NeuronDictionary
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.method import method_of
from models.experiments.prompt import InvalidPrompt, prompts_of
from models.experiments.settings_base import settings_of
from models.experiments.vision_image import vision_images
from models.experiments.vision_method import VisionInput
from models.language_model.sites import Site
from models.vision_model.patch_map import PatchMap, model_pixels
from models.vision_model.vision_model import VisionModel, load_vision_model

QUICK_TUNING = {"radii": [5, 9], "wavelengths": [4, 8], "directions": 8, "replicates": 2}
QUICK_IMAGES = {"steps": 12, "size": 24, "images": 2, "pad": 2, "jitter": 2, "final_jitter": 2}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VisionModel]:
    folder = tmp_path_factory.mktemp("vision")
    return {kind: load_vision_model(save_tiny_vision(kind, folder / kind)) for kind in ("vit", "resnet")}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six pictures: noise of three brightnesses, twice."""
    chance, paths = np.random.default_rng(0), []
    for number in range(6):
        level = (40, 120, 200)[number % 3]
        pixels = chance.integers(level - 40, level + 40, (40, 48, 3)).astype(np.uint8)
        path = tmp_path_factory.getbasetemp() / f"photo-{number}.png"
        Image.fromarray(pixels).save(path)
        paths.append(str(path))
    return paths


def asked(host: VisionModel, method: str, shown=(), dictionary=None, **settings):
    given = VisionInput(
        host, settings_of(method)(**settings), () if dictionary is None else (dictionary,), shown, seed=3
    )
    found: Any = method_of(method)
    found.check(given)
    return found.measure(given, found.items(given)), given


def channels(host: VisionModel, site: Site) -> FeatureDictionary:
    """Every channel as a feature, that fires where it is positive."""
    width = host.width(site)
    return FeatureDictionary(
        "channels", NeuronDictionary.of(width), site, site, np.full(width, 2.0), np.full(width, 0.1)
    )


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_images_are_made_for_channels_features_and_directions(hosts, kind):
    host, site = hosts[kind], Site("resid_post", 1)
    rows, _ = asked(
        host,
        "optimised_images",
        site="resid_post.1",
        units=[2],
        directions={"both": {"0": 1.0, "2": -2.0}},
        **QUICK_IMAGES,
    )
    rows = rows["optimised_image"]
    assert [(row.get("channel"), row.get("direction"), row["image_seed"]) for row in rows] == [
        (2, None, 3), (2, None, 4), (None, "both", 3), (None, "both", 4),
    ]  # fmt: skip
    assert all(row["value"] > row["start_value"] for row in rows[:2])
    for row in rows[:2]:
        levels = np.asarray(Image.open(io.BytesIO(row["png"])))
        assert levels.shape == (24, 24, 3)
        image = torch.tensor(levels.copy()).permute(2, 0, 1)[None] / 255
        if kind == "vit":
            image = torch.nn.functional.interpolate(image, size=(32, 32), mode="bilinear", antialias=True)
        seen = host.run(model_pixels(host, image), [site])[site]
        patches = seen[0, host.grid(site).n_leading :, 2] if kind == "vit" else seen[0, :, 2]
        assert float(patches.mean()) == pytest.approx(row["value"], abs=0.05)
        assert float(patches.max()) == pytest.approx(row["activation"], abs=0.1)

    of_feature, _ = asked(host, "optimised_images", dictionary=channels(host, site), units=[2], **QUICK_IMAGES)
    [first, _] = of_feature["optimised_image"]
    assert (first["feature_id"], first["objective"], first["max_activation"]) == (2, "latent", 2.0)
    assert first["value"] == pytest.approx(rows[0]["value"], abs=1e-3), "a neuron's pre-activation is the channel"


def test_tuning_of_a_random_model_has_every_unit_and_stimulus(hosts):
    rows, given = asked(hosts["resnet"], "tuning", site="resid_post.0", **QUICK_TUNING)
    width = hosts["resnet"].width(Site("resid_post", 0))
    assert len(rows["tuning_summary"]) == width * 8, "noise has no angle"
    assert len(rows["unit_family"]) == width
    per_unit = 4 * 8 * 2 + 2 * 4 + 4 * 2 + 8 + 3
    assert len(rows["tuning"]) == width * per_unit
    method: Any = method_of("tuning")
    assert method.passes(given).forward == 9 + per_unit * 2
    lines = [row for row in rows["tuning"] if row["stimulus"] == "line"]
    assert {row["size"] for row in lines} == {None}
    assert {row["angle"] for row in lines} == {0, 45, 90, 135}


def test_a_circuit_says_what_is_left_and_without_all_sources_nothing_is(hosts):
    noise = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    answer_NUHW = PatchMap(hosts["resnet"], Site("resid_post", 0))(noise)
    rows, _ = asked(
        hosts["resnet"],
        "unit_circuit",
        source="embed",
        target="resid_post.0",
        units=[int(answer_NUHW.std((0, 2, 3)).argmax())],  # others of random weights are silent
        **QUICK_TUNING | {"replicates": 4},
        random_sets=3,
        sources=2,
    )
    by_condition = {row["condition"]: row for row in rows["unit_ablation"]}
    assert by_condition["all"]["response"] > 0
    assert by_condition["all"]["ablated_response"] == pytest.approx(0, abs=1e-5)
    assert by_condition["random"]["n_sets"] == 3
    assert len(by_condition["largest_kernels"]["sources"]) == 2
    norms = [row["kernel_norm"] for row in rows["unit_connection"]]
    assert norms == sorted(norms, reverse=True)
    assert by_condition["largest_kernels"]["sources"] == [row["source_channel"] for row in rows["unit_connection"][:2]]


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_steering_is_what_a_pass_with_the_channel_set_by_hand_gives(hosts, photos, kind):
    host, site = hosts[kind], Site("resid_post", 0)
    prompts = prompts_of([{"prompt": path, "group": str(number)} for number, path in enumerate(photos)], "images", "x")
    images = vision_images(host, prompts)
    rows, _ = asked(
        host,
        "image_steering",
        images,
        site="resid_post.0",
        units=[1],
        strengths=[2.0],
        classes=["bright", "1"],
        random_units=2,
        random_directions=2,
    )
    pixels = host.preprocessing.pixels([Image.open(path) for path in photos])
    n_leading = host.grid(site).n_leading if kind == "vit" else 0
    value = 2 * float(host.run(pixels, [site])[site][:, n_leading:, 1].max())

    def by_hand(x_BPD: torch.Tensor) -> torch.Tensor:
        x_BPD[:, n_leading:, 1] = value
        return x_BPD

    with torch.no_grad(), host.intervene({site: by_hand}):
        steered = host.forward(pixels)
    plain = host.logits(pixels)
    assert steered is not None
    assert plain is not None
    change = (steered.log_softmax(-1) - plain.log_softmax(-1)).double()[1::2].mean(0)
    own = {row["class_id"]: row for row in rows["image_steering_effect"] if row["condition"] == "unit"}
    assert {0, 1} <= set(own)
    for number, row in own.items():
        assert row["log_probability_change"] == pytest.approx(float(change[number]), abs=1e-4)
        assert row["n_images"] == 3
    conditions = {row["condition"] for row in rows["image_steering_effect"]}
    assert conditions == {"unit", "random_units", "random_directions"}


def test_a_swap_is_what_a_pass_with_both_channels_set_by_hand_gives(hosts, photos):
    host, site = hosts["resnet"], Site("resid_post", 0)
    pairs = [
        {"clean": photos[number], "corrupt": photos[(number + 1) % 6], "answer": "bright", "foil": "dark"}
        for number in range(4)
    ]
    images = vision_images(host, prompts_of(pairs, "image_pairs", "x"), needs_answer=True)
    dictionary = channels(host, site)
    rows, _ = asked(host, "image_swap", images, dictionary, pairs=[(1, 3)], strengths=[1.5], random_pairs=2)

    def by_hand(x_BPD: torch.Tensor) -> torch.Tensor:
        fires = x_BPD[..., 1] > 0
        new = x_BPD.clone()
        new[..., 1] = torch.where(fires, x_BPD[..., 1].clamp_max(0), x_BPD[..., 1])
        new[..., 3] = torch.where(fires, 3.0 + x_BPD[..., 3].clamp_max(0), x_BPD[..., 3])
        return new

    pixels = host.preprocessing.pixels([Image.open(path) for path in photos[:4]])
    with torch.no_grad(), host.intervene({site: by_hand}):
        swapped = host.forward(pixels)
    plain = host.logits(pixels)
    assert swapped is not None
    assert plain is not None
    gap, before = ((each[:, 0] - each[:, 1]).mean() for each in (swapped, plain))
    found = {row["metric"]: row for row in rows["feature_swap_effect"] if row["condition"] == "pair"}
    assert found["logit_difference"]["value"] == pytest.approx(float(gap), abs=1e-4)
    assert found["logit_difference"]["unswapped_value"] == pytest.approx(float(before), abs=1e-4)

    chosen, _ = asked(host, "image_swap", images, dictionary, strengths=[1.0], random_pairs=1)
    assert {row["n_prompts"] for row in chosen["feature_swap_effect"]} == {2}, "half of the images chose the pair"


def test_what_cannot_be_asked_is_refused_with_a_sentence(hosts, photos, tmp_path):
    host = hosts["vit"]
    for method, settings, why in (
        ("optimised_images", {"units": [1]}, "names neither: name one of them"),
        ("optimised_images", {"site": "resid_post.1"}, "say what images are to be made for"),
        ("optimised_images", {"site": "resid_post.1", "units": [99]}, "has channels 0 to 23, and 99"),
        ("tuning", {"site": "resid_post.1", "size": 96}, "leave the size out"),
        ("tuning", {"site": "resid_post.1", "radii": [500]}, "does not fit into 32 pixels"),
        ("unit_circuit", {"source": "resid_post.1", "target": "resid_post.0", "units": [0]}, "does not come behind"),
        ("image_steering", {"site": "resid_post.1"}, "`units` is empty"),
    ):
        with pytest.raises(ValueError, match=why):
            asked(host, method, **settings)
    for row, why in (
        ({"prompt": "nowhere.png"}, "row 0: nowhere.png is no file"),
        ({"prompt": __file__}, "is no image"),
        ({"prompt": photos[0], "answer": "cat"}, "answer is cat, and the model's classes are bright, dark, striped"),
    ):
        with pytest.raises(InvalidPrompt, match=why):
            vision_images(host, prompts_of([row], "images", "x"))
    no_classes = load_vision_model(save_tiny_vision("dinov2", Path(tmp_path)))
    with pytest.raises(ValueError, match="does not classify"):
        asked(no_classes, "image_steering", site="resid_post.1", units=[1])


def test_a_map_of_tokens_is_the_image_as_it_lies(hosts):
    host, site = hosts["vit"], Site("embed")
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:16, 24:] = 1.0
    plain, lit = (PatchMap(host, site)(each).detach() for each in (torch.zeros_like(image), image))
    changed = (plain - lit).abs().amax((0, 1)) > 1e-6
    assert changed.nonzero().tolist() == [[1, 3]], "the patch of row 1 and column 3 is the one that is lit"
