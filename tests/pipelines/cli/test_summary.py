"""The end of a run: it names the pages and Dagster, and its queries run as they stand, with rows."""

import io
import shlex
import subprocess
import sys
from pathlib import Path

from command_line import glasshouse
from rich.console import Console
from synthetic_store import SyntheticStore

from pipelines.cli.summary import print_summary
from sql.publish import publish

CHECKOUT = Path(__file__).parents[3]


def test_a_run_ends_with_queries_that_a_shell_can_run(tmp_path: Path, monkeypatch):
    store, published = SyntheticStore(str(tmp_path)), tmp_path / "warehouse.duckdb"
    store.write_model("demo")
    store.write_sae("demo", "mid")
    publish(published, store.stored)
    script = tmp_path / "bin with space" / "glasshouse"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from pipelines.cli.main import main; main()' \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script.parent / "python"))
    printed = io.StringIO()
    print_summary(Console(file=printed, width=60), published, "demo/mid")
    text = printed.getvalue()
    assert "http://127.0.0.1:8765/sae/demo/mid" in text
    assert "http://127.0.0.1:3000" in text
    counted = {words[0]: words[1] for line in text.splitlines() if len(words := line.split()) == 2}
    assert int(counted["feature"]) > 0
    assert "attribution_graph" not in counted, "of eighty tables those that have rows"
    lines = [line for line in text.splitlines() if ' sql "' in line]
    assert len(lines) == 3
    environment = {"GLASSHOUSE_WAREHOUSE": str(published), "PYTHONPATH": str(CHECKOUT), "PATH": "/usr/bin:/bin"}
    ran = [subprocess.run(lines[0], shell=True, env=environment, capture_output=True, text=True, check=True)]
    for line in lines[1:]:  # as a shell takes it apart, in this process
        program, *arguments = shlex.split(line)
        assert program == str(script)
        ran.append(glasshouse(*arguments, GLASSHOUSE_WAREHOUSE=str(published)))
    for line, each in zip(lines, ran, strict=True):
        assert len(each.stdout.splitlines()) > 2, line
