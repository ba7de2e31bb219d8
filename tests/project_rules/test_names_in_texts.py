"""Every asset, check, job, sensor and command that a page, an error or a document names is there under that name."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from pipelines.cli.main import app
from pipelines.definitions import defs

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
HISTORY = ("docs/log.md",)
TEXTS = [
    name
    for name in TRACKED.split("\0")
    if Path(name).suffix in (".md", ".html", ".py", ".sql", ".yaml", ".jinja")
    and not name.startswith("tests/")
    and name not in HISTORY
    and (ROOT / name).is_file()
]
NAME = r"(?:`[a-z0-9_]+`|<code>[a-z0-9_]+</code>)"
NAMED = rf"{NAME}(?:(?:, then|,? and|,? or|,)\s+{NAME})*"
WORDS = {"materiali[sz]e": "asset", "assets?": "asset", "checks?": "check", "jobs?": "job", "sensors?": "sensor"}


def joined(text: str) -> str:
    """A text in which a sentence is not cut by the ends of Python's strings."""
    return re.sub(r'"\s*\n\s*f?"', "", text)


def named(text: str) -> dict[str, set[str]]:
    """What a text calls an asset, a check, a job or a sensor, by kind."""
    found: dict[str, set[str]] = {kind: set() for kind in WORDS.values()}
    for word, kind in WORDS.items():
        for match in re.finditer(rf"\b{word}\s+({NAMED})", joined(text), re.IGNORECASE):
            found[kind] |= set(re.findall(r"[a-z0-9_]+(?=`|</code>)", match[1]))
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Names of the graph, by kind."""
    repository, graph = defs.get_repository_def(), defs.resolve_asset_graph()
    return {
        "asset": {key.to_user_string() for key in graph.get_all_asset_keys()},
        "check": {key.name for key in graph.asset_check_keys},
        "job": {job.name for job in repository.get_all_jobs()},
        "sensor": {sensor.name for sensor in repository.sensor_defs},
    }


def test_every_name_in_a_text_is_in_the_graph(known: dict[str, set[str]]):
    missing = [
        f"{path}: {kind} {name}"
        for path in TEXTS
        for kind, names in named((ROOT / path).read_text(encoding="utf-8")).items()
        for name in sorted(names - known[kind])
    ]
    assert not missing, f"{missing}: call it as the graph does; assets are {sorted(known['asset'])}"


def test_names_are_found_in_pages_errors_and_documents():
    page = named((ROOT / "web/panels/dictionaries/30_matches.html").read_text(encoding="utf-8"))
    assert page["asset"] == {"feature_matches", "published_warehouse"}
    assert "published_warehouse" in named((ROOT / "sql/warehouse.py").read_text(encoding="utf-8"))["asset"]
    cards = named((ROOT / "docs/cards.md").read_text(encoding="utf-8"))
    assert (cards["sensor"], cards["job"]) == ({"new_models", "changed_lists"}, {"sweep"})
    cut = named('"materialize "\n    "`nothing` again"')
    assert cut["asset"] == {"nothing"}


def test_every_command_in_a_text_is_a_command():
    group = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]: it is a group
    commands = {name for name, command in group.items() if not command.hidden}
    missing = [
        f"{path}: glasshouse {name}"
        for path in [*TEXTS, "Makefile"]
        for name in re.findall(
            r"(?:`|bin/|\(|BIN\)/)glasshouse ([a-z][a-z-]*)", joined((ROOT / path).read_text("utf-8"))
        )
        if name not in commands
    ]
    assert not missing, f"{missing}: commands are {sorted(commands)}"


def test_every_make_target_in_a_text_is_a_target():
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    missing = [
        f"{path}: make {name}"
        for path in TEXTS
        if path.endswith(".md")
        for name in re.findall(r"`make ([a-z][a-z0-9]*)", (ROOT / path).read_text(encoding="utf-8"))
        if name not in targets
    ]
    assert not missing, f"{missing}: targets are {sorted(targets)}"
