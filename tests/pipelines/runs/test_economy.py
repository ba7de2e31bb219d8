"""What is known is not asked or read again: cards are read once, sources asked once, a shard compared once."""

from collections import Counter
from contextlib import contextmanager

import dagster as dg
import pytest
import s3fs
from small_house import small_house

from pipelines.registry.registry import Registry
from pipelines.runs.in_process import run_partition
from pipelines.store import resolve_all as surveying
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store
from storage import folder, manifest

MODEL = "source: org/{}\ncorpus: {{source: stdlib}}\n"
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 2, k: 4}\n"


def test_a_survey_reads_each_card_once_and_asks_each_source_once(tmp_path, monkeypatch):
    """20 models, two of one source and one that cannot be reached, and 9 recipes."""
    for kind, text, n in (("models", MODEL, 20), ("recipes", RECIPE, 9)):
        (tmp_path / kind).mkdir()
        for i in range(n):
            card = text.format("twin" if i < 2 else f"model{i}") if kind == "models" else text
            (tmp_path / kind / f"card{i}.yaml").write_text(card)
    asked, read = Counter(), Counter()

    def resolve(source: str, revision: str | None) -> str:
        asked[source] += 1
        if source == "org/model7":
            raise OSError("not reached")
        return "0" * 40

    def read_bytes(self, name: str, plain=folder.Folder.read_bytes) -> bytes:
        read[f"{self.path}/{name}"] += 1
        return plain(self, name)

    monkeypatch.setattr(surveying, "resolve_revision", resolve)
    monkeypatch.setattr(folder.Folder, "read_bytes", read_bytes)
    registrations, errors = resolve_registry(Store(registry=str(tmp_path)))
    assert (len(registrations), len(errors)) == (19 * 9, 9)
    assert set(read.values()) == {1}
    assert len(read) == 29
    assert (len(asked), set(asked.values())) == (19, {1})


def test_a_card_on_s3_is_one_request(s3, monkeypatch):
    for kind, text in (("models", MODEL.format("m")), ("recipes", RECIPE)):
        for i in range(3):
            (folder.Folder(f"{s3}/registry") / kind).write_bytes(f"card{i}.yaml", text.encode())
    asked, plain = Counter(), s3fs.S3FileSystem._call_s3

    async def counted(self, method, *given, **named):
        if "card" in named.get("Key", ""):
            asked[method, named["Key"]] += 1
        return await plain(self, method, *given, **named)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    assert len(Registry.read(folder.Folder(f"{s3}/registry")).recipes) == 3
    assert {method for method, _ in asked} == {"get_object"}
    assert (len(asked), set(asked.values())) == (6, {1})


@pytest.fixture
def counted(monkeypatch):
    """How often each file of the store was opened, and how often it was hashed where it lies."""
    opened, hashed = Counter(), Counter()

    @contextmanager
    def reading(self, name: str, plain=folder.Folder.reading):
        opened[f"{self.path}/{name}"] += 1
        with plain(self, name) as path:
            yield path

    def sha256_of_file(path, plain=manifest.sha256_of_file) -> str:
        hashed[str(path)] += 1
        return plain(path)

    monkeypatch.setattr(folder.Folder, "reading", reading)
    monkeypatch.setattr(manifest, "sha256_of_file", sha256_of_file)
    return opened, hashed


def test_a_chain_compares_a_shard_once_and_opens_it_seldom(tmp_path, counted):
    """Opened: to compare it and train on it, to calibrate and see that the exported dictionary agrees, to encode."""
    opened, hashed = counted
    store = small_house(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_partition(store, "first/small", instance).success
    [shard] = [path for path in opened if "/activations/" in path]
    assert opened[shard] == 3
    assert hashed[shard] == 1
    assert all(n == 1 for path, n in hashed.items() if ".tmp-" not in path and str(store.layout.root.path) in path), (
        hashed
    )


def test_a_file_that_changed_is_compared_again(tmp_path):
    place = folder.Folder(str(tmp_path))
    place.write_bytes("part", b"as it was written")
    whole = manifest.Manifest({}, (manifest.ManifestFile.of(tmp_path / "part", "part", 1),))
    whole.write(place)
    whole.check(place)
    (tmp_path / "part").write_bytes(b"as it was writtem")
    with pytest.raises(manifest.DamagedFile, match=r"part has sha256"):
        whole.check(place)
