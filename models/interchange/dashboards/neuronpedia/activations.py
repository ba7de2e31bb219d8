"""Lines of activations/batch-N.jsonl.gz: windows of text, grouped by how strongly the feature fires in them."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from models.features.example_windows import KINDS, example_id
from models.interchange.dashboards.checked_record import CheckedRecord
from models.interchange.dashboards.dump import BadDump, Part
from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity
from models.interchange.dashboards.neuronpedia.rows_by_feature import RowsByFeature
from models.interchange.dashboards.odd_windows import OddWindows

NEEDED = ("modelId", "layer", "index", "tokens", "values")
_PLACE = re.compile(r"(\d{1,18}):(\d{1,9})")
Row = dict[str, Any]
Bin = tuple[float | None, float | None, float | None]
"""binMin, binMax and binContains."""


def to_lines(stamp: ExportIdentity, part: Part, n_intervals: int) -> Iterator[Row]:
    """A line for each row of `example`: the strongest, then each interval from the strongest on, then controls.

    The strongest have -1 for binMin and binContains; an interval has its bounds and the share of all tokens that lie
    in it, a control 0, 0 and the share on which the feature is silent.

    Args:
        part: `feature`, `activation_histogram` and `example` of the same features.
        n_intervals: Into how many slices of (0, strongest] examples were sorted.
    """
    bars, cards = RowsByFeature(part["activation_histogram"]), RowsByFeature(part["feature"])
    order = ("interval_index", "descending"), ("rank", "ascending")
    examples = RowsByFeature(part["example"], *order)
    for feature in cards:
        [card] = cards[feature]
        shares = interval_shares(bars[feature], n_intervals, card["n_tokens"])
        for row in sorted(examples[feature], key=lambda row: KINDS.index(row["kind"])):
            yield _line(stamp, row, _bin(card, row, shares))


def interval_shares(bars: Sequence[Row], n_intervals: int, n_tokens: int) -> list[float | None]:
    """Share of all tokens in each slice of (0, strongest]; a bin of the histogram counts for the slice of its middle,
    which is exact where the bins are a multiple of the slices. None where the histogram is not known."""
    strongest = max((row["upper"] for row in bars), default=0.0)
    if strongest <= 0:
        return [None] * n_intervals
    counted: Counter[int] = Counter()
    for row in bars:
        middle = (row["lower"] + row["upper"]) / 2
        counted[min(math.floor(middle / strongest * n_intervals), n_intervals - 1)] += row["n"]
    return [counted[number] / n_tokens for number in range(n_intervals)]


def _bin(card: Row, row: Row, shares: list[float | None]) -> Bin:
    strongest, interval = card["max_activation"], row["interval_index"]
    if row["kind"] == "top":
        return -1.0, strongest, -1.0
    if row["kind"] == "control":
        return 0.0, 0.0, 1 - card["density"]
    n = len(shares)
    if strongest is None:
        return None, None, shares[interval]
    return strongest * interval / n, strongest * (interval + 1) / n, shares[interval]


def _line(stamp: ExportIdentity, row: Row, bin_: Bin) -> Row:
    values = row["activations"]
    low, high, share = bin_
    strongest = max(values)
    return {
        "id": stamp.identifier("activation", row["feature_id"], row["kind"], row["interval_index"], row["rank"]),
        "tokens": row["tokens"],
        "dataIndex": f"{row['context_id']}:{row['position']}",
        "index": str(row["feature_id"]),
        "layer": stamp.source,
        "modelId": stamp.model,
        "dataSource": row["document_id"],
        "maxValue": strongest,
        "maxValueTokenIndex": values.index(strongest),
        "minValue": min(values),
        "values": values,
        "dfaValues": [],
        "dfaTargetIndex": None,
        "dfaMaxValue": None,
        "creatorId": stamp.creator,
        "createdAt": stamp.created_at,
        "lossValues": [],
        "logitContributions": None,
        "binMin": low,
        "binMax": high,
        "binContains": share,
        "qualifyingTokenIndex": row["peak"],
    }


class Examples:
    """Rows of `example` from records, feature by feature: kinds and intervals by their bins, ranks by strength among
    the strongest and by their order in the file elsewhere."""

    def __init__(
        self, model_id: str, recipe_id: str, dataset: str | None, odd: OddWindows, *, ours: bool = False
    ) -> None:
        self._own, self._dataset, self._odd, self._ours = (model_id, recipe_id), dataset, odd, ours

    def rows(self, feature: int, records: Sequence[CheckedRecord]) -> list[Row]:
        """The rows of one feature's records; a window that holds no example is left out and counted.

        Raises:
            BadDump: If this house wrote the dump, and a window is not as it writes them.
        """
        read = [(record, row) for record in records if (row := self._row_or_none(feature, record))]
        rows = [row for _, row in read]
        numbers = _numbers([record for record, row in read if row["kind"] == "interval"])
        for record, row in read:
            row["interval_index"] = numbers[_bounds(record)] if row["kind"] == "interval" else None
        rows.sort(key=lambda row: -row["activation"] if row["kind"] == "top" else 0.0)
        ranks: Counter[tuple[str, int | None]] = Counter()
        for row in rows:
            group = row["kind"], row["interval_index"]
            row["rank"] = ranks[group]
            ranks[group] += 1
            row["example_id"] = example_id(
                *self._own, feature, row["kind"], row["interval_index"], row["context_id"], row["position"]
            )
        return rows

    def _row_or_none(self, feature: int, record: CheckedRecord) -> Row | None:
        self._odd.n += 1
        try:
            return self._row(feature, record)
        except BadDump as fault:
            if self._ours:
                raise
            self._odd.leave_out(fault)
            return None

    def _row(self, feature: int, record: CheckedRecord) -> Row:
        record.same_length("tokens", "values")
        tokens, values = record.texts("tokens"), record.numbers("values")
        if not tokens:
            raise record.fault("tokens are empty, wanted one at least: leave the line out")
        peak = _peak(record)
        peak = values.index(max(values)) if peak is None else peak
        if peak >= len(tokens):
            raise record.fault(
                f"{record.key('qualifyingTokenIndex')} is {peak}, wanted one of 0 to {len(tokens) - 1}, or -1 or null "
                "where it is not known"
            )
        silent = not any(values)
        if values[peak] < 0:
            raise record.fault(
                f"the value at token {peak} is {values[peak]}, wanted 0 or more: a feature fires above 0"
            )
        low, _ = _bounds(record)
        kind = (
            "control"
            if silent
            else "top"
            if low is None or low < 0 or record.number("binContains") == -1
            else "interval"
        )
        context, position = self._place(record, peak)
        return {
            "feature_id": feature,
            "kind": kind,
            "context_id": context,
            "document_id": record.text("dataSource") or self._dataset or "unknown",
            "position": position,
            "activation": values[peak],
            "tokens": tokens,
            "activations": values,
            "peak": peak,
        }

    def _place(self, record: CheckedRecord, peak: int) -> tuple[int, int]:
        """Context and position: as this house wrote them, or else a context of the window's own, named by its id or, if
        it has none, by where it stands."""
        match = _PLACE.fullmatch(record.text("dataIndex") or "") if self._ours else None
        if match:
            return int(match[1]), int(match[2])
        name = record.text("id") or record.place.rsplit("/", 1)[-1]
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2, peak


def _peak(record: CheckedRecord) -> int | None:
    """The token that a window was chosen for; None where it is not known, for which SAEDashboard writes -1."""
    unknown = record.values.get("qualifyingTokenIndex") == -1
    return None if unknown else record.whole("qualifyingTokenIndex")


def _bounds(record: CheckedRecord) -> tuple[float | None, float | None]:
    return record.number("binMin"), record.number("binMax")


def _numbers(records: Sequence[CheckedRecord]) -> dict[tuple[float | None, float | None], int]:
    """Which slice each pair of bounds is: by their width where all are equal slices from 0, else by their order."""
    bounds = sorted({_bounds(record) for record in records}, key=lambda pair: (pair[0] or 0.0, pair[1] or 0.0))
    found = {}
    for low, high in bounds:
        width = (high or 0.0) - (low or 0.0)
        number = (low or 0.0) / width if width > 0 else math.inf
        if not math.isfinite(number) or abs(number - round(number)) > 0.1:
            break
        found[low, high] = round(number)
    if len(set(found.values())) == len(bounds):
        return found
    return {pair: place for place, pair in enumerate(bounds)}
