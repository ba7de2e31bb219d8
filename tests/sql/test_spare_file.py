"""A large file grows from the one before last: what is published is the same, and nobody's reading is torn."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from synthetic_codes import N_FEATURES
from synthetic_store import SyntheticStore

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
SIGNALS = (signal.SIGIO, signal.SIGURG)
KURTOSIS = "select max(logit_kurtosis) from logit_shape"


@pytest.fixture(autouse=True, scope="module")
def _every_file_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spare_file, "LARGE", 0)
        patch.setattr("sql.published_hash.LARGE", 0)
        yield


@pytest.fixture(scope="module")
def _with_spare(_written: Path, _written_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("spare")
    shutil.copytree(_written / "tables", home / "tables")
    shutil.copy(_written_file, home / "warehouse.duckdb")
    store = SyntheticStore(str(home))
    change(store, "logit_shape", 1)
    publish(home / "warehouse.duckdb", store.stored)
    return home


@pytest.fixture(scope="module")
def anew(_with_spare: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a file holds that is published from nothing, after another table changed too."""
    home = tmp_path_factory.mktemp("anew")
    shutil.copytree(_with_spare / "tables", home / "tables")
    store = SyntheticStore(str(home))
    change(store, "neighbor", 2)
    publish(home / "warehouse.duckdb", store.stored)
    return hashes(home / "warehouse.duckdb")


@pytest.fixture
def store(_with_spare: Path, home: Path) -> SyntheticStore:
    """One dictionary, of which one table changed since the first of two publications."""
    shutil.copytree(_with_spare, home, dirs_exist_ok=True)
    return SyntheticStore(str(home))


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


def change(store: SyntheticStore, table: str, seed: int) -> str:
    """One table of the dictionary is made anew, with another number in its rows; names it as a publication does."""
    keys = {"model_id": "demo", "recipe_id": "mid"}
    other = {"kind": "decoder_cosine", "rank": 0, "other_model_id": "demo", "other_recipe_id": "mid"}
    rows = {
        "logit_shape": [{"feature_id": f, "logit_skew": 0.0, "logit_kurtosis": float(seed)} for f in range(N_FEATURES)],
        "neighbor": [{"feature_id": 1, "other_feature_id": seed, "value": 0.5} | other],
    }
    store.write(table, keys, rows[table], made_from=str(seed))
    return f"{table}/model_id=demo/recipe_id=mid"


@LINUX
def test_a_publication_after_two_others_copies_nothing_and_holds_what_one_from_nothing_holds(
    store: SyntheticStore, published: Path, anew: dict[str, str], copies: list[str]
):
    """The spare file lacks what the one before changed, which people read already."""
    changed = change(store, "neighbor", 2)
    assert publish(published, store.stored).replaced == (changed,), "said against what people read, not the spare"
    assert hashes(published) == anew
    assert publish(published, store.stored).replaced == ()
    assert copies == []


@LINUX
@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_still_reads_the_file_before_last_reads_on_in_it(
    store: SyntheticStore, published: Path, copies: list[str], elsewhere: bool
):
    with closing(connect(published)) as own:
        script = (
            "import duckdb, sys\n"
            "one, two = (duckdb.connect(config={}) for _ in 'ab')\n"
            "for con in (one, two): con.execute(f\"attach '{sys.argv[1]}' as w (read_only); use w\")\n"
            "two.close()\n"  # which gives up the lock of the first as well
            f"for _ in sys.stdin: print(one.execute('{KURTOSIS}').fetchall()[0][0], flush=True)\n"
        )
        command = [sys.executable, "-c", script, str(published)]
        reader = (
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) if elsewhere else None
        )

        def look() -> float:
            if reader is None:
                return own.execute(KURTOSIS).fetchall()[0][0]
            assert reader.stdin is not None
            assert reader.stdout is not None
            print(file=reader.stdin, flush=True)
            return float(reader.stdout.readline())

        assert look() == 1
        if elsewhere:
            own.close()
        for seed, copied in ((2, 0), (3, 1)):
            change(store, "logit_shape", seed)
            publish(published, store.stored)
            assert look() == 1
            assert len(copies) == copied, "the one that was being read was written to, or one that nobody reads was not"
        if reader is not None:
            reader.communicate()
    with closing(connect(published)) as late:
        assert late.execute(KURTOSIS).fetchall() == [(3,)]


@LINUX
def test_who_opens_the_file_while_it_is_asked_for_ends_no_publisher(tmp_path: Path, monkeypatch):
    """By itself the system would send a signal that ends whoever holds a lease."""
    file, told, ask = tmp_path / "spare", list[int](), spare_file.fcntl.fcntl
    file.write_bytes(b"content")

    def asked(descriptor: int, command: int, value: int) -> int:
        done = ask(descriptor, command, value)
        if (command, value) == (spare_file.fcntl.F_SETLEASE, spare_file.fcntl.F_WRLCK):
            with pytest.raises(BlockingIOError):
                os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        return done

    monkeypatch.setattr(spare_file.fcntl, "fcntl", asked)
    before = {number: signal.signal(number, lambda number, _: told.append(number)) for number in SIGNALS}
    try:
        assert spare_file._is_free(file)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert told == [signal.SIGURG]


@LINUX
def test_a_publisher_that_fails_in_the_spare_file_leaves_the_published_one(
    store: SyntheticStore, published: Path, anew: dict[str, str], monkeypatch
):
    assert spare_place(published).exists()
    before = hashes(published)
    change(store, "neighbor", 2)
    with monkeypatch.context() as patch:
        patch.setattr(sql.publish, "_put", lambda file, published: [][0])
        with pytest.raises(IndexError):
            publish(published, store.stored)
    assert hashes(published) == before
    assert not spare_place(published).exists(), "what was begun in it is not gone on with"
    publish(published, store.stored)
    assert hashes(published) == anew


@LINUX
def test_where_somebody_has_the_published_file_open_to_write_a_copy_of_it_is_read(
    store: SyntheticStore, published: Path, anew: dict[str, str], copies: list[str]
):
    changed = change(store, "neighbor", 2)
    with closing(duckdb.connect(str(published))):
        assert publish(published, store.stored).replaced == (changed,)
    assert copies == [str(published)]
    assert hashes(published) == anew


def test_a_small_file_has_no_spare(store: SyntheticStore, published: Path, monkeypatch):
    assert spare_place(published).exists()
    monkeypatch.setattr(spare_file, "LARGE", 2**40)
    publish(published, store.stored)
    assert not spare_place(published).exists()


def test_a_disk_without_room_for_a_copy_is_said_before(store: SyntheticStore, published: Path, monkeypatch):
    from storage import free_space

    spare_place(published).unlink()
    before = published.read_bytes()
    free = free_space.SPARED + published.stat().st_size - 1
    monkeypatch.setattr(free_space.shutil, "disk_usage", lambda place: type("Usage", (), {"free": free}))
    with pytest.raises(
        Unwritable, match=r"needs 0\.0\d GB, and 0\.27 GB are left to others, but .* has 0\.\d+ GB free"
    ):
        publish(published, store.stored)
    assert published.read_bytes() == before


def test_any_flipped_bit_of_a_file_is_named_by_the_checksums_of_its_blocks(published: Path, store, tmp_path: Path):
    """Each is one of a block that DuckDB wrote, whether a query reads it or not."""
    whole = bytearray(published.read_bytes())
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


def test_verification_names_a_flipped_bit_of_a_large_file(store: SyntheticStore, published: Path):
    partitions = store.stored.partitions({"feature"})[0]
    assert not [each for each in published_findings(published, partitions) if "damaged" in each.what]
    with published.open("r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 4]))
    [found] = published_findings(published, partitions)
    assert "1 of its blocks are damaged" in found.what
    assert "glasshouse publish" in found.remedy


def test_duckdb_itself_refuses_what_the_checksums_name(published: Path, store, tmp_path: Path):
    """A second witness: the arithmetic here is DuckDB's."""
    file = tmp_path / "flipped.duckdb"
    whole = bytearray(published.read_bytes())
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
