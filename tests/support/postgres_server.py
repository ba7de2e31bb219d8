"""A Postgres of its own for a test: Debian's server, as the user that it brings, on a port of this machine."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.launchers.kinds.local import free_port

USER = "postgres"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty database; skips the test where no server is installed."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not homes:
        pytest.skip("no Postgres here: apt-get install --no-install-recommends postgresql")
    if os.geteuid() == 0 and USER not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip(f"Postgres refuses root, and there is no user {USER}")
    # Not in pytest's folder: another user may not enter that.
    folder, port = Path(tempfile.mkdtemp(prefix="glasshouse-postgres-", dir="/tmp")), free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    start = ["-D", str(folder / "data"), "-w", "-t", "120", "-l", str(folder / "log"), "-o", options, "start"]
    try:
        _as_user([str(homes[-1].with_name("initdb")), "-D", str(folder / "data"), "-A", "trust", "-U", "gh"])
        _as_user([str(homes[-1]), *start])
        try:
            yield f"gh@127.0.0.1:{port}/postgres"
        finally:
            _as_user([str(homes[-1]), "-D", str(folder / "data"), "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(command: list[str]) -> None:
    own = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    ran = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **own)
    assert ran.returncode == 0, f"{command}: {ran.stdout[-500:]} {ran.stderr[-1500:]}"
