"""The dictionary that a partition holds, as it was written."""

from typing import TYPE_CHECKING

from pipelines.store.tables import MissingDataset
from storage.folder import Folder
from storage.verified_folder import VerifiedFolder

if TYPE_CHECKING:
    from models.dictionaries.base import SparseDictionary


def stored_dictionary(folder: Folder) -> "SparseDictionary":
    """Reads a dictionary of the store, its files compared with their sha256.

    Raises:
        MissingDataset: If none was finished there.
        DamagedFile: If its weights or its configuration are not those that were written, naming the file.
    """
    from models.dictionaries.saelens_format import load

    verified = VerifiedFolder.open(folder)
    if verified is None:
        raise MissingDataset(f"{folder} holds no dictionary: materialize `sae` for this partition first")
    return load(verified)
