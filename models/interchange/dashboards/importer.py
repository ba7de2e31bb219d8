"""What an importer of feature dumps is, and which there are: each a file in `dashboards/importers/`."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import models.interchange.dashboards.importers
from storage.folder import Folder

if TYPE_CHECKING:
    from models.interchange.dashboards.dump import FeatureDump
    from models.language_model.token_strings import TokenStrings


@dataclass(frozen=True, slots=True)
class DumpSource:
    """Where a dump lies, and the dictionary of the warehouse that it becomes."""

    folder: Folder
    model_id: str
    recipe_id: str
    token_strings: "Callable[[], TokenStrings]"
    """Loads the texts of the tokens of `model_id`, for a dump that stores tokens as numbers.

    Raises:
        ValueError: If the model has no card, which would name the tokenizer.
    """

    @property
    def sae_id(self) -> str:
        return f"{self.model_id}/{self.recipe_id}"


class DumpImporter(Protocol):
    """What every module of `models/interchange/dashboards/importers` has."""

    FOLDER: str
    """Which folder to name, for `glasshouse import --help`: "the folder of one run: batch-0.json and following"."""
    EXAMPLE: str
    """What follows `glasshouse import` and the format: a folder, `--model` and `--recipe`."""

    def read(self, source: DumpSource) -> "FeatureDump":
        """Opens a dump.

        Raises:
            BadDump: Now or while the parts are read, if anything is missing, damaged or contradicts the rest.
        """
        ...


def importer_names() -> tuple[str, ...]:
    """Every format of feature dumps that can be imported: a new one is one more file in `importers/`."""
    return tuple(
        sorted(module.name for module in pkgutil.iter_modules(models.interchange.dashboards.importers.__path__))
    )


def importer_of(name: str) -> DumpImporter:
    """The importer of a format.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in importer_names():
        raise ValueError(f"no importer {name!r}; there are {', '.join(importer_names())}: name one of them")
    return cast(DumpImporter, importlib.import_module(f"models.interchange.dashboards.importers.{name}"))
