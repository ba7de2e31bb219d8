"""What the processes of a launch are told, as one file in the store; beside it lies what they leave for each other."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from pipelines.store.layout import StoreLayout
from storage.folder import Folder
from storage.manifest import sha256_of

ORDER = "order.json"


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """A stage of some partitions, to be done by some processes."""

    stage: str
    """A module of `pipelines.launches.stages`."""
    keys: tuple[str, ...]
    """Partitions."""
    identities: dict[str, Any]
    """Of what is to be made, by name: a process that reads other cards than the order was made from refuses it."""
    world: int
    reading: str = ""
    """The part of the stage, where it has several that follow each other."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else the stage wants to be told."""

    @property
    def launch_id(self) -> str:
        """The same for the same work, whoever asks for it and however many processes do it."""
        digest = sha256_of({"stage": self.stage, "keys": self.keys, "identities": self.identities})
        return f"{self.stage}-{digest[:16]}"

    def folder(self, layout: StoreLayout) -> Folder:
        return layout.launch(self.launch_id)

    def write(self, layout: StoreLayout) -> None:
        self.folder(layout).write_bytes(ORDER, json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def read(cls, layout: StoreLayout, launch_id: str) -> Self:
        """The order of a launch.

        Raises:
            ValueError: If there is none: the launch has ended, or the store is another one.
        """
        folder = layout.launch(launch_id)
        if not folder.exists(ORDER):
            raise ValueError(
                f"{folder} holds no order: the launch has ended, or the store is another than where it was launched "
                "(`store` of the machine card)"
            )
        said = json.loads(folder.read_bytes(ORDER))
        return cls(**said | {"keys": tuple(said["keys"])})
