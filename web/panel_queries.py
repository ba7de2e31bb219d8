"""What a panel asks, and how that stands on the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from web.query_files import Values, queries
from web.warehouse_file import WarehouseSnapshot


@dataclass(frozen=True, slots=True)
class ExecutedQuery:
    """A query that a panel ran, and the values it ran with."""

    title: str
    sql: str
    given: Mapping[str, Any]


class QueryRecorder:
    """Answers the questions of one panel, and notes them."""

    def __init__(self, opened: WarehouseSnapshot, values: Values) -> None:
        self._opened, self._values = opened, values
        self._noted: list[ExecutedQuery] = []

    def ask(self, query: str, **more: Any) -> list[SimpleNamespace]:
        """The rows of a query of `web/queries`, with the page's values and these."""
        found, given = queries()[query], {**self._values, **more}
        self._noted.append(ExecutedQuery(found.title, found.sql, found.given(given)))
        return self._opened.ask(found, given)

    def ask_stretches(
        self, query: str, stretches: Sequence[tuple[int, int]], **more: Any
    ) -> list[list[SimpleNamespace]]:
        """The same of several stretches of features, `first` to `last`, at once; noted as one question about all."""
        found = queries()[query]
        each = [{**self._values, **more, "first": first, "last": last} for first, last in stretches]
        self._noted.append(ExecutedQuery(found.title, found.sql, found.given(each[0] | {"last": each[-1]["last"]})))
        return self._opened.ask_together((found, given) for given in each)

    @property
    def asked(self) -> tuple[ExecutedQuery, ...]:
        """What was asked, in its order; questions about one stretch after the other as one about all of them."""
        return tuple(_joined(list(some)) for _, some in groupby(self._noted, key=_but_for_stretch))


def _but_for_stretch(asked: ExecutedQuery) -> tuple[str, dict[str, Any]]:
    return asked.sql, {name: value for name, value in asked.given.items() if name not in ("first", "last")}


def _joined(some: Sequence[ExecutedQuery]) -> ExecutedQuery:
    begun = {name: value for name, value in some[0].given.items() if name == "first"}
    return replace(some[-1], given={**some[-1].given, **begun})
