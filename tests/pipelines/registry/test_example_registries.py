"""Cards of the registries in `examples/`: each lies where a registry looks for it, and is read without an error."""

from pathlib import Path

import pytest

from pipelines.registry.registry import Registry
from storage.folder import Folder

EXAMPLES = sorted(folder.parent for folder in Path("examples").glob("*/models"))
KINDS = {"models", "recipes", "experiments", "prompt_sets", "text_sets", "machines"}


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_card_of_an_example_is_read(folder: Path):
    registry = Registry.read(Folder(str(folder)))
    assert registry.errors == {}
    lying = {card.relative_to(folder).parent.as_posix() for card in folder.rglob("*.yaml")}
    assert lying <= KINDS, "cards where no registry looks"
