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


_SHOWN = 12


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
    """What follows `glasshouse import`: a folder, `--model` and `--recipe`."""

    def recognises(self, folder: Folder) -> bool:
        """Whether a folder looks like such a dump, by the names of what lies in it: a damaged one too, so that `read`
        says what is wrong with it."""
        ...

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


def recognised(folder: Folder) -> str:
    """The format of the dump in a folder: the one importer that recognises it.

    Raises:
        AbsentFolder: If there is no such folder.
        ValueError: If no importer or several recognise it: names what the folder holds, and which formats there are.
    """
    folder.require("the dump", "name the folder of one, or s3://…")
    found = _formats(folder)
    if len(found) == 1:
        return found[0]
    held, known = _contents(folder), "; ".join(f"{name}: {importer_of(name).FOLDER}" for name in importer_names())
    if found:
        raise ValueError(f"{folder} holds {held}, and could be {' or '.join(found)}: say which by --format")
    raise ValueError(f"{folder} holds {held}, which is no dump that is known{_hint(folder)}. Name {known}")


def _formats(folder: Folder) -> list[str]:
    return [name for name in importer_names() if importer_of(name).recognises(folder)]


def _contents(folder: Folder) -> str:
    held = [*folder.names(), *(f"{name}/" for name in folder.folders())]
    return ", ".join(held[:_SHOWN]) + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "") or "nothing"


def _hint(folder: Folder) -> str:
    """What may have been meant: a dump one folder further down, or the weights of a dictionary."""
    inside = [f"{name}/ ({formats[0]})" for name in folder.folders() if (formats := _formats(folder / name))]
    if inside:
        return f", but in it lie dumps: {', '.join(inside[:_SHOWN])}"
    from models.interchange.sae_import import formats  # brings torch

    weights = [name for name, module in formats().items() if module.recognises(folder)]
    if weights:
        return (
            f": it is the weights of a dictionary ({weights[0]}), which a recipe reads by `sae: {{import: {folder}}}`"
        )
    return ""
