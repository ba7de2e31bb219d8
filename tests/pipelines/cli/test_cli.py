"""The command line: what it prints, and that an error of the user's world is one sentence and exit code 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
MAIN = "from pipelines.cli.main import main; main()"


def glasshouse(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # From the checkout, as its users start it; the terminal is wide so that no line is folded.
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=CHECKOUT,
        env=os.environ | {"COLUMNS": "400"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_card_reference_shows_every_field_with_its_default():
    shown = glasshouse("card-reference").stdout
    for line in (
        "source = (required)",
        "corpus.tokens = 1000000",
        "sae.k = 32",
        "bounds.max_fvu = 0.5",
        "training.seed = 0",
    ):
        assert line in shown


def test_check_card_checks_a_file(tmp_path):
    assert "is a valid ModelCard" in glasshouse("check-card", "registry/models/pystdlib.yaml").stdout
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
            "no partition for model nobody and recipe (any); the registry holds pystdlib/mid-topk",
        ),
        (("sql", "select 1"), "there is no warehouse at"),
    ],
)
def test_errors_are_sentences(tmp_path, arguments, said):
    refused = glasshouse(
        *arguments, GLASSHOUSE_WAREHOUSE=str(tmp_path / "none.duckdb"), DAGSTER_HOME=str(tmp_path / "dagster")
    )
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
