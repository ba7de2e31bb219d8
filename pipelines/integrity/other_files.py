"""Files of the store that no manifest vouches for: they are held to their form."""

import json
from collections.abc import Iterator

from models.autointerp.llm_client.request_ledger import DamagedLedger, RequestLedger
from pipelines.integrity.finding import Finding
from pipelines.store.layout import StoreLayout
from pipelines.store.stage_records import StageRecord
from storage.folder import Folder


def other_findings(layout: StoreLayout) -> Iterator[Finding]:
    """The ledger of requests, requests for labels, chunks of experiments that are being measured."""
    try:
        RequestLedger.read(layout.ledger())
    except DamagedLedger as error:
        yield Finding("ledger", str(error), "restore the file: its answers were paid for")
    for name in ("label_requests", "experiment_chunks"):
        folder = layout.root / name
        for path in folder.files_below() if folder.exists() else ():
            if path.endswith(".json") and (fault := _json_fault(folder, path)):
                yield Finding(f"{name}/{path}", fault, "delete it; what it asked for is asked again")


def record_findings(layout: StoreLayout) -> Iterator[Finding]:
    """Records of runs that are not as they were written."""
    records = layout.stage_records()
    for path in records.files_below() if records.exists() else ():
        try:
            StageRecord.parse(records.read_bytes(path))
        except (ValueError, KeyError, TypeError, OSError) as error:
            remedy = "delete it; the next run of the stage writes another"
            yield Finding(f"stage_records/{path}", f"it is no record ({error})", remedy)


def _json_fault(folder: Folder, path: str) -> str | None:
    try:
        json.loads(folder.read_bytes(path))
    except (ValueError, OSError) as error:
        return f"it cannot be read as JSON ({error})"
    return None
