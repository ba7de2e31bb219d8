"""What a model is fed around each text, and which of the first tokens are not read."""

import dagster as dg

from pipelines.dagster_support.metadata import model_link, rounded
from pipelines.dagster_support.partitions import sae_partitions
from pipelines.dagster_support.progress import Progress
from pipelines.dagster_support.resources import GPU_STEP, WRITES_TABLES
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.registry.identities.stages.context_frame import CONTEXT_FRAME
from pipelines.registry.registry import SAERegistration
from pipelines.registry.text_only import refuse_text_recipe
from pipelines.store.current_datasets import NOT_MADE, why_made
from pipelines.store.import_provenance import refuse_other_provenance
from pipelines.store.model_loading import load_limits, load_model, load_preprocessing, load_tokenizer
from pipelines.store.recorded_stage import recorded_stage
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.manifest import Manifest

no_sink = dg.AssetCheckSpec(
    "no_sink_is_read",
    asset="context_frame",
    description="Where the model was tried, none of the text tokens that are read is an attention sink in the chosen "
    "frame.",
)


@dg.asset(
    partitions_def=sae_partitions,
    tags=WRITES_TABLES,
    kinds={"torch", "parquet"},
    code_version=CONTEXT_FRAME.code_version,
    group_name="harvest",
    check_specs=[no_sink],
    pool=GPU_STEP["pool"],
    op_tags=GPU_STEP["op_tags"],
)
@recorded_stage
@fail_without_retry
def context_frame(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """The special tokens around each context and the number of first text tokens that are not read, so that no
    attention sink is taken for text; with the frames that were tried on the model where the card leaves it open. One
    row a frame, shared by all recipes of a model."""
    from models.corpora.sources import open_source

    registration = store.registration(context.partition_key)
    card = registration.model
    if card.images_seen is not None:
        return _of_images(store, registration)
    source = open_source(card.corpus.source, text_column=card.corpus.text_column)
    identity = CONTEXT_FRAME.identity(registration, found={"source_sha256": source.sha256()})
    folder = store.layout.table_at("context_frame", model_id=registration.model_id)
    with sole_maker(folder):
        why, made = why_made(identity, folder), Manifest.find_current(folder, identity)
        if made is None:
            refuse_other_provenance(store, registration)
            rows, facts = _chosen(store, registration, source, Progress(context, "frames"))
            made = store.tables.write(folder, rows, identity, facts)
            context.log.info(f"{registration.model_id}: {facts['decision']}; tried because {why}")
    rows = store.tables.read_rows(folder)
    return dg.MaterializeResult(
        metadata={
            "remade_because": why or NOT_MADE,
            "page": model_link(registration.model_id),
            "decision": made.facts["decision"],
            "skip_first": made.facts["skip_first"],
            "frames": dg.MetadataValue.table([dg.TableRecord({k: _cell(v) for k, v in row.items()}) for row in rows]),
            "path": dg.MetadataValue.path(folder.url),
            "dagster/partition_row_count": len(rows),
        },
        check_results=[_no_sink(made.facts["skip_first"], [row for row in rows if row["is_chosen"]])],
    )


def _of_images(store: Store, registration: SAERegistration) -> dg.MaterializeResult:
    """A vision model frames nothing: what stands in the frame's place is its preprocessing, by its hash."""
    from storage.table_schemas import rows_as_table

    images = registration.model.images_seen
    assert images is not None
    refuse_text_recipe(registration.sae_id, registration.recipe, images)
    preprocessing, smallest = load_preprocessing(registration)
    found = {"preprocessing_sha256": preprocessing.sha256}
    identity = CONTEXT_FRAME.identity(registration, found=found)
    size = {"height": preprocessing.height, "width": preprocessing.width, "smallest_side": smallest}
    decision = "a vision model reads no tokens around its images; its preprocessing takes the place of a frame"
    facts = found | size | {"prefix": (), "suffix": (), "skip_first": 0, "decision": decision}
    folder = store.layout.table_at("context_frame", model_id=registration.model_id)
    with sole_maker(folder):
        if why := why_made(identity, folder):
            store.tables.write(folder, rows_as_table("context_frame", []), identity, facts)
    shown = {"remade_because": why or NOT_MADE, "page": model_link(registration.model_id), "decision": decision}
    return dg.MaterializeResult(metadata=shown | found | size, check_results=[_no_sink(0, [])])


def _no_sink(skip_first: int, rows: list[dict]) -> dg.AssetCheckResult:
    n_sinks = max((row["n_sinks"] or 0 for row in rows), default=0)
    passed = skip_first >= n_sinks
    advice = (
        f"the first {n_sinks} text tokens are attention sinks, and {skip_first} are skipped: set skip_first: auto or "
        "prepend_bos: auto in the model card"
    )
    return dg.AssetCheckResult(
        check_name="no_sink_is_read",
        passed=passed,
        description=None if passed else advice,
        metadata={"sinks": n_sinks, "skip_first": skip_first},
    )


def _chosen(store: Store, registration: SAERegistration, source, report: Progress) -> tuple:
    """The rows of the table, and what a manifest says of the frame that was chosen."""
    from itertools import islice

    from models.activations.attention_sinks import PIECES, choose_frame, sample_contents, try_frames, untried_frames
    from models.corpora.context_frame import NO_FRAME, SpecialTokens, candidates
    from models.corpora.document_tokens import DocumentTokenizer

    card, tokenizer = registration.model, load_tokenizer(registration)
    load_limits(registration).check(card.corpus.context_length, tokenizer)
    skip_first = None if card.skip_first == "auto" else card.skip_first
    frames = candidates(tokenizer)
    if card.prepend_bos != "auto":
        frames = SpecialTokens.asked(tokenizer, card.prepend_bos).named(tokenizer)
    room = min(frame.content(card.corpus.context_length) for frame in frames.values())
    trials = untried_frames(frames)
    if skip_first is None or len(frames) > 1:
        tokenize = DocumentTokenizer(
            tokenizer, NO_FRAME, card.corpus.special_strings == "tokens", card.corpus.tokenizer_sha256
        )
        documents = tokenize(islice(source.documents(), PIECES))
        contents = sample_contents([document.token_ids.tolist() for document in documents], room)
        trials = try_frames(load_model(registration), contents, frames, report) if contents else trials
    choice = choose_frame(trials, skip_first)
    choice.frame.content(card.corpus.context_length)
    facts = {"prefix": choice.frame.prefix, "suffix": choice.frame.suffix, "skip_first": choice.frame.skip_first}
    return choice.rows(), facts | {"decision": choice.decision}


def _cell(value):
    if isinstance(value, float):
        return rounded(value)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
