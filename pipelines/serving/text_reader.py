"""A reader's own text, run through the model and the dictionary that the store holds, as the harvest would.

Models are loaded when they are first asked for, on the CPU, and the last ones are kept. Nothing is downloaded: a model
that is not at hand is refused with the reason.

Axes: T tokens.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.serving.model_hosts import CannotRunModel
from pipelines.store.current_datasets import changed_code
from pipelines.store.store import Store
from pipelines.store.stored_dictionary import stored_dictionary
from storage.manifest import Manifest
from storage.remote_errors import Unreachable, remote_errors

if TYPE_CHECKING:
    from models.corpora.contexts import Context, TokenizedCorpus
    from models.dictionaries.base import SparseDictionary
    from models.language_model.hooked_model import HookedModel
    from models.language_model.token_strings import TokenStrings

KEPT_MODELS, KEPT_DICTIONARIES = 1, 4
MAX_PARAMETERS = 2_000_000_000
"""Of a model that is run while somebody waits: 8 GB in float32."""
LONGEST = 512
"""Tokens that are read at most, where a context has room for more: a page shows each of them fifty times."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenActivations:
    """Tokens of a text, and what fires: place among them, feature, activation. `cut` says what was not read."""

    tokens: tuple[str, ...]
    fires: tuple[tuple[int, int, float], ...]
    cut: str


@dataclass(frozen=True, slots=True)
class _Loaded:
    host: "HookedModel"
    pieces: "TokenStrings"


class TextReader:
    """Reads texts, one at a time: hooks belong to the model, not to a call."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._turn = Lock()
        self._models: OrderedDict[Any, _Loaded] = OrderedDict()
        self._dictionaries: OrderedDict[Any, SparseDictionary] = OrderedDict()

    def read(self, sae_id: str, text: str) -> TokenActivations:
        """What fires on a text, as it would have been stored had the text been a document of the corpus.

        Raises:
            CannotRunModel: If the model or the dictionary cannot be run here, or the store cannot be reached.
            ValueError: If the text holds no token, or the model says NaN.
        """
        with self._turn:
            model_id, _, recipe_id = sae_id.partition("/")
            try:
                with remote_errors():
                    return self._read(model_id, recipe_id, text)
            except Unreachable as error:
                raise CannotRunModel(str(error)) from error

    def _read(self, model_id: str, recipe_id: str, text: str) -> TokenActivations:
        import torch

        from models.activations.site_reading import capture_sites
        from models.dtypes import DTYPES
        from models.features.firings import Firings
        from models.language_model.sites import Site

        model, sae = self._row("model", model_id=model_id), self._row("sae", model_id=model_id, recipe_id=recipe_id)
        harvested = _made(self.store.layout.activations(model_id, sae["site"]), "`activations`")
        if changed := changed_code(harvested.identity):
            raise CannotRunModel(f"the activations were read by other code ({'; '.join(changed)}): run the chain again")
        loaded = self._model(model, harvested)
        dictionary = self._dictionary(model_id, recipe_id)
        contexts = self.store.datasets.contexts(harvested)
        context, cut = _context(loaded.host.tokenizer, text, contexts)
        site, dtype = Site.parse(sae["site"]), DTYPES[harvested.facts["dtype"]]
        with torch.no_grad():
            limit = {site: harvested.facts["norm_limit"]}
            batch = capture_sites(loaded.host, [context], contexts.token_filter, [site], dtype, limit)[site].batch
            if not len(batch.token_T):
                raise ValueError(
                    "no token of the text is read: this model's first tokens, or those with outlying activations, are "
                    "left out; type some more words"
                )
            fired = Firings.of([dictionary.encode(batch.x_TD)], batch.context_T, batch.position_T)
        masks = contexts.token_filter.masks([context.token_ids])
        places = {int(position): place for place, position in enumerate(masks.position_R[masks.is_text_R])}
        ids = masks.tokens_R[masks.is_text_R]
        texts = loaded.pieces.spelled(ids)
        return TokenActivations(
            tuple(texts[place] if place in texts else loaded.pieces.texts[token] for place, token in enumerate(ids)),
            tuple(
                (places[int(position)], int(feature), float(activation))
                for position, feature, activation in zip(fired.positions_M, fired.features_M, fired.acts_M, strict=True)
            ),
            cut,
        )

    def _row(self, table: str, **keys: str) -> dict[str, Any]:
        """The one row of a partition."""
        folder = self.store.layout.table_at(table, **keys)
        rows = self.store.tables.read_rows(folder)
        if not rows:
            raise CannotRunModel(f"{folder} holds nothing: materialize what writes `{table}` here first")
        return rows[0]

    def _model(self, model: dict[str, Any], harvested: Manifest) -> _Loaded:
        from storage.revisions import is_available_offline, is_folder

        source, revision = model["source"], model["revision"]
        if model["n_parameters"] > MAX_PARAMETERS:
            raise CannotRunModel(
                f"{source} has {model['n_parameters'] / 1e9:.1f} G parameters: the pages run models of up to "
                f"{MAX_PARAMETERS / 1e9:.0f} G on the CPU"
            )
        if not is_available_offline(source, revision):
            raise CannotRunModel(f"the model {source} is not on this machine, and the pages download nothing")
        pinned = None if is_folder(source) else revision

        def load() -> _Loaded:
            from models.language_model.hooked_model import HookedModel
            from models.language_model.token_strings import TokenStrings

            try:
                host = HookedModel.load(source, pinned, harvested.identity["settings"]["model.dtype"], "cpu")
            except OSError as error:
                raise CannotRunModel(f"the model {source} could not be loaded: {error}") from error
            if host.weights_sha256 != model["weights_sha256"]:
                raise CannotRunModel(
                    f"{source} holds other weights now than those that the features were found in: run the chain again"
                )
            return _Loaded(host, TokenStrings.of(host.tokenizer))

        return _kept(self._models, (source, revision, model["weights_sha256"]), load, KEPT_MODELS)

    def _dictionary(self, model_id: str, recipe_id: str) -> "SparseDictionary":
        folder = self.store.layout.sae_at(model_id, recipe_id)
        manifest = _made(folder, "`sae`")

        def load() -> "SparseDictionary":
            return stored_dictionary(folder)

        return _kept(self._dictionaries, (str(folder), manifest.identity_sha256), load, KEPT_DICTIONARIES)


def _made(folder: Any, asset: str) -> Manifest:
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


def _context(tokenizer: Any, text: str, corpus: "TokenizedCorpus") -> tuple["Context", str]:
    """The text as one context of the corpus, and what of it was cut."""
    import numpy as np

    from models.corpora.contexts import Context
    from models.corpora.text_tokens import text_token_ids

    frame, length = corpus.token_filter.frame, int(corpus.manifest.facts["context_length"])
    room = min(frame.content(length), LONGEST)
    parse_special = corpus.manifest.facts["special_strings"] == "tokens"
    ids = text_token_ids(tokenizer, [text], parse_special=parse_special)[0]
    if not set(ids) - corpus.token_filter.special_ids:
        raise ValueError("the text holds no token that a feature could fire on: type some words")
    cut = ""
    if len(ids) > room:
        cut = f"the text has {len(ids):,} tokens and a context room for {room:,}: only the first {room:,} were read"
    return Context(0, "your own text", 0, np.array(frame.framed(ids[:room]), dtype=np.int32)), cut
