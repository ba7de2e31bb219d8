"""A folder's revision changes when its weights do, wherever the folder lies; a hub that does not answer is said."""

import numpy as np
import pytest

from models.folder import Folder
from models.revision import resolve_revision


@pytest.fixture
def checkpoint(tmp_path):
    weights = np.random.default_rng(0).standard_normal(100_000).astype("<f4")
    (tmp_path / "model.safetensors").write_bytes(weights.tobytes())
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_the_same_content_has_the_same_revision_anywhere(checkpoint, s3):
    for name in ("model.safetensors", "config.json"):
        (Folder(s3) / "m").write_bytes(name, (checkpoint / name).read_bytes())
    (checkpoint / "model.safetensors").touch()
    assert resolve_revision(str(checkpoint), None) == resolve_revision(f"{s3}/m", None)


def test_a_small_step_of_training_changes_the_revision(checkpoint):
    before = resolve_revision(str(checkpoint), None)
    path = checkpoint / "model.safetensors"
    path.write_bytes((np.frombuffer(path.read_bytes(), "<f4") * np.float32(1.0001)).tobytes())
    assert resolve_revision(str(checkpoint), None) != before


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"holds no model: wanted config.json, tokenizer files and \*.safetensors"
    ):
        resolve_revision(str(tmp_path), None)


def test_a_source_that_is_neither_folder_nor_on_the_hub_is_said():
    with pytest.raises(ValueError, match="'no-such/model' is no folder here, and the hub did not answer"):
        resolve_revision("no-such/model", None)
