"""What a GPU does, in one run of at most eight minutes: exactness, a training step, harvest, statistics.

    python -m benchmarks.gpu_run [--minutes N] [--out FILE] [--small]

The tests marked `gpu` come first: figures of kernels that are wrong would say nothing. Then the training step of
`gpu_step` at d 2,304, the harvest of a random model of a billion parameters in bfloat16 beside its bare forward pass,
and the statistics of a dictionary on it. A part that fails is told and the next one runs; one for which no time is left
is named. `--small` runs harvest and statistics of a small model on whatever device there is, so that the script itself
can be tried without a GPU.
"""

import argparse
import io
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks import gpu_step, harvest, statistics
from models.device import default_device
from models.language_model.hooked_model import HookedModel, load_tokenizer

BILLION, LITTLE = (2048, 16), (64, 2)
"""Width and blocks."""
LEAST_SECONDS = 45
"""What the shortest part takes, with its start: none begins with less left."""


def random_llama(size: tuple[int, int]) -> HookedModel:
    """A Llama with random weights in bfloat16 and the bundled model's tokenizer: as fast as a trained one."""
    torch.manual_seed(0)
    width, n_blocks = size
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=n_blocks,
        num_attention_heads=max(4, width // 64),
        num_key_value_heads=max(1, width // 256),
    )
    with torch.device(default_device()):
        model = LlamaForCausalLM(config).bfloat16().eval().requires_grad_(False)
    host = HookedModel(model, load_tokenizer("models/demo"), True, "random", "", "")
    host.prove()
    return host


def exactness() -> None:
    """Runs the tests that need a GPU; raises where one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "tests/models"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    print("\n".join(ran.stdout.splitlines()[-15:]))
    if ran.returncode:
        raise RuntimeError(f"pytest ended with {ran.returncode}")


def parts(*, small: bool) -> Mapping[str, Callable[[], None]]:
    """What is measured, in order."""
    size, n_tokens, n_features = (LITTLE, 5_000, 512) if small else (BILLION, 500_000, 65_536)
    on_model = {
        "harvest": lambda: harvest.measure(random_llama(size), n_tokens, rounds=2),
        "statistics": lambda: statistics.measure(random_llama(size), n_tokens, n_features),
    }
    if small:
        return on_model
    steps = {
        f"training step, F {features:,}": lambda features=features: gpu_step.main(
            ["--features", str(features), "--batch", "8192", "32768", "--steps", "20"]
        )
        for features in gpu_step.FEATURES
    }
    return {"exactness": exactness, **steps, **on_model}


def run(part: Callable[[], None]) -> str:
    """What a part prints, and how it failed if it did."""
    text = io.StringIO()
    with redirect_stdout(text):
        try:
            part()
        except Exception:  # the parts after it are worth their figures all the same
            print(traceback.format_exc())
    return text.getvalue()


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=8, help="no part begins after these")
    parser.add_argument("--out", type=Path, help="a file for the report, written anew after each part")
    parser.add_argument("--small", action="store_true", help="try the script on a small model, on any device")
    given = parser.parse_args(arguments)
    if default_device().type != "cuda" and not given.small:
        print("This benchmark needs a CUDA GPU, and torch sees none here: nothing was measured.", flush=True)
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    report, ends = f"{device}, torch {torch.__version__}\n", time.monotonic() + 60 * given.minutes
    for name, part in parts(small=given.small).items():
        began = time.monotonic()
        told = run(part) if ends - began > LEAST_SECONDS else "no time was left for this\n"
        section = f"\n## {name} ({time.monotonic() - began:.0f} s)\n\n{told}"
        print(section, flush=True)
        report += section
        if given.out:
            given.out.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
