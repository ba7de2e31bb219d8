"""The whole harvest against the bare truncated forward pass of the same model, same contexts, same process; aim
0.85."""

import tempfile
from itertools import islice

from benchmarks.side_by_side import medians, table
from models.activations.harvest import harvest
from models.activations.site_reading import BATCH_TOKENS, padded_batches
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.documents import Document
from models.corpora.sources.stdlib import stdlib_documents
from models.corpora.token_filter import TokenFilter
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from storage.folder import Folder

TOKENS, CONTEXT = 200_000, 128


def main() -> None:
    measure(HookedModel.load("models/demo"), TOKENS, rounds=5)


def measure(host: HookedModel, n_tokens: int, rounds: int) -> None:
    """Prints the time of a harvest at half depth beside that of the forward pass to there."""
    site = Site.parse("resid_post.@0.5").resolve(host.n_layers)
    documents: list[Document] = list(islice(stdlib_documents(), 100))
    with tempfile.TemporaryDirectory() as directory:
        texts = Folder(directory) / "corpus"
        write_corpus(
            texts,
            tokenize_into_contexts(documents, host.tokenizer, CONTEXT, n_tokens),
            {},
            TokenFilter.of(host.tokenizer),
            source="stdlib",
            context_length=CONTEXT,
        )
        contexts, number = TokenizedCorpus.open(texts), iter(range(10**6))
        everything = list(contexts)

        def bare() -> None:
            for padded in padded_batches(everything, TokenFilter(frozenset()), BATCH_TOKENS):
                with host.capture([site]):
                    host.forward(padded.token_ids_BP)

        def whole() -> None:
            folder = Folder(directory) / f"run-{next(number)}"
            harvest(host, contexts, {site: (folder, {})}, {})
            folder.remove()

        seconds = medians({"bare forward": bare, "harvest": whole}, rounds=rounds)
    table(seconds, "bare forward", contexts.manifest.facts["n_tokens"], "tokens")
    print(f"harvest runs at {seconds['bare forward'] / seconds['harvest']:.2f} of the bare forward pass")
