"""CPU time of a harvest of images beside the bare forward of the same model: `python -m benchmarks.vision_harvest`.

The bare forward is given pixels that lie in memory already, runs to the same site in batches of the same size and keeps
nothing. The harvest reads its images from the store, and some twenty of them twice, for the typical norm. CPU time of
all threads, not of the clock: other processes do not count.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from models.activations.harvest import harvest
from models.activations.image_host import ImageHost
from models.activations.site_reading import BATCH_TOKENS
from models.images.grid_corpus import GridCorpus
from models.images.image_corpus import ImageCorpus, write_image_corpus
from models.images.image_source import ImageColumns, open_images
from models.language_model.sites import Site
from models.vision_model.vision_model import VisionModel, load_vision_model
from storage.folder import Folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a vision model")
    parser.add_argument("images", help="folder of images")
    parser.add_argument("--site", default="", help="the last block's resid_post by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=10_000, help="images")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = load_vision_model(asked.model)
    site = Site.parse(asked.site) if asked.site else Site("resid_post", model.n_layers - 1)
    with tempfile.TemporaryDirectory() as directory:
        folder = Folder(str(Path(directory) / "corpus"))
        source = open_images(asked.images, ImageColumns())
        options = {"spec": asked.images, "max_images": asked.most, "smallest_side": 8}
        write_image_corpus(folder, source, model.preprocessing, {"a": {}}, **options)
        corpus = GridCorpus.of(ImageCorpus.open(folder), model.grid(site), ["patch"])
        shares = []
        for number in range(asked.rounds):
            bare, stored = (
                _bare(model, corpus, site),
                _stored(model, corpus, site, Path(directory) / f"shards-{number}"),
            )
            shares.append(bare / stored)
            each = corpus.images.n_images
            print(f"bare {1e3 * bare / each:.1f} ms an image, harvest {1e3 * stored / each:.1f}: {bare / stored:.3f}")
    print(f"median {sorted(shares)[len(shares) // 2]:.3f} of the bare forward's throughput")


@torch.no_grad()
def _bare(model: VisionModel, corpus: GridCorpus, site: Site) -> float:
    size = max(1, BATCH_TOKENS // corpus.grid.n_positions)
    batches = [
        model.preprocessing.normalised(corpus.images.views(range(start, min(start + size, corpus.images.n_images))))
        for start in range(0, corpus.images.n_images, size)
    ]
    begin = time.process_time()
    for pixels in batches:
        with model.capture([site]):
            model.forward(pixels)
    return time.process_time() - begin


def _stored(model: VisionModel, corpus: GridCorpus, site: Site, folder: Path) -> float:
    begin = time.process_time()
    harvest(ImageHost(model, corpus), corpus, {site: (Folder(str(folder)), {"a": {}})}, {})
    return time.process_time() - begin


if __name__ == "__main__":
    main()
