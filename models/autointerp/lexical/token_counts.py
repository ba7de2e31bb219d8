"""What the corpus looks like without any feature: how often each token stands in it."""

from collections import Counter

import numpy as np

from models.corpora.contexts import TokenizedCorpus
from models.language_model.token_strings import TokenStrings


def token_counts(contexts: TokenizedCorpus, pieces: TokenStrings) -> dict[str, int]:
    """How often each token's text stands in the corpus, special tokens left out."""
    counts_V = np.zeros(len(pieces.texts), dtype=np.int64)
    for number in range(contexts.n_shards):
        masks = contexts.token_filter.masks([context.token_ids for context in contexts.shard(number)])
        counts_V += np.bincount(masks.tokens_R[masks.is_text_R], minlength=len(counts_V))
    found: Counter[str] = Counter()
    for token in np.flatnonzero(counts_V).tolist():
        found[pieces.texts[token]] += int(counts_V[token])
    return dict(found)
