"""Vectors of features, read from the weights that the store holds, a feature at a time."""

from dataclasses import dataclass

from pipelines.store.store import Store
from pipelines.store.tables import MissingDataset
from storage.remote_errors import remote_errors
from storage.verified_folder import VerifiedFolder


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Weights of a feature as the file has them: its row of `W_dec` and its column of `W_enc`."""

    decoder: tuple[float, ...]
    encoder: tuple[float, ...]


class StoredVectorReader:
    """Reads slices of the files of weights, which may be larger than the memory."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, sae_id: str, feature_id: int) -> StoredVectors:
        """Vectors of a feature.

        Raises:
            MissingDataset: If the store holds no weights of this dictionary.
            DamagedFile: If they are not those that were written.
        """
        import safetensors

        from models.dictionaries.saelens_format import WEIGHTS

        model_id, _, recipe_id = sae_id.partition("/")
        with remote_errors():
            folder = VerifiedFolder.open(self.store.layout.sae_at(model_id, recipe_id))
            if folder is None:
                raise MissingDataset(
                    f"the store holds no weights of {sae_id}: its features were imported without them, or `sae` is to "
                    "be materialized here first"
                )
            with folder.reading(WEIGHTS) as path, safetensors.safe_open(path, "pt") as file:
                decoder, encoder = file.get_slice("W_dec")[feature_id], file.get_slice("W_enc")[:, feature_id]
        return StoredVectors(tuple(decoder.float().flatten().tolist()), tuple(encoder.float().flatten().tolist()))
