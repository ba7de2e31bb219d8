"""A peer library that trains in a process and an environment of its own, and who trains what."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from models.dictionaries.config import SAESettings

ENVIRONMENTS = {
    "SAELens": ("GLASSHOUSE_PEER_PYTHON", "saelens_steps.py"),
    "dictionary_learning": ("GLASSHOUSE_PEER_DL_PYTHON", "dictionary_learning_steps.py"),
    "crosslayer-coding": ("GLASSHOUSE_PEER_CLT_PYTHON", "crosslayer_coding_steps.py"),
}
"""Each peer's variable, which names an interpreter that has it, and its script."""
_BOTH = ("standard", "topk", "batchtopk", "matryoshka_batchtopk", "jumprelu", "gated")
TRAINS = {
    "ours": get_args(SAESettings.model_fields["architecture"].annotation),
    "SAELens": _BOTH,
    "dictionary_learning": (*_BOTH, "p_anneal"),
    "crosslayer-coding": ("cross_layer_transcoder",),
}
ARCHITECTURES = TRAINS["dictionary_learning"]
GROUPS = SAESettings.model_fields["matryoshka_fractions"].default
"""Shares of the features in the nested groups of a Matryoshka dictionary: ours, for all."""


class Peer:
    """A peer that does as it is told (see peer_protocol.py)."""

    def __init__(self, library: str, process: subprocess.Popen[str]) -> None:
        self.library, self.process = library, process

    def ask(self, command: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            status = self.process.wait()
            raise RuntimeError(f"{self.library} stopped with exit status {status} at {command!r}: its error is above")
        return json.loads(answer)


def present() -> list[str]:
    """Peers whose environment is named; says which are not."""
    absent = {library: variable for library, (variable, _) in ENVIRONMENTS.items() if not os.environ.get(variable)}
    for library, variable in absent.items():
        print(f"without {library}: {variable} names no Python that has it", flush=True)
    return [library for library in ENVIRONMENTS if library not in absent]


@contextmanager
def peer(library: str, tokens: Path, options: dict[str, Any]) -> Iterator[Peer]:
    """The library at work on a file of tokens until the block ends."""
    variable, script = ENVIRONMENTS[library]
    command = [os.environ[variable], str(Path(__file__).parent / script), str(tokens), json.dumps(options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Peer(library, process)
        assert process.stdin is not None
        process.stdin.close()
