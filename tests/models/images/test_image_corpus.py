import hashlib
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from models.activations.harvest import harvest
from models.activations.image_host import ImageHost
from models.activations.shards import ActivationShards
from models.corpora.contexts import EmptyCorpus
from models.images.grid_corpus import GridCorpus, position_names
from models.images.image_corpus import ImageCorpus, write_image_corpus
from models.images.image_source import ImageColumns, _with_class_name, open_images
from models.images.patch_examples import patch_examples
from models.language_model.sites import Site
from models.numerics.hash_sampling import hash_rank
from models.vision_model.receptive_field import receptive_field
from models.vision_model.vision_model import load_vision_model
from storage.folder import Folder
from tests.support.tiny_vision_models import save_tiny_vision
from tests.support.vision_house import drawn, write_images

SCRIPT = b"<script>alert('polyglot')</script>"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_vision_model(save_tiny_vision("dinov2_registers", tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    return load_vision_model(save_tiny_vision("resnet", tmp_path_factory.mktemp("model")))


def _written(folder, source, model, max_images=100) -> ImageCorpus:
    place = Folder(str(folder))
    options = {"spec": str(source), "max_images": max_images, "smallest_side": 8}
    columns = ImageColumns(label="folder")
    write_image_corpus(place, open_images(str(source), columns), model.preprocessing, {"a": {}}, **options)
    return ImageCorpus.open(place)


@pytest.fixture(scope="module")
def corpus(model, tmp_path_factory) -> ImageCorpus:
    root = tmp_path_factory.mktemp("images")
    pictures = write_images(root / "pictures", 80)
    first = pictures / "stripes" / "000.png"
    (pictures / "stripes" / "copy.png").write_bytes(first.read_bytes())
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SCRIPT.decode()
    drawn("discs", 900).save(out, "JPEG", exif=exif, comment=SCRIPT)
    (pictures / "discs" / "polyglot.jpg").write_bytes(out.getvalue() + SCRIPT)
    (pictures / "vector.svg").write_bytes(b"<svg><script>alert(1)</script></svg>")
    (pictures / "text.png").write_bytes(b"no image at all")
    return _written(root / "corpus", pictures, model)


def test_images_are_stored_as_the_model_sees_them_and_what_is_left_out_is_counted(corpus, model):
    assert corpus.n_images == 81
    left_out = {entry["reason"]: entry["n"] for entry in corpus.manifest.facts["left_out"]}
    assert left_out.pop("a copy of an image before it") == 1
    assert sorted(reason[:8] for reason in left_out) == ["no image", "no image"]
    rows = corpus.index.to_pylist()
    number, row = next((n, row) for n, row in enumerate(rows) if row["document_id"] == "stripes/004.png")
    assert (row["label"], row["width"], row["height"]) == ("stripes", 56, 48)
    wanted = model.preprocessing.views([drawn("stripes", 4)])[0]
    views = corpus.views([number, 0, 80, number])
    assert torch.equal(views[0], wanted)
    assert torch.equal(views[3], wanted)
    assert not torch.equal(views[2], views[1])
    assert 0 < sum(row["is_held_out"] for row in rows) < 20
    assert len({row["sha256"] for row in rows}) == 81


def test_small_pictures_are_made_of_pixels_alone(corpus):
    row = next(row for row in corpus.index.to_pylist() if row["document_id"].endswith("polyglot.jpg"))
    assert b"script" not in row["thumb"]
    assert Image.open(io.BytesIO(row["thumb"])).format == "JPEG"


def test_rows_of_parquet_are_images_with_their_columns(tmp_path, model):
    cells = [{"bytes": _png(n), "path": None} for n in range(5)] + [{"bytes": None, "path": "gone.png"}]
    table = pa.table({"picture": cells, "kind": [0, 1, 0, 1, 0, 1], "told": list("abcdef")})
    pq.write_table(table, tmp_path / "rows.parquet")
    source = open_images(str(tmp_path / "rows.parquet"), ImageColumns("picture", "kind", "told"))
    images = list(source.images())
    assert [(i.name, i.label, i.caption) for i in images[:2]] == [
        ("rows.parquet#0", "0", "a"),
        ("rows.parquet#1", "1", "b"),
    ]
    assert [entry["reason"] for entry in source.left_out.facts()] == ["a row without bytes of an image"]
    with pytest.raises(ValueError, match=r"no column 'image'; its columns are picture, kind, told"):
        list(open_images(str(tmp_path / "rows.parquet"), ImageColumns()).images())


def _png(seed: int) -> bytes:
    out = io.BytesIO()
    drawn("discs", seed).save(out, "PNG")
    return out.getvalue()


def test_a_folder_without_images_is_refused(tmp_path, model):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("nothing to see")
    with pytest.raises(EmptyCorpus, match=r"holds no image .*no image by its name: notes\.txt"):
        _written(tmp_path / "out", tmp_path / "in", model)
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(EmptyCorpus, match="holds no image that can be read"):
        _written(tmp_path / "out", tmp_path / "in", model)
    assert Folder(str(tmp_path / "out")).names() == []


def _harvested(folder, host, corpus, site):
    cut = GridCorpus.of(corpus, host.grid(site), ["patch"])
    harvest(ImageHost(host, cut), cut, {site: (Folder(str(folder)), {"a": {}})}, {}, max_norm=None, dtype="float32")
    return cut, ActivationShards.open(Folder(str(folder))).shard(0)


def test_the_harvest_holds_what_the_model_says_at_each_patch_and_no_register(tmp_path, model, corpus):
    site = Site("resid_post", 1)
    cut, batch = _harvested(tmp_path / "shards", model, corpus, site)
    assert cut.manifest.facts["n_tokens"] == len(batch.x_TD) == 81 * 16
    plain = model.run(model.preprocessing.normalised(corpus.views(range(81))), [site])[site]
    assert torch.equal(batch.position_T.unique(), torch.arange(5, 21))
    wanted = plain[batch.context_T, batch.position_T]
    assert torch.allclose(batch.x_TD, wanted, atol=1e-5)
    names = position_names(model.grid(site)).texts
    assert names[:6] == ["CLS", "register 0", "register 1", "register 2", "register 3", "row 0, column 0"]


def test_positions_of_a_map_are_harvested_row_by_row(tmp_path, resnet):
    pictures = write_images(tmp_path / "pictures", 20)
    images = _written(tmp_path / "corpus", pictures, resnet)
    site = Site("resid_post", 1)
    cut, batch = _harvested(tmp_path / "shards", resnet, images, site)
    found = []
    handle = resnet.vision_map.blocks[1].register_forward_hook(lambda _, __, x: found.append(x))
    resnet.logits(resnet.preprocessing.normalised(images.views([3])))
    handle.remove()
    rows = batch.x_TD[batch.context_T == 3]
    assert torch.allclose(rows, found[0][0].flatten(1).T, atol=1e-5)
    assert cut.grid.rows * cut.grid.cols == len(rows)


def test_kinds_that_a_site_has_not_are_refused(corpus, resnet):
    with pytest.raises(ValueError, match="asks for cls, and this site has 64 patches, 0 CLS tokens"):
        GridCorpus.of(corpus, resnet.grid(Site("embed")), ["cls"])


def test_examples_have_their_box_and_every_place_where_the_feature_fires(model):
    site = Site("resid_post", 1)
    grid, field = model.grid(site), receptive_field(model, site)
    example = {
        "feature_id": 2,
        "kind": "top",
        "interval_index": None,
        "rank": 0,
        "example_id": "x",
        "context_id": 7,
        "position": grid.position(2, 1),
        "activation": 3.0,
    }
    columns = [[1, 2, 2, 2], [7, 6, 7, 7], [5, 9, 0, grid.position(2, 1)], [1.0, 2.0, 9.0, 3.0]]
    a, b, c, d = (torch.tensor(column).numpy() for column in columns)
    [row] = patch_examples(pa.Table.from_pylist([example]), [(0, 9, a, b, c, d)], grid, field, 10).to_pylist()
    assert (row["row"], row["col"], row["position_kind"], row["image_id"]) == (2, 1, "patch", 7)
    assert [row[name] for name in ("x0", "y0", "x1", "y1")] == [8, 16, 16, 24]
    assert (row["cells"], row["cell_activations"]) == ([9], [3.0])  # CLS fires too, and is no patch


def test_the_fingerprint_of_a_source_is_of_its_bytes_and_columns(tmp_path):
    pictures = write_images(tmp_path / "pictures", 4)
    one = open_images(str(pictures), ImageColumns()).sha256()
    assert one == open_images(str(pictures), ImageColumns()).sha256()
    assert one != open_images(str(pictures), ImageColumns(label="folder")).sha256()
    path = next(pictures.rglob("*.png"))
    path.write_bytes(path.read_bytes() + b"\0")
    assert one != open_images(str(pictures), ImageColumns()).sha256()
    assert len(one) == len(hashlib.sha256().hexdigest())


def test_no_more_images_are_read_than_asked_for_and_which_depends_on_the_hash_of_names(tmp_path, model):
    pictures = write_images(tmp_path / "pictures", 30)
    images = _written(tmp_path / "corpus", pictures, model, max_images=8)
    names = sorted(str(path.relative_to(pictures)) for path in pictures.rglob("*.png"))
    assert images.index.column("document_id").to_pylist() == sorted(names, key=hash_rank)[:8] != names[:8]


def test_a_sample_of_the_stored_images_depends_on_names_alone_and_grows(corpus):
    names = corpus.index.column("document_id").to_pylist()
    few, more = corpus.sample(3), corpus.sample(5)
    assert few == sorted(few)
    assert set(few) < set(more) < set(range(len(names)))
    assert {names[image] for image in few} == set(sorted(names, key=lambda name: hash_rank(name, "sample"))[:3])
    assert corpus.sample(10**6) == list(range(len(names)))


def test_a_number_of_a_class_comes_as_its_name():
    row = {"label": 2, "image": b""}
    assert _with_class_name(row, "label", ["ant", "bee", "cat"]) == {"label": "cat", "image": b""}
    assert _with_class_name(row, "label", ["ant"]) == row
    assert _with_class_name(row, None, ["ant", "bee", "cat"]) == row


def test_a_grid_counts_what_it_reads_and_says_which_images_are_held_out(corpus, model, monkeypatch):
    cut = GridCorpus.of(corpus, model.grid(Site("resid_post", 1)), ["patch", "cls"])
    assert (cut.manifest.facts["n_tokens"], cut.manifest.facts["n_special"]) == (81 * 17, 81 * 4)
    assert cut.documents.column("is_held_out").to_pylist() == corpus.index.column("is_held_out").to_pylist()
    assert set(cut.documents.column("n_tokens").to_pylist()) == {17}
    monkeypatch.setattr("models.images.grid_corpus.PER_SHARD", 30)
    numbers = [[context.context_id for context in cut.shard(number)] for number in range(cut.n_shards)]
    assert numbers == [list(range(30)), list(range(30, 60)), list(range(60, 81))]


def test_examples_at_either_end_of_a_run_of_images_are_found(model):
    site = Site("resid_post", 1)
    grid, field = model.grid(site), receptive_field(model, site)
    first, last = grid.position(0, 2), grid.position(3, 3)
    example = {"feature_id": 2, "kind": "top", "interval_index": None, "rank": 0, "activation": 1.0}
    examples = pa.Table.from_pylist(
        [example | {"example_id": str(n), "context_id": n, "position": p} for n, p in ((4, first), (7, last))]
    )
    columns = [[1, 2, 2, 3], [7, 4, 7, 4], [first, first, last, last], [9.0, 1.0, 2.0, 9.0]]
    a, b, c, d = (np.array(column) for column in columns)
    rows = patch_examples(examples, [(4, 7, a, b, c, d)], grid, field, 10).to_pylist()
    assert [(row["cells"], row["cell_activations"]) for row in rows] == [([2], [1.0]), ([15], [2.0])]
