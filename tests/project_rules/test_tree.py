"""What README says of the tree and docs/commands.md of commands and environment is so, and the project rules hold."""

import ast
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
FILES = [ROOT / name for name in TRACKED.split("\0") if name and (ROOT / name).is_file()]
PYTHON = [path for path in FILES if path.suffix == ".py"]


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


@pytest.mark.parametrize("package", PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
def test_a_package_of_a_plain_name_is_the_one_in_this_checkout(package: str):
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT), f"{package} is {spec.origin}, wanted {ROOT / package}"


def test_every_top_level_path_has_its_caption_in_the_tree():
    tree = re.search(r"## Tree\n\n```\n(.*?)```", README, re.DOTALL)
    assert tree is not None
    lines = [re.split(r" {2,}", line, maxsplit=1)[0] for line in tree[1].splitlines() if not line.startswith(" ")]
    captioned = {name.rstrip("/") for line in lines for name in line.split()}
    assert captioned == {name.split("/")[0] for name in names(FILES)}
    rooms = {line.split()[0].rstrip("/") for line in tree[1].splitlines() if re.match(r"  \w", line)}
    assert rooms == {name.split("/")[1] for name in names(FILES) if name.startswith("models/") and name.count("/") > 1}


def test_every_make_target_is_in_the_table_of_commands():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    missing = [target for target in phony[1].split() if target != "help" and f"| `make {target}" not in COMMANDS]
    assert not missing


def test_every_environment_variable_of_ours_is_among_the_commands():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PYTHON if not path.is_relative_to(ROOT / "tests"))
    used = set(re.findall(r"\b(?:GLASSHOUSE|ANTHROPIC|DAGSTER)_[A-Z_]+\b", text))
    assert used <= {word for word in used if f"`{word}`" in COMMANDS}


def test_every_relative_link_of_a_page_leads_somewhere():
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in FILES
        if page.suffix == ".md"
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_no_folder_below_tests_is_a_package():
    assert not [name for name in names(PYTHON) if re.fullmatch(r"tests/(.*/)?__init__\.py", name)]


def test_test_files_have_names_of_their_own():
    stems = [path.name for path in PYTHON if path.name.startswith("test_")]
    assert len(stems) == len(set(stems)), sorted({stem for stem in stems if stems.count(stem) > 1})


def test_every_decision_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert numbers
    assert sorted(numbers) == sorted(set(numbers))


def test_no_file_is_a_drawer_and_none_is_long():
    assert not [name for name in names(PYTHON) if Path(name).stem in ("utils", "util", "helpers", "misc", "common")]
    lengths = {
        name: path.read_text(encoding="utf-8").count("\n") for name, path in zip(names(PYTHON), PYTHON, strict=True)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > (500 if name.startswith("tests/") else 300)}


def test_every_module_begins_with_a_sentence():
    bare = [name for name, path in zip(names(PYTHON), PYTHON, strict=True) if not ast.get_docstring(_parsed(path))]
    assert not [name for name in bare if not name.startswith("tests/") and (ROOT / name).stat().st_size]


def test_no_file_is_heavier_than_the_bundled_model_may_be():
    assert not {path.name: path.stat().st_size for path in FILES if path.stat().st_size > 12_000_000}


def test_dagster_reads_its_workspace_file():
    assert not {"dagster", "dg"} & set(PROJECT["tool"]), "such a table makes `dagster dev` ignore workspace.yaml"
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))
    location = workspace["load_from"][0]["python_module"]
    assert location == {"module_name": "pipelines.definitions", "working_directory": ".", "location_name": "glasshouse"}


def test_nothing_can_be_uploaded_by_mistake():
    assert PROJECT["project"]["classifiers"] == ["Private :: Do Not Upload"]


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_a_public_class_name_stands_for_one_thing():
    homes: dict[str, list[str]] = {}
    for path in PYTHON:
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(name)
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


VERBS = "above asked doors draw everywhere exhibits fired found gallery kept lately line made said shown tape told"


def test_a_file_is_named_for_what_is_in_it():
    assert [name for name in names(FILES) if name.rsplit("/", 1)[-1].split(".")[0] in VERBS.split()] == []
