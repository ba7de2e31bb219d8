"""Contexts drawn by hash from a corpus: the same ones whatever else was drawn, and on every machine."""

import math
from collections.abc import Callable

import numpy as np

from models.corpora.contexts import PER_SHARD, Context, TokenizedCorpus
from models.corpora.documents import is_held_out
from models.numerics.hash_sampling import hash_draw


def context_sample(
    contexts: TokenizedCorpus,
    tokens: int,
    is_wanted_document: Callable[[str], bool] = lambda document_id: True,
    seed: int = 0,
) -> list[Context]:
    """Contexts with about so many tokens, or all there are, of the documents that are wanted; in stored order."""
    is_wanted = {name: is_wanted_document(name) for name in set(contexts.document_ids)}
    ids = np.flatnonzero([is_wanted[name] for name in contexts.document_ids])
    n = math.ceil(tokens * contexts.n_contexts / contexts.manifest.facts["n_tokens"])
    drawn = np.sort(ids[np.argsort(hash_draw(ids, 0, seed), kind="stable")][:n])
    shards = np.split(drawn, np.flatnonzero(np.diff(drawn // PER_SHARD)) + 1)
    return [context for some in shards for context in contexts.rows(some.tolist())]


def held_out(contexts: TokenizedCorpus, tokens: int, seed: int = 0) -> list[Context]:
    """Contexts of documents that nothing is trained on."""
    return context_sample(contexts, tokens, is_held_out, seed)


def trained_on(contexts: TokenizedCorpus, tokens: int, seed: int = 0) -> list[Context]:
    """Contexts of the other documents."""
    return context_sample(contexts, tokens, lambda document_id: not is_held_out(document_id), seed)
