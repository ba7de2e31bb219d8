"""A folder's revision changes when its weights do, wherever the folder lies; a hub that does not answer is said."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from storage.folder import Folder
from storage.local_files import BrokenLink
from storage.revisions import is_available_offline, resolve_revision


@pytest.fixture
def checkpoint(tmp_path):
    weights = np.random.default_rng(0).standard_normal(100_000).astype("<f4")
    (tmp_path / "model.safetensors").write_bytes(weights.tobytes())
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_the_same_content_has_the_same_revision_anywhere(checkpoint, s3):
    for name in ("model.safetensors", "config.json"):
        (Folder(s3) / "m").write_bytes(name, (checkpoint / name).read_bytes())
    (checkpoint / "model.safetensors").touch()
    assert resolve_revision(str(checkpoint), None) == resolve_revision(f"{s3}/m", None)


def test_a_folder_of_links_has_the_revision_of_what_they_lead_to(checkpoint, tmp_path_factory):
    """As the hub's cache, a ConfigMap or DVC lay a model out."""
    linked = tmp_path_factory.mktemp("snapshot")
    for name in ("model.safetensors", "config.json"):
        (linked / name).symlink_to(checkpoint / name)
    assert resolve_revision(str(linked), None) == resolve_revision(str(checkpoint), None)
    (checkpoint / "config.json").unlink()
    with pytest.raises(BrokenLink, match=r"config.json is a link to .*config.json, which is not there"):
        resolve_revision(str(linked), None)


def test_a_small_step_of_training_changes_the_revision(checkpoint):
    before = resolve_revision(str(checkpoint), None)
    path = checkpoint / "model.safetensors"
    path.write_bytes((np.frombuffer(path.read_bytes(), "<f4") * np.float32(1.0001)).tobytes())
    assert resolve_revision(str(checkpoint), None) != before


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"holds no model: wanted a folder with config.json, tokenizer files and \*.safetensors"
    ):
        resolve_revision(str(tmp_path), None)


def test_a_source_that_is_neither_folder_nor_on_the_hub_is_said():
    with pytest.raises(ValueError, match="'no-such/model' is no folder here, and the hub did not answer"):
        resolve_revision("no-such/model", None)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The hub's cache holds one commit of someone/tiny, which is its branch main."""
    repository = tmp_path / "models--someone--tiny"
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "snapshots" / COMMIT / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@contextmanager
def hub(monkeypatch, sha: str | None) -> Iterator[list[str]]:
    """A hub at which every repository stands at this commit, or none is there at all; what it was asked."""
    asked = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps({"id": "someone/tiny", "sha": sha, "siblings": []}).encode()
            self.send_response(200 if sha else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.send_header("x-error-code", "RepoNotFound")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        _ask_at(monkeypatch, server.server_port)
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def _ask_at(monkeypatch, port: int) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("revision", [None, "main"])
def test_the_hubs_word_goes_before_its_cache(cached, monkeypatch, revision):
    with hub(monkeypatch, "f" * 40) as asked:
        assert resolve_revision("someone/tiny", revision) == "f" * 40
    assert any("/api/models/someone/tiny" in path for path in asked)


def test_a_repository_that_the_hub_does_not_have_is_said_though_it_is_cached(cached, monkeypatch):
    with hub(monkeypatch, None), pytest.raises(ValueError, match=r"the hub did not answer for it .*404"):
        resolve_revision("someone/tiny", None)


@pytest.mark.parametrize("offline", [True, False])
def test_where_the_hub_cannot_be_reached_its_cache_says_which_commit(cached, monkeypatch, offline):
    if not offline:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        _ask_at(monkeypatch, port)
    assert resolve_revision("someone/tiny", None) == resolve_revision("someone/tiny", "main") == COMMIT
    for source, revision in (("someone/tiny", "other"), ("someone/else", None)):
        with pytest.raises(ValueError, match=f"'{source}' is no folder here, and the hub did not answer"):
            resolve_revision(source, revision)
    assert is_available_offline("someone/tiny")
    assert not is_available_offline("someone/else")


def test_a_commit_is_itself_and_nobody_is_asked(monkeypatch):
    with hub(monkeypatch, "f" * 40) as asked:
        assert resolve_revision("someone/tiny", COMMIT) == COMMIT
    assert asked == []
