"""The command line: what it prints, and that an error of the user's world is one sentence and exit code 1."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import glasshouse
from typer.main import get_command

from pipelines.cli.main import app
from pipelines.registry.card_documentation import CARDS
from pipelines.registry.cards import ModelCard, RecipeCard
from pipelines.registry.feature_lists import FeatureListCard

CHECKOUT = Path(__file__).parents[3]
MAIN = "from pipelines.cli.main import main; main()"


MODEL = "source: models/demo\ncorpus: {source: stdlib, tokens: 1_000, context_length: 32}\n"
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """One model with one recipe: the checkout's own registry is its user's."""
    for kind, name, text in (("models", "first", MODEL), ("recipes", "small", RECIPE)):
        (tmp_path / "registry" / kind).mkdir(parents=True)
        (tmp_path / "registry" / kind / f"{name}.yaml").write_text(text)
    return tmp_path / "registry"


def test_card_reference_shows_every_field_with_its_default():
    shown = glasshouse("card-reference").stdout
    blocks = shown.split("```yaml\n")[1 : len(CARDS) + 1]
    cards = dict(zip(CARDS.values(), [yaml.safe_load(block.split("```")[0]) for block in blocks], strict=True))
    model, recipe, features = (cards[kind] for kind in (ModelCard, RecipeCard, FeatureListCard))
    assert "source: models/demo  # required" in shown
    assert model["corpus"]["tokens"] == 1_000_000
    assert features["author"] is None
    assert (recipe["sae"]["k"], recipe["quality_bounds"]["max_fvu"], recipe["training"]["seed"]) == (32, 0.5, 0)


def test_check_card_checks_a_file(tmp_path, registry):
    assert "is a valid ModelCard" in glasshouse("check-card", str(registry / "models" / "first.yaml")).stdout
    assert "is a valid RecipeCard" in glasshouse("check-card", str(registry / "recipes" / "small.yaml")).stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("source: x\ncorpus: {source: stdlib}\ncolour: red\n")
    refused = glasshouse("check-card", str(wrong))
    assert refused.returncode == 1
    assert "wrong.yaml, line 3: colour = 'red': unknown key" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("run", "--model", "nobody"),
            "no partition for model nobody and recipe (any); the registry holds first/small",
        ),
        (("sql", "select 1"), "there is no warehouse at"),
    ],
)
def test_errors_are_sentences(tmp_path, registry, arguments, said):
    refused = glasshouse(
        *arguments,
        GLASSHOUSE_REGISTRY=str(registry),
        GLASSHOUSE_WAREHOUSE=str(tmp_path / "none.duckdb"),
        DAGSTER_HOME=str(tmp_path / "dagster"),
    )
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_command_is_a_process_that_ends_with_a_sentence(tmp_path):
    """From the checkout, as its users start it; the other tests call what it calls."""
    command = [sys.executable, "-c", MAIN, "sql", "b\udcff"]
    environment = os.environ | {"GLASSHOUSE_WAREHOUSE": str(tmp_path / "none")}
    refused = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("glasshouse: the query holds")
    assert "Traceback" not in refused.stderr


def test_sql_without_a_query_lists_the_named_ones_and_no_other_name_is_taken(tmp_path):
    none = str(tmp_path / "none.duckdb")
    listed = glasshouse("sql", GLASSHOUSE_WAREHOUSE=none)
    assert listed.returncode == 0
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == sorted(path.stem for path in (CHECKOUT / "sql" / "queries").glob("*.sql"))
    for wrong in ("no_such_name", "b\udcff", "select '\udcff'"):
        refused = glasshouse("sql", wrong, GLASSHOUSE_WAREHOUSE=none)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert refused.stderr.startswith(
            "glasshouse: there is no query no_such_name." if "no" in wrong else "glasshouse: the query holds"
        )


def commands(group: Any, path: str = "glasshouse") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def test_the_help_of_every_command_has_an_example_of_it():
    listed = dict(commands(get_command(app)))
    assert len(listed) > 10
    assert not [name for name, command in listed.items() if f"Example: {name}" not in (command.help or "")]


def test_examples_in_the_help_name_cards_of_the_registry():
    running = ("glasshouse run", "glasshouse sweep", "glasshouse label")
    texts = " ".join(command.help or "" for name, command in commands(get_command(app)) if name in running)
    named = {kind: re.findall(rf"--{kind} ([a-z0-9._-]+)", texts) for kind in ("model", "recipe")}
    assert named["model"]
    listed = ["git", "ls-files", "registry"]
    shipped = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split()
    assert not {f"registry/{kind}s/{name}.yaml" for kind, names in named.items() for name in names} - set(shipped)


def test_make_help_names_every_target():
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    command = ["make", "help"]  # started by `make test`, it would also say which folder it enters
    shown = subprocess.run(command, cwd=CHECKOUT, env=alone, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z0-9]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [re.split(r" {2,}", line.strip())[0] for line in shown.splitlines()] == [f"make {each}" for each in targets]
