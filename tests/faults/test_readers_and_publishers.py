"""Two publishers, twenty readers and an export at one published file: no error, no torn read, nothing lost."""

import sys
from functools import partial
from pathlib import Path

import published_store
import pytest
from stopped_runs import forks_of, start

SECONDS, READERS = 300, 20
LEAST = 10
"""Publications of each publisher, exports, looks of each reader: a slow machine takes longer, and makes no fewer."""
PATIENCE = 3600


def together(root: Path, span: published_store.Span, readers: int) -> dict[str, list[int]]:
    """How often each publisher published, each reader looked, and a table was exported."""
    root.mkdir()
    published_store.write_first(root)
    works = [("publications", partial(published_store.publish_for, span, name)) for name in ("mid", "late")]
    works += [("exports", partial(published_store.export_for, span))]
    works += [("reads", partial(published_store.read_for, span))] * readers
    with forks_of("published_store") as light:
        runs = [(name, start(light, work, root)) for name, work in works]
        counts: dict[str, list[int]] = {}
        for name, ended in [(name, run.end(PATIENCE)) for name, run in runs]:
            assert ended.exit_code == 0, (name, ended.said[-3000:])
            counts.setdefault(name, []).append(int(ended.said.splitlines()[-1]))
    return counts


@pytest.mark.slow
def test_five_minutes_of_publishing_with_twenty_readers(tmp_path: Path):
    counts = together(tmp_path / "store", published_store.Span(SECONDS, LEAST), READERS)
    sys.stdout.write(f"\n{SECONDS} s, {READERS} readers: { ({name: sum(n) for name, n in counts.items()}) }\n")
    assert min(map(min, counts.values())) >= LEAST
