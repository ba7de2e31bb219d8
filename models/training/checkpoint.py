"""A training run stopped between two steps, in one file: written whole or not at all, nothing unpickled on reading."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from storage.folder import Folder


@dataclass(frozen=True, slots=True)
class TrainingCheckpoint:
    """Tensors by name, and what else the run remembers as JSON."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return f"step-{self.step:09d}.safetensors"

    def write(self, folder: Folder) -> None:
        """Publishes the checkpoint, then removes the earlier ones."""
        facts, tensors = json.dumps({"step": self.step} | self.facts), _on_cpu(self.tensors)
        with folder.writing(self.name) as path:
            safetensors.torch.save_file(tensors, path, {"facts": facts, "sha256": _sha256(facts, tensors)})
        for name in _names(folder):
            if name != self.name:
                folder.remove(name)

    @classmethod
    def latest(cls, folder: Folder) -> "TrainingCheckpoint | None":
        """The newest checkpoint; None where there is none.

        Raises:
            ValueError: If the file is damaged, naming it.
        """
        names = _names(folder)
        if not names:
            return None
        try:
            with folder.reading(names[-1]) as path, safetensors.safe_open(path, "pt") as file:
                written = file.metadata()
                facts = json.loads(written["facts"])
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            if _sha256(written["facts"], tensors) != written["sha256"]:
                raise ValueError("its content is not what was written")
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder}/{names[-1]} is no checkpoint that can be read ({error}): delete it, and training begins anew"
            ) from error
        return cls(facts.pop("step"), tensors, facts)


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}


def _sha256(facts: str, tensors: dict[str, Tensor]) -> str:
    """Hash of all that a checkpoint holds, whatever the order of the tensors."""
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _names(folder: Folder) -> list[str]:
    return [name for name in folder.names() if name.startswith("step-") and name.endswith(".safetensors")]
