"""The corpus that a model reads, as contexts of tokens."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.context_frame import context_frame
from pipelines.dagster_support.metadata import model_link
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.cards import CorpusCard
from pipelines.registry.identities.stages.corpus import CORPUS
from pipelines.registry.registry import SAERegistration
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.image_making import make_image_corpus
from pipelines.store.model_loading import load_tokenizer
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.folder import Folder
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table

if TYPE_CHECKING:
    from models.corpora.context_frame import SpecialTokens
    from models.corpora.sources.base import CorpusSource

token_counts = dg.AssetCheckSpec(
    "token_counts_match",
    asset="corpus",
    blocking=True,
    description="Tokens of text and special tokens add up to what the rows hold.",
)

near_copies = dg.AssetCheckSpec(
    "near_copies_apart",
    asset="corpus",
    description="No document that is held out from training has a near copy that is trained on.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    deps=[context_frame],
    kinds={"transformers", "parquet"},
    code_version=CORPUS.code_version,
    group_name="harvest",
    check_specs=[token_counts, near_copies],
)
@recorded_stage
@fail_without_retry
def corpus(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Tokens of the model's corpus, one row a context, each from one document. Shared by all recipes of a model, and by
    models that have corpus and tokenizer in common. Of a vision model the images, as its preprocessing makes them."""
    from models.corpora.context_frame import tokenizer_sha256
    from models.corpora.sources import open_source

    registration = store.registration(context.partition_key)
    if registration.model.images_seen is not None:
        return _of_images(context, store, registration)
    card = registration.model.corpus
    tokenizer, frame = load_tokenizer(registration), store.datasets.frame(registration)
    source = open_source(card.source, text_column=card.text_column)
    frame_sha256 = frame.sha256(tokenizer)
    hashes = {"source_sha256": source.sha256(), "tokenizer_sha256": tokenizer_sha256(tokenizer)}
    identity = CORPUS.identity(registration, found=hashes | {"frame_sha256": frame_sha256})
    folder = store.layout.corpus(registration.corpus_id, frame_sha256)
    with sole_maker(folder):
        why, made = why_made(identity, folder), Manifest.find_current(folder, identity)
        if made is None:
            made = _cut(folder, identity, card, source, tokenizer, frame)
            context.log.info(f"{card.source}: {source.report}; cut because {why}")
    store.tables.write(corpus_table(store, registration, made), corpus_row(made), identity)
    return _result(folder, made, why, registration.model_id)


def _of_images(context: dg.AssetExecutionContext, store: Store, registration: SAERegistration) -> dg.MaterializeResult:
    """Images as the model sees them, with small pictures for pages."""
    made, why = make_image_corpus(store, registration, Progress(context, "images"))
    facts = made.facts
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": model_link(registration.model_id),
            "images": facts["n_documents"],
            "held_out_images": facts["n_held_out"],
            "labels": facts["n_labels"],
            "left_out": dg.MetadataValue.json(facts["left_out"]),
            "dagster/partition_row_count": facts["n_documents"],
        },
        check_results=[
            dg.AssetCheckResult(check_name="token_counts_match", passed=facts["n_contexts"] == facts["n_documents"]),
            dg.AssetCheckResult(check_name="near_copies_apart", passed=True, metadata={"images": facts["n_documents"]}),
        ],
    )


def _cut(
    folder: Folder,
    identity: dict[str, Any],
    card: CorpusCard,
    source: "CorpusSource",
    tokenizer: Any,
    frame: "SpecialTokens",
) -> Manifest:
    """Writes the contexts of the source's documents, and what was left out of them."""
    from models.corpora.contexts import contexts_of
    from models.corpora.corpus_writer import write_corpus
    from models.corpora.document_tokens import DocumentTokenizer
    from models.corpora.token_filter import TokenFilter

    folder.remove()
    documents = DocumentTokenizer(tokenizer, frame, card.special_strings == "tokens", card.tokenizer_sha256)
    contexts = contexts_of(documents(source.documents()), frame, card.context_length, card.tokens)

    def counted() -> dict[str, object]:
        left_out = (source.report.left_out | documents.left_out).facts()
        return {"special_strings": card.special_strings, "n_framed": documents.n_framed, "left_out": left_out}

    return write_corpus(
        folder,
        contexts,
        identity,
        TokenFilter.of(tokenizer, frame),
        source=card.source,
        context_length=card.context_length,
        more_facts=counted,
    )


def _result(folder: Folder, made: Manifest, why: str | None, model_id: str) -> dg.MaterializeResult:
    from models.corpora.contexts import TokenizedCorpus

    held = sum(len(c.token_ids) for c in TokenizedCorpus.open(folder))
    facts = made.facts
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": model_link(model_id),
            "tokens": facts["n_tokens"],
            "special_tokens": facts["n_special"],
            "skipped_tokens": facts["n_skipped"],
            "held_out_documents": facts["n_held_out"],
            "near_copies": facts["n_near_copies"],
            "framed_documents": facts["n_framed"],
            "left_out": dg.MetadataValue.json(facts["left_out"]),
            "documents": facts["n_documents"],
            "contexts": facts["n_contexts"],
            "path": dg.MetadataValue.path(folder.url),
            "dagster/partition_row_count": facts["n_contexts"],
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="token_counts_match",
                passed=held == facts["n_tokens"] + facts["n_special"],
                metadata={"held": held, "text": facts["n_tokens"], "special": facts["n_special"]},
            ),
            dg.AssetCheckResult(
                check_name="near_copies_apart",
                passed=facts["near_copies_apart"],
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"documents": facts["n_documents"], "near_copies": facts["n_near_copies"]},
            ),
        ],
    )


def corpus_table(store: Store, registration: SAERegistration, manifest):
    """Where the corpus stands in the table `corpus`, whose grain is a corpus as one tokenizer cut it in one frame."""
    frame_sha256 = manifest.identity["found"]["corpus"]["frame_sha256"]
    return store.layout.table_at("corpus", corpus_id=registration.corpus_id, frame_sha256=frame_sha256)


def corpus_row(manifest):
    """The corpus as one row of the table `corpus`."""
    facts = manifest.facts
    row = {
        "source": facts["source"],
        "n_documents": facts["n_documents"],
        "n_contexts": facts["n_contexts"],
        "n_tokens": facts["n_tokens"],
        "n_special": facts["n_special"],
        "n_skipped": facts["n_skipped"],
        "n_held_out": facts["n_held_out"],
        "n_near_copies": facts["n_near_copies"],
        "n_framed": facts["n_framed"],
        "n_left_out": sum(entry["n"] for entry in facts["left_out"]),
        "context_length": facts["context_length"],
        "sha256": manifest.identity_sha256,
    }
    return rows_as_table("corpus", [row])
