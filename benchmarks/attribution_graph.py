"""Attribution graphs beside circuit-tracer's, at the same graph: seconds of processor time and peak memory; aim 3.

    python -m benchmarks.attribution_graph [PYTHON] [TOKENS]

PYTHON has circuit-tracer (`pip install torch==2.13.0`, then `circuit-tracer==0.5.0`) and not this project; without it
ours alone is measured. A random GPT-2 of 6 blocks, a random cross-layer transcoder of 1,024 features a block, a prompt
of TOKENS. Each side runs in a process of its own, in one thread, in turn; the least of three rounds counts, reading the
transcoder and the model apart.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from models.attribution.graphs.attribution_graph import GraphLimits, graph_of
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.dictionaries.architectures.cross_layer_transcoder import TO, CrossLayerSlice
from models.dictionaries.cross_layer_set import transcoder_set
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site

LAYERS, WIDTH, FEATURES, VOCABULARY, ROUNDS = 6, 384, 1_024, 4_096, 3
BATCHES = (512, 64)
"""Of circuit-tracer: its default, and one that fits the prompt."""
PEER_SCRIPT = Path(__file__).parents[1] / "tests" / "peer" / "circuit_tracer_graph.py"


def main() -> None:
    peer = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].isdecimal() else None
    n_tokens = next((int(word) for word in sys.argv[1:] if word.isdecimal()), 24)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _write_model(home / "model")
        _write_transcoder(home / "clt")
        asked = {"token_ids": [0, *(7 + 11 * i % 4_000 for i in range(n_tokens - 1))], "tensors": False}
        command = [sys.executable, "-m", "benchmarks.attribution_graph"]
        ours, theirs = dict[str, Any](), dict[int, dict[str, Any]]()
        for _ in range(ROUNDS):
            ours = _least(ours, [*command, "--ours", str(home), json.dumps(asked)])
            if peer is not None:
                files = [str(home / name) for name in ("model", "clt")]
                for batch in BATCHES:
                    theirs_asked = json.dumps(asked | {"batch_size": batch})
                    command_of_peer = [peer, str(PEER_SCRIPT), *files, theirs_asked, str(home / "out")]
                    theirs[batch] = _least(theirs.get(batch, {}), command_of_peer)
    named = {f"circuit-tracer, batches of {batch}": facts for batch, facts in theirs.items()}
    for name, facts in ({"ours": ours} | named).items():
        if facts:
            print(
                f"{name:32s} {facts['seconds']:8.2f} s  peak {facts['peak_mib']:7.0f} MiB, "
                f"{facts['peak_mib'] - facts['before_mib']:7.0f} MiB above model and transcoder  "
                f"{facts['n_features']:,} features, {n_tokens} tokens",
                flush=True,
            )
    for name, facts in named.items():
        print(f"{name} take {facts['seconds'] / ours['seconds']:.2f} x our time", flush=True)


def _least(before: dict[str, Any], command: list[str]) -> dict[str, Any]:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    facts = json.loads(ran.stdout.splitlines()[-1])
    return facts if not before or facts["seconds"] < before["seconds"] else before


def _write_model(folder: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "n_embd": WIDTH,
        "n_layer": LAYERS,
        "n_head": 6,
        "n_positions": 1_024,
        "vocab_size": VOCABULARY,
    }
    GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(VOCABULARY)}, unk_token="t0"))
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token="t0", eos_token="t0").save_pretrained(folder)


def _write_transcoder(folder: Path) -> None:
    """In circuit-tracer's layout; about twelve features of each block fire on a token."""
    folder.mkdir()
    chance = torch.Generator().manual_seed(0)
    for layer in range(LAYERS):
        encoder = {
            f"W_enc_{layer}": torch.randn(FEATURES, WIDTH, generator=chance) / WIDTH**0.5,
            f"b_enc_{layer}": torch.full((FEATURES,), -2.25),
            f"b_dec_{layer}": torch.zeros(WIDTH),
        }
        decoder = 0.1 * torch.randn(FEATURES, LAYERS - layer, WIDTH, generator=chance)
        save_file(encoder, folder / f"W_enc_{layer}.safetensors")
        save_file({f"W_dec_{layer}": decoder}, folder / f"W_dec_{layer}.safetensors")


def _ours(home: Path, asked: dict[str, Any]) -> None:
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    host, by_layer = HookedModel.load(str(home / "model"), device="cpu"), {}
    for layer in range(LAYERS):
        found = load_file(home / "clt" / f"W_enc_{layer}.safetensors")
        decoders = load_file(home / "clt" / f"W_dec_{layer}.safetensors")[f"W_dec_{layer}"].unbind(1)
        tensors = {"W_enc": found[f"W_enc_{layer}"].T, "threshold": torch.zeros(FEATURES), "W_dec": decoders[0]}
        tensors |= {name: found[f"{name}_{layer}"] for name in ("b_enc", "b_dec")}
        tensors |= {f"{TO}{layer + i}": decoder for i, decoder in enumerate(decoders) if i}
        by_layer[layer] = CrossLayerSlice(tensors, {})
    model = ModelTranscoders(transcoder_set(by_layer), {layer: Site("mlp_in", layer) for layer in by_layer})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    _, graph = graph_of(host, model, asked["token_ids"], 1, GraphLimits())
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"peak_mib": peak / 1024, "before_mib": before / 1024}
    print(json.dumps({"seconds": seconds, "n_features": graph.features.stop, **memory}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        _ours(Path(sys.argv[2]), json.loads(sys.argv[3]))
    else:
        main()
