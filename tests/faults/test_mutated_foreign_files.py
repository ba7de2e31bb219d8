"""Files of others with bytes changed, lost, doubled and moved: dictionary, tokenizer, a model's configuration, rows."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from complete_dictionary import complete_dictionary
from mutations import ends_of
from tiny_models import save_tiny

from models.corpora.sources.row_formats.parquet import cells
from models.dictionaries.saelens_format import Provenance, export
from models.interchange.sae_import import read_foreign
from models.language_model.loading import load_tokenizer
from models.language_model.model_limits import ModelLimits
from storage.folder import Folder

DEFAULT = 15
MANY = {"tokenizer.json": 3_000, "config.json": 10_000, "rows.parquet": 30_000}


def refused_or_read(work: Callable[[], object]) -> str:
    """Ours are ValueErrors."""
    try:
        work()
    except ValueError:
        return "refused"
    return "read"


def dictionary(aside: Path) -> Path:
    folder = aside / "dictionary"
    export(complete_dictionary(4), Folder(str(folder)), Provenance(context_size=128))
    return folder


def model(aside: Path) -> Path:
    return save_tiny("gpt2", aside / "model")


def rows(aside: Path) -> Path:
    folder = aside / "rows"
    folder.mkdir()
    pq.write_table(pa.table({"text": ["one two", "three", "one two"], "n": [1, 2, 3]}), folder / "rows.parquet")
    return folder


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "cfg.json": (dictionary, lambda folder: read_foreign(Folder(str(folder)))),
    "sae_weights.safetensors": (dictionary, lambda folder: read_foreign(Folder(str(folder)))),
    "tokenizer.json": (model, lambda folder: load_tokenizer(str(folder))),
    "tokenizer_config.json": (model, lambda folder: load_tokenizer(str(folder))),
    "config.json": (model, lambda folder: ModelLimits.read(str(folder), None)),
    "rows.parquet": (rows, lambda folder: list(cells(folder / "rows.parquet", "rows.parquet", "text"))),
}


def tried(name: str, n: int, aside: Path) -> None:
    make, read = KINDS[name]
    folder = make(aside)
    seed = (folder / name).read_bytes()
    read(folder)

    def reading(body: bytes) -> str:
        (folder / name).write_bytes(body)
        return refused_or_read(lambda: read(folder))

    torch.manual_seed(0)
    ends = ends_of(name, seed, n, reading, aside)
    assert ends["refused"], ends


@pytest.mark.parametrize("name", KINDS)
def test_a_mutated_file_of_others_is_read_or_refused(name: str, tmp_path: Path):
    tried(name, DEFAULT, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_mutated_files_of_others_are_read_or_refused(name: str, tmp_path: Path):
    tried(name, MANY.get(name, 5_000), tmp_path)
