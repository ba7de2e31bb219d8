"""Processes of this machine under torchrun, which starts all of them again when one is lost."""

from dataclasses import replace
from typing import Literal

from pipelines.launchers.kinds.local import LocalLauncher
from pipelines.launchers.launcher import Launch
from pipelines.launchers.machine_card import MachineCard


class TorchrunMachine(MachineCard):
    """Processes on this machine, started and restarted by torchrun."""

    launcher: Literal["torchrun"] = "torchrun"

    def engine(self) -> "TorchrunLauncher":
        return TorchrunLauncher(self)


class TorchrunLauncher(LocalLauncher):
    """One child, torchrun, whose children are the ranks; each writes its own log."""

    def submit(self, launch: Launch) -> str:
        options = (f"--nproc-per-node={launch.world}", f"--max-restarts={self.card.restarts}", "--standalone")
        under = ("-m", "torch.distributed.run", *options, *launch.arguments)
        return super().submit(replace(launch, world=1, arguments=under))
