"""Language models and dictionaries of the store that are kept in memory for questions of people who wait.

They are loaded when they are first asked for, on the CPU, and the last ones are kept. Nothing is downloaded: a model
that is not at hand is refused with the reason.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.store.current_datasets import changed_code
from pipelines.store.store import Store
from pipelines.store.stored_dictionary import stored_dictionary
from pipelines.store.tables import MissingDataset
from storage.manifest import DamagedFile, Manifest
from storage.revisions import file_offline, is_available_offline, is_folder

if TYPE_CHECKING:
    from models.dictionaries.base import SparseDictionary
    from models.language_model.hooked_model import HookedModel
    from models.language_model.token_strings import TokenStrings
    from models.vision_model.vision_model import VisionModel

MOST_MODELS, MOST_DICTIONARIES = 1, 16
MAX_PARAMETERS = 2_000_000_000
"""Of a model that is run while somebody waits: 8 GB in float32."""
MAX_KEPT_NUMBERS = 1_000_000_000
"""Of the dictionaries that are kept together: 4 GB in float32. One that is larger alone is refused."""
T = TypeVar("T")
Report = Callable[[str], None]
"""Told what is done next; raises where nobody waits for the result any more."""


class CannotRunModel(ValueError):
    """The model or the dictionary cannot be run here. The message says why."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A language model and the texts of its tokens."""

    host: "HookedModel"
    token_strings: "TokenStrings"


class ModelHosts:
    """Models and dictionaries of one store. Who runs a model holds `turn`: hooks belong to the model, not to a call."""

    def __init__(self, store: Store, threads: int | None = None) -> None:
        """
        Args:
            store: Where the dictionaries lie.
            threads: Processors that a model may use; None for all. Who answers pages meanwhile keeps one.
        """
        self.store, self.threads = store, threads
        self.turn = RLock()
        self._models: OrderedDict[Any, LoadedModel] = OrderedDict()
        self._visions: OrderedDict[Any, VisionModel] = OrderedDict()
        self._dictionaries: OrderedDict[Any, SparseDictionary] = OrderedDict()

    def row(self, table: str, **keys: str) -> dict[str, Any]:
        """The one row of a partition.

        Raises:
            CannotRunModel: If there is none.
        """
        folder = self.store.layout.table_at(table, **keys)
        rows = self.store.tables.read_rows(folder)
        if not rows:
            raise CannotRunModel(f"{folder} holds nothing: materialize what writes `{table}` here first")
        return rows[0]

    def harvest(self, model_id: str, site: str) -> Manifest:
        """The manifest of a site's activations.

        Raises:
            CannotRunModel: If there is none, or other code reads the model now.
        """
        harvested = _manifest(self.store.layout.activations(model_id, site), "`activations`")
        if changed := changed_code(harvested.identity):
            raise CannotRunModel(f"the activations were read by other code ({'; '.join(changed)}): run the chain again")
        return harvested

    def has_chat_template(self, model_id: str) -> bool:
        """Whether the model's tokenizer has one, without loading it; False where the model is not at hand."""
        model = self.row("model", model_id=model_id)
        if file_offline(model["source"], model["revision"], "chat_template.jinja") is not None:
            return True
        config = file_offline(model["source"], model["revision"], "tokenizer_config.json")
        return config is not None and bool(json.loads(config.read_bytes()).get("chat_template"))

    def model(self, model: dict[str, Any], dtype: str) -> LoadedModel:
        """The model of a row of the table `model`.

        Raises:
            CannotRunModel: If it is too large, not on this machine, or other weights than the row names.
        """
        source, revision = model["source"], model["revision"]
        self._require_at_hand(model)
        pinned = None if is_folder(source) else revision
        key = (source, revision, model["weights_sha256"], dtype)
        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)
        return _kept(self._models, key, lambda: _load_model(source, pinned, dtype, model), MOST_MODELS)

    def vision(self, model: dict[str, Any], dtype: str) -> "VisionModel":
        """The vision model of a row of the table `model`; raises as `model`."""
        source, revision = model["source"], model["revision"]
        self._require_at_hand(model)
        pinned = None if is_folder(source) else revision
        key = (source, revision, model["weights_sha256"], dtype)
        return _kept(self._visions, key, lambda: _load_vision(source, pinned, dtype, model), MOST_MODELS)

    def _require_at_hand(self, model: dict[str, Any]) -> None:
        source = model["source"]
        if model["n_parameters"] > MAX_PARAMETERS:
            raise CannotRunModel(
                f"{source} has {model['n_parameters'] / 1e9:.1f} G parameters: the pages run models of up to "
                f"{MAX_PARAMETERS / 1e9:.0f} G on the CPU"
            )
        if not is_available_offline(source, model["revision"]):
            raise CannotRunModel(f"the model {source} is not on this machine, and the pages download nothing")

    def dictionary(self, model_id: str, recipe_id: str) -> "SparseDictionary":
        """A dictionary of the store.

        Raises:
            CannotRunModel: If it is not there, damaged, or larger than what is kept.
        """
        folder = self.store.layout.sae_at(model_id, recipe_id)
        manifest = _manifest(folder, "`sae`")

        def load() -> "SparseDictionary":
            try:
                return stored_dictionary(folder)
            except (DamagedFile, MissingDataset) as error:
                raise CannotRunModel(str(error)) from error

        found = _kept(self._dictionaries, (str(folder), manifest.identity_sha256), load, MOST_DICTIONARIES)
        self._drop_oldest_dictionaries()
        return found

    def _drop_oldest_dictionaries(self) -> None:
        while len(self._dictionaries) > 1 and sum(map(_numbers, self._dictionaries.values())) > MAX_KEPT_NUMBERS:
            self._dictionaries.popitem(last=False)


def _numbers(dictionary: "SparseDictionary") -> int:
    return sum(parameter.numel() for parameter in dictionary.parameters())


def _load_model(source: str, revision: str | None, dtype: str, model: dict[str, Any]) -> LoadedModel:
    from models.language_model.hooked_model import HookedModel
    from models.language_model.token_strings import TokenStrings

    try:
        host = HookedModel.load(source, revision, dtype, "cpu")
    except OSError as error:
        raise CannotRunModel(f"the model {source} could not be loaded: {error}") from error
    if host.weights_sha256 != model["weights_sha256"]:
        raise CannotRunModel(
            f"{source} holds other weights now than those that the features were found in: run the chain again"
        )
    return LoadedModel(host, TokenStrings.of(host.tokenizer))


def _load_vision(source: str, revision: str | None, dtype: str, model: dict[str, Any]) -> "VisionModel":
    from models.vision_model.vision_model import load_vision_model

    try:
        host = load_vision_model(source, revision, dtype, "cpu")
    except OSError as error:
        raise CannotRunModel(f"the model {source} could not be loaded: {error}") from error
    if host.weights_sha256 != model["weights_sha256"]:
        raise CannotRunModel(
            f"{source} holds other weights now than those that the features were found in: run the chain again"
        )
    return host


def _manifest(folder: Any, asset: str) -> Manifest:
    manifest = Manifest.read(folder)
    if manifest is None:
        raise CannotRunModel(f"{folder} holds nothing: materialize {asset} here first")
    return manifest


def _kept(kept: OrderedDict[Any, T], key: Any, load: Callable[[], T], most: int) -> T:
    """What was loaded before, else loaded now in the place of what was asked for longest ago."""
    if key not in kept:
        while len(kept) >= most:
            kept.popitem(last=False)
        kept[key] = load()
    kept.move_to_end(key)
    return kept[key]
