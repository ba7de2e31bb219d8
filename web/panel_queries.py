"""The queries of one panel: run, and recorded to be shown under it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from web.query_files import AnswersQueries, Values, queries


@dataclass(frozen=True, slots=True)
class ExecutedQuery:
    """A query that a panel ran, and the values it ran with."""

    title: str
    sql: str
    values: Mapping[str, Any]


class QueryRecorder:
    """Runs the queries of one panel, and records them.

    Args:
        snapshot: The warehouse that answers.
        values: The page's own values.
        declared: Names of the queries that the panel may ask with nothing else, since they were answered beforehand.
    """

    def __init__(self, snapshot: AnswersQueries, values: Values, declared: Collection[str]) -> None:
        self._snapshot, self._values, self._declared = snapshot, values, declared
        self._executed: list[ExecutedQuery] = []

    def ask(self, name: str, **more: Any) -> list[SimpleNamespace]:
        """The rows of a query of `web/queries`, with the page's values and these.

        Raises:
            ValueError: If the page's own values are all it needs and the panel's template does not declare it.
        """
        if not more and name not in self._declared:
            raise ValueError(
                f"a panel asks {name} with the page's own values and declares {', '.join(self._declared) or 'none'}: "
                "name it in the first line of the template, {# asks: … #}"
            )
        query, values = queries()[name], {**self._values, **more}
        self._executed.append(ExecutedQuery(query.title, query.sql, query.bind(values)))
        return self._snapshot.ask(query, values)

    def ask_feature_ranges(
        self, name: str, ranges: Sequence[tuple[int, int]], **more: Any
    ) -> list[list[SimpleNamespace]]:
        """The same of several ranges of features, `first` to `last`, at once; recorded as one query over all."""
        query = queries()[name]
        each = [{**self._values, **more, "first": first, "last": last} for first, last in ranges]
        self._executed.append(ExecutedQuery(query.title, query.sql, query.bind(each[0] | {"last": each[-1]["last"]})))
        return self._snapshot.ask_together((query, values) for values in each)

    @property
    def queries(self) -> tuple[ExecutedQuery, ...]:
        """What was run, in its order; a query over one range after the other stands once, over all of them."""
        return tuple(_joined(list(group)) for _, group in groupby(self._executed, key=_without_range))


def _without_range(query: ExecutedQuery) -> tuple[str, dict[str, Any]]:
    return query.sql, {name: value for name, value in query.values.items() if name not in ("first", "last")}


def _joined(group: Sequence[ExecutedQuery]) -> ExecutedQuery:
    start = {name: value for name, value in group[0].values.items() if name == "first"}
    return replace(group[-1], values={**group[-1].values, **start})
