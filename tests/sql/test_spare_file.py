"""A large file grows from the one before last: what is published is the same, and nobody's reading is torn."""

import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from synthetic_store import N_FEATURES, SyntheticStore

import sql.publish
from pipelines.integrity.published_findings import published_findings
from sql import spare_file
from sql.block_checksums import BLOCK, HEADER, HEADERS, damaged_blocks
from sql.publish import publish
from sql.spare_file import spare_place
from sql.warehouse import connect
from storage.unwritable import Unwritable
from tests.support.table_hashes import table_hashes

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a lease of a file is Linux's")
COUNT = "select count(*) from feature_card"


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch):
    monkeypatch.setattr(spare_file, "LARGE", 0)
    monkeypatch.setattr("sql.published_hash.LARGE", 0)


@pytest.fixture
def copies(monkeypatch) -> list[str]:
    """What was copied whole since."""
    made, copyfile = [], sql.publish.shutil.copyfile

    def counted(source, target):
        made.append(str(source))
        return copyfile(source, target)

    monkeypatch.setattr(sql.publish.shutil, "copyfile", counted)
    return made


def hashes(published: Path) -> dict[str, str]:
    with closing(connect(published)) as con:
        return table_hashes(con)


def write(store: SyntheticStore, name: str, seed: int) -> None:
    store.write_sae("demo", name, seed=seed, labels=False, codes=False)


def anew(store: SyntheticStore, aside: Path) -> dict[str, str]:
    """What a file holds that is published from nothing."""
    aside.mkdir()
    publish(aside / "warehouse.duckdb", store.stored)
    return hashes(aside / "warehouse.duckdb")


@LINUX
def test_a_publication_after_two_others_copies_nothing_and_holds_what_one_from_nothing_holds(
    store: SyntheticStore, published_before: Path, tmp_path: Path, copies: list[str]
):
    for number, (name, other) in enumerate([("late", "mid"), ("mid", "late"), ("late", "mid")]):
        write(store, name, seed=number + 3)
        replaced = publish(published_before, store.stored).replaced
        assert any(name in place for place in replaced)
        assert not any(other in place for place in replaced), "said against what people read, not against the spare"
    assert hashes(published_before) == anew(store, tmp_path / "anew")
    assert copies == [str(published_before)], "only the first had no spare file"
    assert publish(published_before, store.stored).replaced == ()


@LINUX
@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_still_reads_the_file_before_last_reads_on_in_it(
    store: SyntheticStore, published_before: Path, copies: list[str], elsewhere: bool
):
    with closing(connect(published_before)) as own:
        script = (
            "import duckdb, sys\n"
            "one, two = (duckdb.connect(config={}) for _ in 'ab')\n"
            "for con in (one, two): con.execute(f\"attach '{sys.argv[1]}' as w (read_only); use w\")\n"
            "two.close()\n"  # which gives up the lock of the first as well
            f"for _ in sys.stdin: print(one.execute('{COUNT}').fetchall()[0][0], flush=True)\n"
        )
        command = [sys.executable, "-c", script, str(published_before)]
        reader = (
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) if elsewhere else None
        )

        def look() -> int:
            if reader is None:
                return own.execute(COUNT).fetchall()[0][0]
            assert reader.stdin is not None
            assert reader.stdout is not None
            print(file=reader.stdin, flush=True)
            return int(reader.stdout.readline())

        assert look() == N_FEATURES
        if elsewhere:
            own.close()
        for seed in (1, 2, 3):
            write(store, "late", seed)
            publish(published_before, store.stored)
            assert look() == N_FEATURES
        if reader is not None:
            reader.communicate()
    assert len(copies) >= 2, "the one that was being read was not written to"
    with closing(connect(published_before)) as late:
        assert late.execute(COUNT).fetchall() == [(2 * N_FEATURES,)]


@LINUX
def test_a_publisher_that_fails_in_the_spare_file_leaves_the_published_one(
    store: SyntheticStore, published_before: Path, tmp_path: Path, copies: list[str], monkeypatch
):
    for seed in (1, 2):
        write(store, "late", seed)
        publish(published_before, store.stored)
    assert spare_place(published_before).exists()
    before = hashes(published_before)
    write(store, "late", 3)
    with monkeypatch.context() as patch:
        patch.setattr(sql.publish, "_put", lambda file, published: [][0])
        with pytest.raises(IndexError):
            publish(published_before, store.stored)
    assert hashes(published_before) == before
    assert not spare_place(published_before).exists(), "what was begun in it is not gone on with"
    publish(published_before, store.stored)
    assert hashes(published_before) == anew(store, tmp_path / "anew")


def test_a_small_file_has_no_spare(store: SyntheticStore, published_before: Path, monkeypatch):
    publish(published_before, store.stored)
    monkeypatch.setattr(spare_file, "LARGE", 2**40)
    write(store, "late", 1)
    publish(published_before, store.stored)
    assert not spare_place(published_before).exists()


def test_a_disk_without_room_for_a_copy_is_said_before(store: SyntheticStore, published_before: Path, monkeypatch):
    from storage import free_space

    before = hashes(published_before)
    free = free_space.SPARED + published_before.stat().st_size - 1
    monkeypatch.setattr(free_space.shutil, "disk_usage", lambda place: type("Usage", (), {"free": free}))
    with pytest.raises(
        Unwritable, match=r"needs 0\.0\d GB, and 0\.27 GB are left to others, but .* has 0\.\d+ GB free"
    ):
        publish(published_before, store.stored)
    assert hashes(published_before) == before


def test_any_flipped_bit_of_a_file_is_named_by_the_checksums_of_its_blocks(warehouse: Path, tmp_path: Path):
    """Each is one of a block that DuckDB wrote, whether a query reads it or not."""
    whole = bytearray(warehouse.read_bytes())
    file, draw = tmp_path / "flipped.duckdb", random.Random(0)
    file.write_bytes(whole)
    assert damaged_blocks(file) == []
    for _ in range(20):
        bit = draw.randrange(8 * len(whole))
        whole[bit // 8] ^= 1 << bit % 8
        file.write_bytes(whole)
        whole[bit // 8] ^= 1 << bit % 8
        place, headers = bit // 8, HEADERS * HEADER
        expected = place // HEADER * HEADER if place < headers else headers + (place - headers) // BLOCK * BLOCK
        assert damaged_blocks(file) == [expected], f"bit {bit}"
    file.write_bytes(whole[:-1])
    assert len(damaged_blocks(file)) == 1


def test_verification_names_a_flipped_bit_of_a_large_file(store: SyntheticStore, published_before: Path):
    publish(published_before, store.stored)
    partitions = store.stored.partitions({"feature"})[0]
    assert not [each for each in published_findings(published_before, partitions) if "damaged" in each.what]
    with published_before.open("r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 4]))
    [found] = published_findings(published_before, partitions)
    assert "1 of its blocks are damaged" in found.what
    assert "glasshouse publish" in found.remedy


def test_duckdb_itself_refuses_what_the_checksums_name(warehouse: Path, tmp_path: Path):
    """A second witness: the arithmetic here is DuckDB's."""
    file = tmp_path / "flipped.duckdb"
    whole = bytearray(warehouse.read_bytes())
    places = range(HEADERS * HEADER, len(whole), BLOCK)
    for place in places:  # which of them a query reads is DuckDB's to say
        whole[place + 5000] ^= 1
    file.write_bytes(whole)
    assert damaged_blocks(file) == list(places)
    with pytest.raises(duckdb.Error, match=r"[Cc]hecksum"):
        read_all(file)


def read_all(file: Path) -> None:
    with closing(duckdb.connect()) as con:
        con.execute(f"attach '{file}' as w (read_only)")
        for (table,) in con.execute("select table_name from duckdb_tables() where database_name = 'w'").fetchall():
            con.execute(f"select bit_xor(hash(t)) from w.{table} as t").fetchall()
