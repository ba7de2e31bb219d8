"""What a stage freed is not counted against the next."""

import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from pipelines.dagster_support.returned_memory import return_free_memory

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)

before = resident()
small = [bytearray(1000) for _ in range(200_000)]
last = bytearray(1000)
del small
kept = resident() - before
return_free_memory()
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory so")
def test_freed_memory_goes_back_to_the_system():
    told = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout.split()
    kept, left = (int(text) for text in told)
    assert kept > 100_000, f"the allocator kept {kept} kB of 200 MB: this shows nothing"
    assert left < 20_000
