"""Dictionaries of several blocks that one recipe card asks for: trained from one reading, opened as one set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.registry.registry import SAERegistration
from pipelines.store import build_dictionary, trainers
from pipelines.store.build_dictionary import BuiltDictionary
from pipelines.store.open_store import OpenStore
from pipelines.store.trainers import Trainer
from storage.dataset_lock import PATIENCE_SECONDS
from storage.manifest import Manifest, sha256_of
from storage.process_lock import process_lock

if TYPE_CHECKING:
    from models.activations.shuffled_stream import ShuffledActivations
    from models.dictionaries.transcoder_set import TranscoderSet
    from models.training.curve import CurvePoint
    from models.training.threshold_calibration import Calibration
    from models.training.trainer import TrainingJob

CROSS_LAYER = "cross_layer_transcoder"
Log = Callable[[str, "CurvePoint"], None]
"""Told the sae_id and each row of its curve."""


def transcoders_of(store: OpenStore, model_id: str, recipe_id: str) -> "TranscoderSet":
    """The transcoders that a recipe card asks for, one of each block.

    Raises:
        MissingDataset: If one of them was not made yet, or from other cards than there are now.
        ValueError: If they write what they read.
    """
    from models.dictionaries.cross_layer_set import transcoder_set
    from models.language_model.sites import Site

    names = store.cards().dictionaries_of(recipe_id)
    by_layer = {}
    for registration in (store.registration(f"{model_id}/{name}") for name in names):
        layer = Site.parse(store.datasets.site(registration)).layer
        assert layer is not None, f"{registration.sae_id} reads no block"
        by_layer[layer] = store.datasets.dictionary(registration)
    return transcoder_set(by_layer)


def make_set(
    store: OpenStore, registration: SAERegistration, log: Log, trainer: Trainer = trainers.trained
) -> list[str]:
    """Trains or imports a dictionary and the others of its card; those that are made already are left alone.

    Returns:
        The sae_ids of those that were made now.
    """
    with process_lock(store.layout.sae_at(registration.model_id, str(registration.set_id)).url, PATIENCE_SECONDS):
        unmade = _UnmadeSet.of(store, registration)
        if not unmade.missing:
            return []
        for each, made, known in unmade.made(log, trainer):
            build_dictionary.save_dictionary(store, each, made, known)
        return [each.sae_id for each in unmade.missing]


def train_set(store: OpenStore, registration: SAERegistration, trainer: Trainer) -> None:
    """The training alone, for a process that helps another to make the set."""
    unmade = _UnmadeSet.of(store, registration)
    if unmade.missing and registration.recipe.sae.learns:
        list(trainer(*unmade.training(lambda sae_id, row: None)))


def _is_made(store: OpenStore, registration: SAERegistration) -> bool:
    identity = build_dictionary.identity_of(store, registration)
    return Manifest.find_current(store.layout.sae(registration), identity) is not None


_Made = tuple[SAERegistration, BuiltDictionary, "Calibration | None"]


@dataclass(frozen=True, slots=True)
class _UnmadeSet:
    """The dictionaries of one card, and those of them that are not made yet."""

    store: OpenStore
    every: Sequence[SAERegistration]
    missing: Sequence[SAERegistration]

    @classmethod
    def of(cls, store: OpenStore, registration: SAERegistration) -> "_UnmadeSet":
        every = [store.registration(f"{registration.model_id}/{name}") for name in registration.set_recipe_ids]
        return cls(store, every, [each for each in every if not _is_made(store, each)])

    @property
    def is_joint(self) -> bool:
        """Whether they are slices of one transcoder."""
        return self.every[0].recipe.sae.architecture == CROSS_LAYER

    def made(self, log: Log, trainer: Trainer) -> Iterator[_Made]:
        """Each that is missing, made."""
        if not self.every[0].recipe.sae.learns:
            return ((each, build_dictionary.import_or_neurons(self.store, each), None) for each in self.missing)
        return (self._cross_layer if self.is_joint else self._one_a_block)(log, trainer)

    def training(self, log: Log) -> "tuple[list[TrainingJob], ShuffledActivations, str]":
        """What is trained, on what, and its hash: one job for all blocks, or one for each that is missing."""
        store, every = self.store, self.every
        source, read = build_dictionary.training_stream(store, every[0], sites=_sites(every)), _read(store, every)
        if self.is_joint:
            return [_job(store, every[0], log)], source, read
        places = {each.recipe_id: number for number, each in enumerate(every)}
        n_sites = len(every) * len(every[0].recipe.sites)
        jobs = [_job(store, each, log, range(places[each.recipe_id], n_sites, len(every))) for each in self.missing]
        return jobs, source, read

    def _one_a_block(self, log: Log, trainer: Trainer) -> Iterator[_Made]:
        """Dictionaries that know nothing of each other: each is as it would be were it trained alone on these
        tokens."""
        for each, one in zip(self.missing, trainer(*self.training(log)), strict=True):
            yield each, BuiltDictionary.of(one), None

    def _cross_layer(self, log: Log, trainer: Trainer) -> Iterator[_Made]:
        """Slices of one transcoder. The checkpoint lies with the first block's, which is saved last: a process that is
        killed while it saves finds it again."""
        from models.dictionaries.cross_layer_training import CrossLayerTranscoder
        from models.training.set_calibration import calibrate_set

        every, first = self.every, self.every[0]
        (trained,) = trainer(*self.training(log))
        assert isinstance(trained.learned, CrossLayerTranscoder)
        held_out = build_dictionary.training_stream(self.store, first, held_out=True, sites=_sites(every))
        batches = build_dictionary.held_out_batches(held_out, first.recipe.training.batch_tokens)
        calibrated = calibrate_set(trained.learned, first.recipe.layers or (), batches, first.recipe.sae.k)
        density_of = trained.density_F.chunk(len(every))
        for each, known, curve, density_F in reversed(
            list(zip(every, calibrated, trained.curves, density_of, strict=True))
        ):
            if each in self.missing:
                yield each, BuiltDictionary(known.sae, curve, trained.n_tokens, density_F), known
        (self.store.layout.sae(first) / "checkpoint").remove()


def _job(store: OpenStore, registration: SAERegistration, log: Log, sites: Sequence[int] = ()) -> "TrainingJob":
    return build_dictionary.training_job(store, registration, lambda row: log(registration.sae_id, row), sites)


def _sites(every: Sequence[SAERegistration]) -> list[str]:
    """All that are read, then all that are written."""
    return [site for of_use in zip(*(each.recipe.sites for each in every), strict=True) for site in of_use]


def _read(store: OpenStore, every: Sequence[SAERegistration]) -> str:
    """Hash of the activations of all blocks."""
    return sha256_of(
        {site: store.datasets.harvested(each, site).identity_sha256 for each in every for site in each.recipe.sites}
    )
