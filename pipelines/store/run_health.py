"""What somebody on call must look at: stages whose last run did not succeed, and tables that wait to be published."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.store.stage_records import RUNNING, SUCCEEDED, StageRecord, now, run_command, stage_records

if TYPE_CHECKING:
    from pipelines.store.store import Store

PUBLICATION = "published_warehouse"
LATE = timedelta(hours=1)
"""How long tables may wait for their publication; the sensor that asks for it waits a quarter of that for others."""


@dataclass(frozen=True, slots=True)
class RunHealth:
    """The records of a store, as they are now."""

    records: Sequence[StageRecord]
    asked: Collection[str] | None = None
    """Partitions that some card asks for; None where a card that cannot be read may ask for any."""

    @classmethod
    def of(cls, store: "Store") -> "RunHealth":
        """Reads records and cards."""
        cards = store.cards()
        asked = None if cards.errors else {*cards.sae_ids(), *cards.experiment_keys()}
        return cls(stage_records(store.layout), asked)

    @property
    def failures(self) -> list[StageRecord]:
        """Stages whose last run failed, was stopped or killed, or made what a check of its own refused, and that a card
        still asks for: nobody can make the others succeed."""
        return [record for record in self._failed if self._is_asked(record)]

    @property
    def forgotten(self) -> list[StageRecord]:
        """Those that no card asks for any more."""
        return [record for record in self._failed if not self._is_asked(record)]

    @property
    def _failed(self) -> list[StageRecord]:
        return [record for record in self.records if record.status not in (RUNNING, SUCCEEDED)]

    def _is_asked(self, record: StageRecord) -> bool:
        return self.asked is None or not record.partition or record.partition in self.asked

    def late_publication(self, at: str | None = None) -> str | None:
        """A sentence where tables have waited for too long; None where none has."""
        since, waiting = max(map(_published_at, self.records), default=""), self._written()
        oldest = min((time for time in waiting if time > since), default=None)
        if oldest is None or (age := datetime.fromisoformat(at or now()) - datetime.fromisoformat(oldest)) < LATE:
            return None
        n = sum(time > since for time in waiting)
        when = f"the last publication began at {since[:16]} UTC" if since else "nothing was ever published"
        return (
            f"tables of {n} runs are not published, the oldest for {_hours(age)}; {when}: see that Dagster's daemon "
            f"and its sensor publish_updates run, and why the last run of `publish` failed, or publish now: "
            f"{run_command(PUBLICATION, '')}"
        )

    def _written(self) -> list[str]:
        """When each run ended that wrote tables."""
        ends = []
        for record in self.records:
            if record.made is not None and record.partition:
                began = datetime.fromisoformat(record.made.began_at)
                ends.append((began + timedelta(seconds=record.made.seconds or 0.0)).isoformat(timespec="milliseconds"))
        return ends


def failure_sentence(record: StageRecord) -> str:
    """What happened to a stage, and what to do."""
    where = f"{record.stage} of {record.partition}" if record.partition else record.stage
    return f"{where} {record.status} at {record.last.began_at[:16]} UTC ({record.failure}). {record.what_to_do}"


def _published_at(record: StageRecord) -> str:
    """When the last publication began that succeeded: what was written later waits; empty of another stage."""
    if record.stage != PUBLICATION or record.succeeded_at is None:
        return ""
    return record.last.began_at if record.status == SUCCEEDED else record.succeeded_at


def _hours(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"
