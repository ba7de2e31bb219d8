"""Features whose examples contain a text: looked through from a number on, for a bounded time."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from web.warehouse_file import AT_ONCE

STEP = 10_000
"""Features whose windows are looked through with one question: some tens of milliseconds."""
MOST_WINDOWS = 100
MOST_FEATURES = 25
SECONDS = 0.25
"""After so long no further question is asked; the page then says how far it came, and leads on."""

Ask = Callable[..., list[Any]]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Windows by feature; features from `first` up to but not including `next` were looked through."""

    windows: dict[int, list[Any]]
    first: int
    next: int
    n_features: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to look through."""
        return self.next >= self.n_features


def search_examples(start: int, sae: Any, text: str, ask: Ask, seconds: float = SECONDS) -> SearchResult:
    """The features of a dictionary whose windows contain a text, a few at most.

    Args:
        start: The feature to begin with.
        sae: The dictionary: `model_id`, `recipe_id`, `n_features`.
        text: In any case.
        ask: Asks a query of `web/queries`, by its name, about several stretches of features at once.
        seconds: How long to go on; a round of questions is asked in any case.
    """
    windows: dict[int, list[Any]] = {}
    first, began = min(start, sae.n_features), time.monotonic()
    at = first
    while at < sae.n_features and len(windows) < MOST_FEATURES:
        firsts = range(at, sae.n_features, STEP)[:AT_ONCE]
        ranges = [(start_id, min(start_id + STEP, sae.n_features) - 1) for start_id in firsts]
        named = {"model_id": sae.model_id, "recipe_id": sae.recipe_id, "text": text, "most": MOST_WINDOWS}
        for (_, end), rows in zip(ranges, ask("example_text", ranges, **named), strict=True):
            last = end
            if len(rows) == MOST_WINDOWS:  # cut off within a feature: it is looked at again, unless it is the only one
                last = max(rows[-1].feature_id - 1, rows[0].feature_id)
            for feature_id, group in groupby(rows, key=lambda row: row.feature_id):
                if feature_id <= last and len(windows) < MOST_FEATURES:
                    windows[feature_id] = list(group)
                elif feature_id <= last:
                    last = feature_id - 1
            at = last + 1
            if last < end:
                break
        if time.monotonic() - began > seconds:
            break
    return SearchResult(windows, first, at, sae.n_features)


def search_all_dictionaries(saes: Iterable[Any], text: str, ask: Ask) -> list[tuple[Any, SearchResult]]:
    """Each dictionary looked through for its share of the time."""
    dictionaries = list(saes)
    return [(sae, search_examples(0, sae, text, ask, SECONDS / len(dictionaries))) for sae in dictionaries]
