"""`glasshouse run` that is asked to end, by Ctrl-C or by the system, says so and begins nothing more."""

import os
import signal
import subprocess
import sys
import time

import pytest
from small_house import small_house


@pytest.mark.slow
@pytest.mark.parametrize("given", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_says_so_and_begins_no_other(tmp_path, given: signal.Signals):
    store = small_house(tmp_path)
    recipes = tmp_path / "registry" / "recipes"
    (recipes / "zweite.yaml").write_text((recipes / "small.yaml").read_text().replace("k: 4", "k: 5"))
    places = {"HOME": store.home, "REGISTRY": store.registry, "WAREHOUSE": store.warehouse}
    environment = os.environ | {f"GLASSHOUSE_{name}": str(value) for name, value in places.items()}
    environment["DAGSTER_HOME"] = str(tmp_path / "dagster")
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "run"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while not (tmp_path / "data" / "activations").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(given)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said[-2000:]
    assert "was stopped: what it finished is kept. Run it again: it goes on from there" in said
    assert "Traceback" not in said
    assert "zweite" not in said
