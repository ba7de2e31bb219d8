"""Statistics after encoding, and co-activation, against the bare truncated forward pass of the same tokens; aim 0.1."""

import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.side_by_side import table
from models.activations.harvest import harvest
from models.activations.shards import ActivationShards
from models.activations.site_reading import BATCH_TOKENS, padded_batches
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.sources.stdlib import stdlib_documents
from models.corpora.token_filter import TokenFilter
from models.dictionaries.architectures.topk import TopKSAE
from models.dictionaries.config import SAESettings
from models.features.coactivation import cofiring_counts
from models.features.codes_parquet import StoredCodes
from models.features.config import StatisticsSettings
from models.features.feature_statistics import compute_feature_statistics
from models.features.statistics_readings import StatisticsInput, encoded
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.folder import Folder
from storage.manifest import ManifestFile

TOKENS, CONTEXT, FEATURES, K = 1_000_000, 128, 4096, 32


def _seconds(way: Callable[[], object]) -> np.ndarray:
    """CPU seconds of all threads, in which a busy machine shows little, and seconds by the clock; each runs once."""
    began = time.process_time(), time.perf_counter()
    way()
    return np.array([time.process_time() - began[0], time.perf_counter() - began[1]])


def main() -> None:
    measure(HookedModel.load("models/demo"), TOKENS, FEATURES)


def measure(host: HookedModel, n_tokens: int, n_features: int) -> None:
    """Prints what statistics of a random dictionary at half depth take beside the forward pass to there."""
    site = Site.parse("resid_post.@0.5").resolve(host.n_layers)
    settings = SAESettings(n_features=n_features, k=K)
    sae = TopKSAE.build(settings, host.width(site), torch.Generator().manual_seed(0)).to(host.device)
    with tempfile.TemporaryDirectory() as directory:
        root, token_filter = Folder(directory), TokenFilter.of(host.tokenizer)
        write_corpus(
            root / "corpus",
            tokenize_into_contexts(stdlib_documents(), host.tokenizer, CONTEXT, n_tokens),
            {},
            token_filter,
            source="stdlib",
            context_length=CONTEXT,
        )
        contexts = TokenizedCorpus.open(root / "corpus")
        everything = list(contexts)
        harvest(host, contexts, {site: (root / "activations", {})}, {})
        shards = ActivationShards.open(root / "activations")
        shards.manifest.check(shards.folder)  # once in a process, and no part of what is measured

        def bare() -> None:
            for padded in padded_batches(everything, token_filter, BATCH_TOKENS):
                with host.capture([site]):
                    host.forward(padded.token_ids_BP)

        def encode() -> None:
            for number in range(len(shards.manifest.files)):
                encoded(sae, shards, number)

        def statistics() -> None:
            inputs = StatisticsInput(sae, shards, contexts, host.tokenizer, "m", "r", identity_sha256="")
            made = compute_feature_statistics(inputs, StatisticsSettings(), root / "codes")
            entries.extend(made.codes)

        entries: list[ManifestFile] = []
        forward, encoding, whole = _seconds(bare), _seconds(encode), _seconds(statistics)
        codes = StoredCodes(root / "codes", entries)
        pairs = _seconds(lambda: list(cofiring_counts(lambda: codes, n_features)))
    seconds = {"bare forward": forward, "encode": encoding, "statistics": whole - encoding, "co-activation": pairs}
    for place, clock in enumerate(("CPU", "wall")):
        print(f"{clock} time:")
        table({name: float(taken[place]) for name, taken in seconds.items()}, "bare forward", codes.n_rows, "rows")
    size = sum(entry.bytes for entry in entries) / codes.n_rows
    print(f"{codes.n_rows:,} codes, {size:.2f} bytes each")
    cpu, wall = seconds["statistics"] / forward
    print(f"statistics take {cpu:.2f} of the bare forward pass in CPU time, {wall:.2f} by the clock")
