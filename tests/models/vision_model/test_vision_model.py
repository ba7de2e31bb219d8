import json

import numpy as np
import pytest
import torch
from PIL import Image

from models.language_model.hooked_model import HookedModel, load_tokenizer
from models.language_model.module_map import UnknownArchitecture
from models.language_model.sites import Site
from models.language_model.unusable_model import UnusableModel
from models.vision_model.image_preprocessing import ImagePreprocessing
from models.vision_model.receptive_field import ReceptiveField, receptive_field
from models.vision_model.token_grid import TokenGrid
from models.vision_model.vision_model import VisionModel, load_vision_model
from tests.support.tiny_vision_models import SIDE, VISION_KINDS, WIDTH, save_tiny_vision

GRIDS = {
    "vit": (1, 0, 4, 4),
    "clip": (1, 0, 4, 4),
    "siglip": (0, 0, 4, 4),
    "dinov2": (1, 0, 4, 4),
    "dinov2_registers": (1, 4, 4, 4),
    "dinov3": (1, 4, 4, 4),
    "swin": (0, 0, 4, 4),
    "resnet": (0, 0, 2, 2),
    "convnext": (0, 0, 2, 2),
    "efficientnet": (0, 0, 8, 8),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("vision")
    return {kind: save_tiny_vision(kind, root / kind) for kind in VISION_KINDS}


def _images(n=2):
    generator = torch.Generator().manual_seed(1)
    return [
        Image.fromarray(torch.randint(0, 256, (48, 56, 3), generator=generator, dtype=torch.uint8).numpy())
        for _ in range(n)
    ]


@pytest.mark.parametrize("kind", VISION_KINDS)
def test_every_family_passes_its_self_test_and_reads_what_hidden_states_say(folders, kind):
    host = load_vision_model(folders[kind])
    last = Site("resid_post", host.n_layers - 1)

    assert host.grid(last) == TokenGrid(*GRIDS[kind])
    pixels = host.preprocessing.pixels(_images())
    found = host.run(pixels, [last, "resid_pre.0"])
    states = host.model(pixel_values=pixels, output_hidden_states=True).hidden_states
    if not states:
        return
    stream = {len(s.shape) == 4: s for s in states[-1:]}
    for is_map, state in stream.items():
        state = state.flatten(2).transpose(1, 2) if is_map else state
        if kind not in ("swin", "dinov3"):  # the last of Swin is normed, DINOv3's too
            assert torch.equal(found[last], state)


def test_an_edit_of_one_patch_changes_that_patch_alone_in_the_block_behind_it(folders):
    host = load_vision_model(folders["vit"])
    pixels, site = host.preprocessing.pixels(_images()), Site("mlp_out", 0)
    position = host.grid(site).position(2, 3)
    before = host.run(pixels, ["resid_post.0"])[Site("resid_post", 0)]
    with host.intervene({site: torch.zeros_like}, positions=[position]):
        after = host.run(pixels, ["resid_post.0"])[Site("resid_post", 0)]

    moved = (after != before).any(dim=2)
    assert moved.sum(dim=1).tolist() == [1, 1]
    assert moved[:, position].all()


def test_an_edit_of_a_map_is_given_positions_and_put_back_as_a_map(folders):
    host = load_vision_model(folders["resnet"])
    pixels, site = host.preprocessing.pixels(_images()), Site("resid_post", 1)
    width = host.width(site)
    with host.intervene({site: lambda x_BPD: x_BPD + torch.arange(x_BPD.shape[-1])}):
        edited = host.run(pixels, [site])[site]
    plain = host.run(pixels, [site])[site]

    assert torch.equal(edited, plain + torch.arange(width))
    found = []
    handle = host.vision_map.blocks[1].register_forward_hook(lambda _, __, x: found.append(x))
    host.logits(pixels)
    handle.remove()
    assert torch.equal(found[0].flatten(2).transpose(1, 2), plain)


def test_a_gradient_reaches_the_pixels(folders):
    host = load_vision_model(folders["dinov2"])
    pixels = host.preprocessing.pixels(_images()).requires_grad_()
    with host.capture([Site("resid_post", 1)], detach=False) as found:
        host.forward(pixels)
    (gradient,) = torch.autograd.grad(found[Site("resid_post", 1)][:, 5].sum(), pixels)
    assert gradient.abs().sum() > 0


def test_what_the_model_sees_gives_back_its_processors_pixels(folders):
    for kind in VISION_KINDS:
        preprocessing = load_vision_model(folders[kind]).preprocessing
        images = [Image.new("L", (70, 40), 90), *_images()]
        wanted = preprocessing.processor(images=[i.convert("RGB") for i in images], return_tensors="pt")["pixel_values"]
        views = preprocessing.views(images)
        assert views.shape == (3, SIDE, SIDE, 3)
        assert views.dtype == torch.uint8
        assert (preprocessing.normalised(views) - wanted).abs().max() < 1e-5


def test_the_hash_tells_preprocessings_apart(folders, tmp_path):
    one = load_vision_model(folders["vit"]).preprocessing.sha256
    folder = save_tiny_vision("vit", tmp_path / "vit")
    assert load_vision_model(folder).preprocessing.sha256 == one
    config = tmp_path / "vit" / "preprocessor_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"image_mean": [0.485, 0.456, 0.406]}))
    assert load_vision_model(folder).preprocessing.sha256 != one


def test_receptive_fields_are_patches_or_what_moves_a_position(folders):
    vit, resnet = (load_vision_model(folders[kind]) for kind in ("vit", "resnet"))
    field = receptive_field(vit, Site("resid_post", 1))
    assert field.box(vit.grid(Site("resid_post", 1)), 1 + 4 * 2 + 3) == (24, 16, 32, 24)
    assert field.box(vit.grid(Site("resid_post", 1)), 0) == (0, 0, SIDE, SIDE)

    # 7 x 7 at stride 2, then 3 x 3 pooling at stride 2: 7 + 2 x 2 = 11 pixels.
    stem = receptive_field(resnet, Site("embed"))
    assert (stem.whole_height, stem.whole_width) == (11, 11)
    assert stem.box_height <= 11


def test_a_model_whose_parts_add_up_otherwise_is_refused(folders):
    host = load_vision_model(folders["vit"])

    def moved(_: torch.nn.Module, __: object, out: torch.Tensor) -> torch.Tensor:
        return out + 1

    host.vision_map.blocks[1].register_forward_hook(moved)
    with pytest.raises(UnknownArchitecture, match=r"resid_post\.1 = resid_mid\.1 \+ mlp_out\.1"):
        VisionModel.of(host.model, host.preprocessing)


def test_patches_in_another_order_are_refused(folders):
    host = load_vision_model(folders["siglip"])

    def reversed_patches(_: torch.nn.Module, __: object, out: torch.Tensor) -> torch.Tensor:
        return out.flip(1)

    host.vision_map.base.get_submodule("embeddings").register_forward_hook(reversed_patches)
    with pytest.raises(UnknownArchitecture, match="changed most by its own pixels"):
        VisionModel.of(host.model, host.preprocessing)


def test_positions_that_the_patch_size_does_not_make_are_refused(folders, tmp_path):
    folder = save_tiny_vision("vit", tmp_path / "vit")
    config = tmp_path / "vit" / "preprocessor_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"size": {"height": 32, "width": 64}}))
    with pytest.raises(UnknownArchitecture, match="does not run on images of 32 x 64 pixels"):
        load_vision_model(folder)
    host = load_vision_model(folders["vit"])
    host.model.config.patch_size = 16
    with pytest.raises(UnknownArchitecture, match=r"2 x 2 patches of 16 x 16 pixels .found are 17 positions."):
        VisionModel.of(host.model, host.preprocessing)


def test_a_model_without_its_image_processor_is_refused(folders, tmp_path):
    folder = save_tiny_vision("vit", tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    with pytest.raises(UnusableModel, match="mean, size and crop belong to the model"):
        load_vision_model(folder)


def test_text_and_images_are_told_apart(folders, tmp_path):
    from tests.support.tiny_models import save_tiny

    text = save_tiny("gpt2", tmp_path / "gpt2")
    with pytest.raises(UnknownArchitecture, match=r"model of text \(GPT2LMHeadModel\).*give `corpus:`"):
        load_vision_model(str(text))
    with pytest.raises(UnknownArchitecture, match=r"ViTForImageClassification is a vision model.*give `images:`"):
        HookedModel.load(folders["vit"])
    with pytest.raises(UnknownArchitecture, match="vision model"):
        load_tokenizer(folders["vit"])


def test_class_names_and_logits_are_there_where_the_model_classifies(folders):
    vit, clip = (load_vision_model(folders[kind]) for kind in ("vit", "clip"))
    assert vit.class_names == ["bright", "dark", "striped"]
    logits = vit.logits(_images())
    assert logits is not None
    assert logits.shape == (2, 3)
    assert clip.class_names is None
    assert clip.logits(_images()) is None
    assert vit.width(Site("resid_post", 0)) == WIDTH


def test_a_box_is_cut_at_the_images_edge():
    field, grid = ReceptiveField(32, 32, 12, 10, 32, 32), TokenGrid(1, 0, 4, 4)
    assert field.box(grid, grid.position(0, 3)) == (23, 0, 32, 10)
    assert field.box(grid, grid.position(3, 0)) == (0, 22, 9, 32)


def test_an_effective_field_holds_most_of_the_gradients_energy(folders, monkeypatch):
    host, site = load_vision_model(folders["resnet"]), Site("embed")
    energy_HW = torch.zeros(SIDE, SIDE)
    # position 4 of 8 looks at pixel 18 of 32: most lies in 5 rows and 11 columns round it
    energy_HW[8:29, 6:31] = 1e-4
    energy_HW[16:21, 13:24] = 1
    monkeypatch.setattr(
        "models.vision_model.receptive_field._gradient_energy", lambda host, site: (energy_HW.double(), 4, 4)
    )
    assert host.grid(site) == TokenGrid(0, 0, 8, 8)
    field = receptive_field(host, site)
    assert (field.whole_height, field.whole_width) == (21, 25)
    assert (field.box_height, field.box_width) == (6, 12)
    energy_HW[8:29, 6:31] = 1
    even = receptive_field(host, site)
    assert (even.box_height, even.box_width) == (20, 24)


def test_a_processor_that_does_more_than_scale_or_keeps_sizes_is_refused():
    class Processor:
        def __init__(self, stretches: bool) -> None:
            self.stretches = stretches

        def to_dict(self) -> dict[str, bool]:
            return {"stretches": self.stretches}

        def __call__(self, images, return_tensors):
            if self.stretches:
                images = [image.resize((32, 32)) for image in images]
            levels = torch.stack([torch.tensor(np.array(image)).permute(2, 0, 1) / 255 for image in images])
            return {"pixel_values": 3 * levels - 2 * levels.mean((1, 2, 3), keepdim=True) if self.stretches else levels}

    with pytest.raises(UnusableModel, match="does more than resize, crop and scale"):
        ImagePreprocessing.of(Processor(stretches=True))
    with pytest.raises(UnusableModel, match="makes 3x48x64, 3x64x40, 3x64x64 of RGB images; wanted one size"):
        ImagePreprocessing.of(Processor(stretches=False))


def test_a_second_pass_within_an_edit_is_refused_and_a_later_one_is_read_anew(folders):
    host, sites = load_vision_model(folders["vit"]), [Site("embed"), Site("resid_post", 1)]
    one, other = (host.preprocessing.pixels([image]) for image in _images())

    def again(x_BPD: torch.Tensor) -> torch.Tensor:
        host.forward(one)
        return x_BPD

    with host.intervene({sites[0]: again}), pytest.raises(RuntimeError, match="a second pass of ViTFor"):
        host.forward(one)
    with torch.no_grad(), host.capture(sites) as found:
        host.forward(one)
        host.forward(other)
    wanted = host.run(other, sites)
    assert all(torch.equal(found[site], wanted[site]) for site in sites)
