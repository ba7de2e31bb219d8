"""Whatever keeps a publication from its end leaves the published file as it was, and says so."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from published_places import beside, features
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

from sql.publish import publish


def test_what_a_killed_publisher_left_is_removed(store: SyntheticStore, published: Path):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from synthetic_store import SyntheticStore\n"
        "from sql.publish import publish\n"
        "home = sys.argv[1]\n"
        "def die(message):\n"
        "    if 'logit_effect' in message: os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish(Path(home) / 'warehouse.duckdb', SyntheticStore(home).stored, progress=die)\n"
    )
    killed = _python(script, str(published.parent))
    assert killed.returncode == -signal.SIGKILL
    assert beside(published) == {".warehouse.duckdb.building"}
    publish(published, store.stored)
    assert beside(published) == set()
    assert features(published) == {"demo/mid": N_FEATURES}


def test_a_full_disk_leaves_the_old_file_and_says_so(store: SyntheticStore, published_before: Path):
    before = published_before.read_bytes()
    store.write_sae("demo", "late")
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from synthetic_store import SyntheticStore\n"
        "from sql.publish import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "publish(Path(sys.argv[1]) / 'warehouse.duckdb', SyntheticStore(sys.argv[1]).stored)\n"
    )
    for room in (len(before) // 2, len(before) + 100_000):
        failed = _python(script, str(published_before.parent), str(room))
        assert failed.returncode == 1
        assert "was not published" in failed.stderr, failed.stderr
        assert "has room for a second copy of the file" in failed.stderr
        assert published_before.read_bytes() == before
        assert beside(published_before) == set()


def test_a_folder_that_cannot_be_made_is_named(store: SyntheticStore, published: Path):
    (published.parent / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file/warehouse\.duckdb was not published"):
        publish(published.parent / "file" / "warehouse.duckdb", store.stored)


@pytest.mark.parametrize("content", [b"not a database", b""])
def test_somebody_elses_file_is_not_overwritten(store: SyntheticStore, published: Path, content: bytes):
    published.write_bytes(content)
    with pytest.raises(ValueError, match="move it away"):
        publish(published, store.stored)
    assert published.read_bytes() == content


def test_somebody_elses_database_is_not_overwritten(store: SyntheticStore, published: Path):
    with closing(duckdb.connect(published)) as con:
        con.execute("create table mine as select 42 as answer")
    with pytest.raises(ValueError, match="not a Glasshouse warehouse"):
        publish(published, store.stored)
    with closing(duckdb.connect(published, read_only=True)) as con:
        assert con.execute("from mine").fetchall() == [(42,)]


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root}:{root / 'tests' / 'support'}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)
