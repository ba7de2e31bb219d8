"""What is imported is declared, what is declared is locked, and the lock holds names and versions only."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "benchmarks", "tests"}
RUN, TOOLS = (
    (ROOT / name).read_text(encoding="utf-8").splitlines() for name in ("requirements.lock", "requirements-dev.lock")
)

installed = cache(packages_distributions)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """Names of the distributions that pyproject asks for, ours aside."""
    project = PROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    found = (re.match(r"[\w.-]+", line) for line in lines)
    return {normal(match[0]) for match in found if match} - {project["name"]}


def imported(*folders: str) -> dict[str, str]:
    """Third-party modules that the folders' files import, with one file that does."""
    found: dict[str, str] = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            found |= {module.split(".")[0]: str(path.relative_to(ROOT)) for module in modules}
    beside = {path.stem for folder in ("tests", "benchmarks/peers") for path in (ROOT / folder).rglob("*.py")}
    return {name: file for name, file in found.items() if name not in sys.stdlib_module_names | OURS | beside}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (
            ("pipelines", "assets", "models", "plotting", "storage", "sql", "web"),
            ("hf", "mcp", "kubernetes", "prometheus"),
        ),
        (("tests", "benchmarks"), ("hf", "mcp", "kubernetes", "prometheus", "postgres", "dev")),
    ],
)
def test_every_import_is_a_declared_dependency(folders: tuple[str, ...], extras: tuple[str, ...]):
    distributions = installed()
    allowed = declared(*extras)
    missing = {
        name: file
        for name, file in imported(*folders).items()
        if not allowed & {normal(distribution) for distribution in distributions.get(name, [name])}
    }
    peers = (
        "sae_bench",
        "sae_lens",
        "sae_dashboard",
        "delphi",
        "transformer_lens",
        "nnsight",
        "repeng",
        "neuronpedia",
        "dictionary_learning",
        "circuit_tracer",
        "lucent",
        "clt",
        "_pytest",
        "triton",
    )  # triton comes with torch for CUDA
    assert not {name: file for name, file in missing.items() if name not in peers}


def test_the_locks_hold_names_and_versions_and_nothing_else():
    assert RUN
    assert TOOLS
    assert not [line for line in RUN + TOOLS if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!]+", line)]


def locked(lines: list[str]) -> set[str]:
    return {normal(line.split("==")[0]) for line in lines}


def test_what_runs_is_locked_apart_from_what_tests_it():
    assert declared("hf", "mcp") | {"hatchling"} <= locked(RUN)  # hatchling installs the project itself
    assert declared("dev") <= locked(RUN + TOOLS)
    assert not locked(RUN) & locked(TOOLS)
    assert "torch==2.13.0" in RUN


def test_no_file_names_a_host_to_download_from():
    hosts = [
        r"py" r"pi\.org",
        r"python" r"hosted\.org",
        r"download\.py" r"torch\.org",
        r"registry\.npm" r"js\.org",
        r"://[^\s/]+/simple\b",
    ]
    found = subprocess.run(
        ["git", "grep", "-n", "-I", "-E", "|".join(hosts)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, found.stdout or found.stderr
