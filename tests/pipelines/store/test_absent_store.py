"""Whoever reads a store that is not there is told so, and not that it lacks something."""

from pathlib import Path

import pytest
from door_house import exported_house, house
from small_house import small_house

from pipelines.interchange.import_export import export_dictionary
from pipelines.store.tables import MissingDataset
from storage.folder import Folder

SAID = r"the store .* is not there \((.*)\): correct GLASSHOUSE_HOME, or mount it"


def test_a_stage_that_reads_what_was_never_made_is_told_whether_there_is_a_store(tmp_path: Path):
    store = small_house(tmp_path)
    registration = store.registration("first/small")
    with pytest.raises(MissingDataset, match=SAID):
        store.tables.read("feature", registration)
    Folder(str(tmp_path / "data")).write_bytes("something", b"")
    with pytest.raises(MissingDataset, match="is empty: materialize the asset that writes `feature`"):
        store.tables.read("feature", registration)


@pytest.mark.parametrize("link", [False, True])
def test_an_export_is_told_whether_there_is_a_store(tmp_path: Path, link: bool):
    store, _ = exported_house(tmp_path / "store")
    with pytest.raises(ValueError, match=r"has no dictionary demo/none \(there: demo/mid\)"):
        export_dictionary(store, "demo", "none", "neuronpedia", str(tmp_path / "out"))
    if link:
        (tmp_path / "mistyped").symlink_to("not_mounted")
    with pytest.raises(ValueError, match=SAID) as error:
        export_dictionary(house(tmp_path / "mistyped"), "demo", "mid", "neuronpedia", str(tmp_path / "out"))
    assert ("which is not there" if link else "no such folder") in str(error.value)


def test_a_bucket_that_does_not_exist_is_no_empty_store(tmp_path: Path, s3: str):
    for home, why in (
        (f"{s3}/none", "nothing lies under that prefix"),
        ("s3://no-such-bucket/x", "there is no bucket"),
    ):
        store = house(tmp_path / "home").model_copy(update={"home": home})
        with pytest.raises(ValueError, match=SAID) as error:
            export_dictionary(store, "demo", "mid", "neuronpedia", str(tmp_path / "out"))
        assert why in str(error.value)
