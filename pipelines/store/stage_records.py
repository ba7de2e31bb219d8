"""How the last run of a stage went, for each partition: a small JSON file in the store, read by whoever is on call.

Nothing depends on them: a record that cannot be read, or that went with a disk, is as none.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from models.experiments.settings_base import method_names
from pipelines.dagster_support.orphaned_runs import AFTER_A_KILL, is_alive
from pipelines.store.layout import StoreLayout
from storage.folder import Folder
from storage.sealed_json import check_seal, sealed

RUNNING, SUCCEEDED, FAILED, STOPPED, KILLED = "running", "succeeded", "failed", "stopped", "killed"
CHECK_FAILED = "check failed"
"""It made something, and a check of its own found fault with it."""
_WHOLE = "_all"
"""Name of the file of a stage without partitions."""
_SEAL = "record_sha256"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a stage."""

    began_at: str
    """UTC, ISO 8601."""
    run_id: str
    job: str
    process: str
    """As `process_tag` names it."""
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    written_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StageRecord:
    """The last run of a stage for a partition, the last that wrote something, and why the last did not succeed."""

    stage: str
    partition: str
    status: str
    last: Attempt
    made: Attempt | None = None
    succeeded_at: str | None = None
    failure: str | None = None
    what_to_do: str | None = None

    @classmethod
    def begun(cls, before: "StageRecord | None", stage: str, partition: str, attempt: Attempt) -> "StageRecord":
        kept = before or cls(stage, partition, RUNNING, attempt)
        return replace(kept, status=RUNNING, last=attempt, failure=None, what_to_do=None)

    def ended(self, attempt: Attempt) -> "StageRecord":
        """It succeeded; a run that found all there says nothing of what making it costs."""
        made = attempt if attempt.written_bytes else self.made
        return replace(self, status=SUCCEEDED, last=attempt, made=made, succeeded_at=now())

    def failed(self, attempt: Attempt, status: str, failure: str, what_to_do: str) -> "StageRecord":
        return replace(self, status=status, last=attempt, failure=failure, what_to_do=what_to_do)

    @property
    def seen(self) -> "StageRecord":
        """With what its process could not write itself: that it was killed."""
        if self.status != RUNNING or is_alive(self.last.process):
            return self
        return replace(
            self,
            status=KILLED,
            failure=f"process {self.last.process} ended without a word: killed, most often for want of memory",
            what_to_do=f"{AFTER_A_KILL}: {run_command(self.stage, self.partition)}",
        )

    @classmethod
    def parse(cls, body: bytes) -> "StageRecord":
        """Raises ValueError, KeyError or TypeError where it is no record, or is not as it was written."""
        check_seal(body, _SEAL)
        said: dict[str, Any] = json.loads(body)
        del said[_SEAL]
        attempts: dict[str, Any] = {name: Attempt(**said[name]) if said[name] else None for name in ("last", "made")}
        return cls(**(said | attempts))


def read_record(layout: StoreLayout, stage: str, partition: str) -> StageRecord | None:
    folder, name = _place(layout, stage, partition)
    return _parsed(folder.read_bytes(name)) if folder.exists(name) else None


def write_record(layout: StoreLayout, record: StageRecord) -> None:
    folder, name = _place(layout, record.stage, record.partition)
    folder.write_bytes(name, sealed(json.dumps(asdict(record), indent=1), _SEAL))


def stage_records(layout: StoreLayout) -> list[StageRecord]:
    """All of them as they are now, sorted."""
    return sorted(_read_all(layout.stage_records()), key=lambda record: (record.stage, record.partition))


def record_rows(records: list[StageRecord]) -> list[tuple[Any, ...]]:
    """Rows of the table `stage_run`; the publication's own is left out, which is still at work."""
    return [_row(record) for record in records if record.partition]


def record_files(layout: StoreLayout, partition: str) -> Iterator[tuple[Folder, str]]:
    """Where the records of a partition lie, those that are there."""
    for stage in layout.stage_records().folders():
        folder, name = _place(layout, stage, partition)
        if folder.exists(name):
            yield folder, name


def run_command(stage: str, partition: str) -> str:
    """What goes on with a partition."""
    model_id, _, rest = partition.partition("/")
    if not rest:
        return "glasshouse publish"
    if stage in method_names():
        return f"glasshouse experiment {rest} --model {model_id}"
    return f"glasshouse run --model {model_id} --recipe {rest}"


def now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _read_all(folder: Folder) -> Iterator[StageRecord]:
    paths = (
        [f"{folder.path}/{path}" for path in folder.files_below() if path.endswith(".json")] if folder.exists() else []
    )
    if not paths:
        return
    bodies = folder.filesystem.cat(paths, on_error="omit")
    assert isinstance(bodies, dict), "fsspec gives a mapping for a list of paths"
    for body in bodies.values():
        if (record := _parsed(body)) is not None:
            yield record.seen


def _parsed(body: bytes) -> StageRecord | None:
    try:
        return StageRecord.parse(body)
    except (ValueError, KeyError, TypeError):
        return None


def _place(layout: StoreLayout, stage: str, partition: str) -> tuple[Folder, str]:
    folder = layout.stage_records() / stage
    first, _, rest = partition.partition("/")
    return (folder / first, f"{rest}.json") if rest else (folder, f"{first or _WHOLE}.json")


def _row(record: StageRecord) -> tuple[Any, ...]:
    (model_id, _, rest), is_method = record.partition.partition("/"), record.stage in method_names()
    made = record.made
    return (
        record.stage,
        model_id,
        None if is_method else rest,
        rest if is_method else None,
        record.status,
        record.last.run_id,
        datetime.fromisoformat(record.last.began_at),
        record.last.seconds,
        record.succeeded_at and datetime.fromisoformat(record.succeeded_at),
        datetime.fromisoformat(made.began_at) if made else None,
        made.seconds if made else None,
        made.peak_memory_bytes if made else None,
        made.peak_gpu_bytes if made else None,
        made.written_bytes if made else None,
        record.failure,
        record.what_to_do,
    )
