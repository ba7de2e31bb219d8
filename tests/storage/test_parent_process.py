"""What was started for another process ends with it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARENT = """
import multiprocessing, os, time
from storage.parent_process import end_with_parent

def work():
    end_with_parent()
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(600)

end_with_parent()  # nobody started this one for another
multiprocessing.get_context("fork").Process(target=work).start()
"""


def test_a_process_ends_with_the_one_it_was_started_for(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}")
        assert parent.poll() is None
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while child.exists() and "\nState:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < until, "a process outlives its parent"
        time.sleep(0.05)
