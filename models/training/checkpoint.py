"""A training run stopped between two steps, in one file: written whole or not at all, nothing unpickled on reading."""

import json
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
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
        metadata = {"facts": json.dumps({"step": self.step} | self.facts)}
        with folder.writing(self.name) as path:
            safetensors.torch.save_file(
                {name: t.contiguous().cpu() for name, t in self.tensors.items()}, path, metadata
            )
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
                facts = json.loads(file.metadata()["facts"])
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder}/{names[-1]} is no checkpoint that can be read ({error}): delete it, and training begins anew"
            ) from error
        return cls(facts.pop("step"), tensors, facts)


def _names(folder: Folder) -> list[str]:
    return [name for name in folder.names() if name.startswith("step-") and name.endswith(".safetensors")]
