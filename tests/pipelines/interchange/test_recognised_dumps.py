"""What a folder holds is recognised; what is none of the known dumps, or may be several, is said with what there is."""

import json
import shutil
from pathlib import Path

import pytest
from delphi_run import written as delphi_run
from door_house import exported_house
from saedashboard_run import written as saedashboard_run

from models.interchange.dashboards.importer import importer_names, recognised
from storage.folder import AbsentFolder, Folder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def neuronpedia(tmp_path: Path) -> Path:
    return exported_house(tmp_path / "store")[1]


def test_neuronpedia(neuronpedia: Path, s3: str):
    assert recognised(Folder(str(neuronpedia))) == "neuronpedia"
    Folder(s3).write_bytes("source.jsonl", (neuronpedia / "source.jsonl").read_bytes())
    assert recognised(Folder(s3)) == "neuronpedia"
    (neuronpedia / "source.jsonl").unlink()
    assert recognised(Folder(str(neuronpedia))) == "neuronpedia", "a damaged one too: its importer says what it lacks"


def test_saedashboard(tmp_path: Path):
    folder = saedashboard_run(tmp_path)
    assert recognised(folder) == "saedashboard"
    for name in ("run_settings.json", "skipped_indexes.json"):
        folder.remove(name)
    assert recognised(folder) == "saedashboard"


def test_delphi(tmp_path: Path):
    run = delphi_run(tmp_path)
    assert recognised(Folder(str(run))) == "delphi"
    [split, *_] = run.rglob("latents/**/*.safetensors")
    assert recognised(Folder(str(split.parent))) == "delphi"


def test_what_is_no_dump_is_said_with_what_it_holds_and_the_kinds_that_there_are(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no dump")
    (tmp_path / "more").mkdir()
    with pytest.raises(
        ValueError, match=r"holds notes.txt, more/, which is no dump that is known. Name delphi: "
    ) as error:
        recognised(Folder(str(tmp_path)))
    assert all(name in str(error.value) for name in importer_names())


def test_a_folder_of_dumps_and_a_folder_that_may_be_two_are_said(tmp_path: Path, neuronpedia: Path):
    several = tmp_path / "several"
    shutil.copytree(neuronpedia, several / "2-mid")
    shutil.copytree(saedashboard_run(tmp_path).path, several / "dashboard")
    with pytest.raises(ValueError, match=r"in it lie dumps: 2-mid/ \(neuronpedia\), dashboard/ \(saedashboard\)"):
        recognised(Folder(str(several)))
    (several / "batch-0.json").write_text("{}")
    (several / "source.jsonl").write_text("{}")
    with pytest.raises(ValueError, match="could be neuronpedia or saedashboard: say which by --format"):
        recognised(Folder(str(several)))


def test_weights_are_no_dump_and_the_way_to_read_them_is_named(tmp_path: Path):
    (tmp_path / "cfg.json").write_text(json.dumps({"sae_lens_version": "6.0.0"}))
    (tmp_path / "sae_weights.safetensors").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"weights of a dictionary \(saelens6\), which a recipe reads by `sae: {import: "
    ):
        recognised(Folder(str(tmp_path)))


def test_a_file_and_nothing_at_all_are_no_folders(neuronpedia: Path):
    for name, why in (("source.jsonl", "it is a file"), ("none", "no such folder")):
        with pytest.raises(AbsentFolder, match=rf"the dump .*{name} is not there \({why}\): name the folder of one"):
            recognised(Folder(str(neuronpedia / name)))


def test_the_page_of_commands_has_every_kind():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in importer_names() if f"| `{name}` |" not in page] == []
