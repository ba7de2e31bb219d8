"""One experiment from its cards to its tables: measured chunk by chunk, published as one partition of each table."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.experiments.chunk_store import ChunkStore, chunks
from pipelines.experiments.experiment_question import ExperimentQuestion
from pipelines.registry.experiment_cards import ExperimentRegistration
from pipelines.store.current_datasets import why_made
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.store import Store
from storage.dataset_lock import sole_maker
from storage.folder import Folder
from storage.manifest import Manifest
from storage.table_schemas import rows_as_table, table_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from models.experiments.method import PassCount, Rows

SHARED = ("prompt", "experiment")
"""Tables of every experiment; the last says that the others are whole."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What a run of an experiment found or made."""

    manifest: Manifest
    """Of its row of `experiment`."""
    remade_because: str | None
    """None where everything was there already."""


def table_folders(store: Store, registration: ExperimentRegistration) -> dict[str, Folder]:
    """The partition of every table that the experiment fills."""
    keys = {"model_id": registration.model_id, "experiment_id": registration.experiment_id}
    return {name: store.layout.table_at(name, **keys) for name in (*registration.settings.tables, *SHARED)}


def run_experiment(
    store: Store, registration: ExperimentRegistration, progress: Callable[[int, int], None] = lambda done, total: None
) -> ExperimentResult:
    """Measures what is not there yet.

    Raises:
        MissingDataset: If a dictionary is asked for that was not made yet.
        ValueError: If prompts, settings, model or dictionary do not fit each other, before the first pass.
    """
    identity, folders = experiment_identity(store, registration), table_folders(store, registration)
    with sole_maker(folders["experiment"]):
        why = why_made(identity, *folders.values())
        if why is not None:
            _make(store, registration, identity, folders, progress)
    manifest = Manifest.find_current(folders["experiment"], identity)
    assert manifest is not None, "the row of `experiment` was written with this identity"
    return ExperimentResult(manifest, why)


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """What an experiment would cost."""

    n_prompts: int
    passes: "PassCount"


def planned_passes(store: Store, registration: ExperimentRegistration) -> ExperimentPlan:
    """What the experiment will cost, everything checked as for a run; raises as `run_experiment`."""
    question = ExperimentQuestion.of(store, registration)
    return ExperimentPlan(len(question.items), question.passes)


def _make(
    store: Store,
    registration: ExperimentRegistration,
    identity: dict[str, Any],
    folders: Mapping[str, Folder],
    progress: Callable[[int, int], None],
) -> None:
    start = time.perf_counter()
    kept = ChunkStore.of(store.layout, registration.key, identity)
    question = ExperimentQuestion.of(store, registration, kept)
    tables, method = _measured(question, kept, progress), question.method
    summary = method.summarize(question.given, {name: table.to_pylist() for name, table in tables.items()})
    tables |= _as_tables(registration.settings.tables, summary)
    empty = {name: table_schema(name).empty_table() for name in registration.settings.tables}
    seconds, passes = time.perf_counter() - start, question.passes
    tables = empty | tables | {"prompt": rows_as_table("prompt", question.prompt_rows)}
    row = _experiment_row(registration, question, identity, passes, seconds)
    tables["experiment"] = rows_as_table("experiment", [row])
    facts = {"n_prompts": row["n_prompts"], "n_forward": passes.forward, "n_backward": passes.backward}
    rows = {name: tables[name] for name in folders}
    store.tables.write_together(folders, rows, identity, facts | {"seconds": seconds})
    kept.remove()


def _measured(
    question: ExperimentQuestion, kept: ChunkStore, progress: Callable[[int, int], None]
) -> "dict[str, pa.Table]":
    """The rows of all chunks; those that an earlier run finished are read."""
    import pyarrow as pa

    given, n, parts = question.given, len(question.items), dict[str, list[pa.Table]]()
    for number, places in enumerate(chunks(n, given.settings.prompts_per_chunk)):
        chunk = kept.find(number)
        if chunk is None:
            rows = question.method.measure(given, [question.items[place] for place in places])
            chunk = _as_tables(given.settings.tables, rows)
            kept.write(number, chunk)
        for name, table in chunk.items():
            parts.setdefault(name, []).append(table)
        progress(places.stop, n)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


def _as_tables(declared: tuple[str, ...], rows: "Rows") -> "dict[str, pa.Table]":
    if unknown := sorted(rows.keys() - set(declared)):
        raise TypeError(f"the method brings rows of {', '.join(unknown)}, and its settings declare {declared}")
    return {name: rows_as_table(name, each) for name, each in rows.items()}


def _experiment_row(
    registration: ExperimentRegistration,
    question: ExperimentQuestion,
    identity: dict[str, Any],
    passes: "PassCount",
    seconds: float,
) -> dict[str, Any]:
    card, settings, given = registration.card, registration.settings, question.given
    return {
        "method": card.method,
        "question": settings.question,
        "prompt_set_id": card.prompt_set,
        "recipe_ids": [dictionary.recipe_id for dictionary in given.dictionaries],
        "settings": json.dumps(settings.model_dump(mode="json"), sort_keys=True),
        "seed": card.seed,
        "prefix": list(question.prefix),
        "identity_sha256": Manifest(identity).identity_sha256,
        "weights_sha256": given.host.weights_sha256,
        "dtype": registration.model.dtype,
        "n_prompts": len(question.items),
        "n_forward": passes.forward,
        "n_backward": passes.backward,
        "seconds": seconds,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
