"""A machine card is one of its launcher, and what is wrong with it is said before anything is started."""

import textwrap

import pytest

from pipelines.launchers.kinds import slurm
from pipelines.launchers.kinds.k8s import KubernetesMachine
from pipelines.launchers.kinds.slurm import SlurmMachine
from pipelines.launchers.launcher import UnusableMachine
from pipelines.launchers.machine_card import MachineCard, machine_kinds
from pipelines.registry.card_check import check_card_file
from pipelines.registry.cards import InvalidCard, read_card
from pipelines.registry.registry import Registry
from storage.folder import Folder


def read(text: str) -> MachineCard:
    return read_card(MachineCard, "machines/hpc.yaml", textwrap.dedent(text))


def test_every_launcher_has_a_card_and_an_engine():
    assert set(machine_kinds()) == {"local", "torchrun", "slurm", "k8s"}
    for name, kind in machine_kinds().items():
        more = {"image": "house:1"} if name == "k8s" else {}
        card = kind.model_validate({"launcher": name, **more})
        for verb in ("check", "submit", "state", "lines", "cancel"):
            assert callable(getattr(card.engine(), verb)), (name, verb)


def test_a_card_is_read_as_that_of_its_launcher():
    card = read("launcher: slurm\nnodes: 4\nprocesses: 8\npartition: gpu\ntime: 1-12:00:00\ngpus: 1\n")
    assert isinstance(card, SlurmMachine)
    assert (card.world, card.partition, card.restarts) == (32, "gpu", 2)
    assert isinstance(read("launcher: k8s\nimage: house:1\nmemory: 64Gi\n"), KubernetesMachine)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "launcher: slrum\n",
            r"line 1: launcher = 'slrum': there is no launcher 'slrum'; there are k8s, local, slurm, t",
        ),
        (
            "launcher: local\npartition: gpu\n",
            r"line 2: partition = 'gpu': unknown key; hpc.yaml may have launcher, pro",
        ),
        ("launcher: slurm\ntime: tomorrow\n", r"line 2: time = 'tomorrow': wanted a time as Slurm writes it"),
        ("launcher: slurm\nnodes: 0\n", r"line 2: nodes = 0: wanted a whole number from 1 to 4,096"),
        ('launcher: slurm\noptions: ["--x\\n#SBATCH -y"]\n', r"line 2: options.0 = .*wanted one line"),
        ("launcher: slurm\nenvironment: {'A B': x}\n", r"line 2: environment.*'A B' cannot be set: wanted NAME: value"),
        ("launcher: k8s\n", r"image.*: Field required"),
        ("launcher: k8s\nimage: a\nmemory: much\n", r"line 3: memory = 'much': wanted a quantity of Kubernetes"),
    ],
)
def test_what_is_wrong_with_a_card_is_said_with_its_line(text, said):
    with pytest.raises(InvalidCard, match=said):
        read(text)


def test_the_registry_reads_machines_and_names_those_it_has(tmp_path):
    for kind in ("models", "recipes", "machines"):
        (tmp_path / kind).mkdir()
    (tmp_path / "machines" / "two.yaml").write_text("launcher: local\nprocesses: 2\n")
    (tmp_path / "machines" / "bad.yaml").write_text("launcher: local\nnodes: 2\n")
    cards = Registry.read(Folder(str(tmp_path)))
    assert cards.machine("two").world == 2
    with pytest.raises(InvalidCard, match=r"other: there is no machines/other.yaml; known: two"):
        cards.machine("other")
    with pytest.raises(InvalidCard, match=r"bad.yaml, line 2: nodes = 2: unknown key"):
        cards.machine("bad")
    assert type(check_card_file(tmp_path / "machines" / "two.yaml")).__name__ == "LocalMachine"


def test_what_a_launcher_lacks_here_is_said_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None if name == "sbatch" else f"/usr/bin/{name}")
    with pytest.raises(UnusableMachine, match="launcher slurm wants sbatch, and there is none here: run this where"):
        SlurmMachine().engine().check()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UnusableMachine, match="the package kubernetes, and it is not installed: pip install kubernetes"
    ):
        KubernetesMachine(image="a").engine().check()
