"""People's labels in the registry: `labels/<model_id>/<recipe_id>.csv`, a row a label.

CSV and not YAML, for there may be thousands: a label is one line, which a merge of two people's changes joins line by
line and a spreadsheet opens, and a card's limit of 64 kB does not hold.
"""

import csv
import io
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath

from models.autointerp.human_labels import HumanLabel, checked_human_label
from pipelines.registry.card_yaml import InvalidCard
from storage.folder import Folder
from storage.process_lock import LockTimeout, process_lock
from storage.visible_text import visible

COLUMNS = ("feature", "label", "author", "written_at", "dictionary")
REQUIRED = {"feature", "label"}
MOST_BYTES = 64 * 2**20
PATIENCE_SECONDS = 10.0
ByPartition = dict[str, tuple[HumanLabel, ...]]


class LabelConflict(ValueError):
    """A label was changed since whoever writes now looked at it. Look again: nothing was written."""


def read_label_files(folder: Folder, errors: dict[str, str]) -> ByPartition:
    """The labels of every partition that has some; a file that cannot be read is an entry of `errors`."""
    found: ByPartition = {}
    for model_id in folder.folders():
        for name in (folder / model_id).names():
            if PurePosixPath(name).suffix != ".csv":
                continue
            sae_id = f"{model_id}/{PurePosixPath(name).stem}"
            try:
                found[sae_id] = read_labels(folder, sae_id)
            except (ValueError, OSError) as error:
                errors[f"labels/{sae_id}.csv"] = str(error)
    return found


def read_labels(folder: Folder, sae_id: str) -> tuple[HumanLabel, ...]:
    """The labels of one partition, in the order of the file; none where there is no file.

    Raises:
        InvalidCard: Naming file and line of a row that is no label, or of a second label by the same author.
    """
    model_id, recipe_id = sae_id.split("/")
    place, name = folder / model_id, f"{recipe_id}.csv"
    if not place.exists(name):
        return ()
    if (size := place.size(name)) > MOST_BYTES:
        raise InvalidCard(f"{place}/{name} has {size:,} bytes, and {MOST_BYTES:,} are read: split it no further")
    csv.field_size_limit(MOST_BYTES)  # the process's: whoever read CSV before may have left another one
    rows = csv.DictReader(io.StringIO(place.read_bytes(name).decode("utf-8-sig", errors="replace"), newline=""))
    try:
        return tuple(_checked(f"{place}/{name}", rows))
    except csv.Error as error:
        raise InvalidCard(f"{place}/{name}, line {rows.line_num}: not CSV ({error}): mend the line") from error


def _checked(file: str, rows: csv.DictReader) -> Iterable[HumanLabel]:
    names = tuple(rows.fieldnames or ())
    if not set(names) >= REQUIRED or not set(names) <= set(COLUMNS):
        shown = visible(", ".join(names), 100) or "nothing"
        raise InvalidCard(f"{file}, line 1: found the columns {shown}, wanted {', '.join(COLUMNS)}")
    lines: dict[tuple[int, str], int] = {}
    for row in rows:
        try:
            label = _label(row)
        except ValueError as error:
            raise InvalidCard(f"{file}, line {rows.line_num}: {error}") from error
        if label.key in lines:
            raise InvalidCard(
                f"{file}, line {rows.line_num}: a second label of feature {label.feature_id} by "
                f"{_author(label)} (first on line {lines[label.key]}): keep one, or name different authors"
            )
        lines[label.key] = rows.line_num
        yield label


def _label(row: dict[str, str]) -> HumanLabel:
    if None in row or None in row.values():
        raise ValueError("the line has more or fewer cells than the first one: put a label that has commas in quotes")
    number = row["feature"].strip()
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise ValueError(f"feature = {visible(number, 40)!r}: wanted a number, counted from 0")
    written = (row.get("written_at") or "").strip()
    try:
        at = datetime.fromisoformat(written).replace(tzinfo=None) if written else None
    except ValueError as error:
        raise ValueError(f"written_at = {visible(written, 40)!r}: wanted a time such as 2026-11-29T20:45:00") from error
    dictionary = (row.get("dictionary") or "").strip()
    return checked_human_label(int(number), row["label"], row.get("author") or "", at, dictionary)


def write_label(
    folder: Folder,
    sae_id: str,
    label: HumanLabel,
    may_replace: Callable[[tuple[HumanLabel, ...]], bool],
) -> None:
    """Writes a label in the place of its author's earlier one, or as a new row; others' rows stay as they are.

    One writer at a time, across processes of this machine: what `may_replace` is asked of is what the file holds.

    Args:
        may_replace: Whether to write, given the feature's labels of now.

    Raises:
        LabelConflict: If it may not: says what stands there. Nothing is written.
        InvalidCard: If the file that is there cannot be read.
    """
    model_id, recipe_id = sae_id.split("/")
    with _one_writer(folder / model_id / f"{recipe_id}.csv"):
        known = read_labels(folder, sae_id)
        now = labels_of(known, label.feature_id)
        if not may_replace(now):
            there = "; ".join(f"{each.label!r} by {_author(each)}" for each in now) or "no label any more"
            raise LabelConflict(f"feature {label.feature_id} of {sae_id} has {there}: yours was not written over it")
        kept = [label if each.key == label.key else each for each in known]
        rows = kept if label in kept else [*kept, label]
        (folder / model_id).write_bytes(f"{recipe_id}.csv", _csv(rows))


def labels_of(labels: Iterable[HumanLabel], feature_id: int) -> tuple[HumanLabel, ...]:
    return tuple(label for label in labels if label.feature_id == feature_id)


def now_utc() -> datetime:
    """The time that a label is written at, without a zone, as tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


@contextmanager
def _one_writer(file: Folder):
    try:
        with process_lock(str(file), PATIENCE_SECONDS):
            yield
    except LockTimeout as error:
        raise LabelConflict(f"somebody else writes {file} and went on for too long: send yours again") from error


def _csv(labels: Iterable[HumanLabel]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in labels:
        at = each.written_at.isoformat() if each.written_at else ""
        rows.writerow([each.feature_id, each.label, each.author, at, each.dictionary])
    return text.getvalue().encode()


def _author(label: HumanLabel) -> str:
    return visible(label.author, 40) or "somebody unnamed"
