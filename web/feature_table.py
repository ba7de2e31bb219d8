"""Which features a table shows: what its address asks for, and the addresses of other such tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from web.urls import parse_id, replace_invalid_unicode

PER_PAGE = 50
LONGEST_TEXT = 200
"""Characters of a text that is looked for in examples: a window holds no more."""
LIVENESS = ("all", "live", "dead")
BY_FIRING = ("feature_id", "density", "max_activation", "logit_skew")
"""What can be sorted by without a look at labels, which are in another table."""
SORTS = ("feature_id", "density", "max_activation", "specificity_above_controls", "detection", "logit_skew", "label")


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which features a table shows, as its address says; whatever an address says wrongly is left at its default."""

    label: str
    token: str
    example: str
    """Text to look for in examples, from feature `start` on."""
    start: int
    liveness: str
    sort: str
    descending: bool
    page: int

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "TableQuery":
        page = parse_id(params.get("page", "1"))
        return cls(
            label=replace_invalid_unicode(params.get("label", "")),
            token=replace_invalid_unicode(params.get("token", "")),
            example=replace_invalid_unicode(params.get("example", ""))[:LONGEST_TEXT],
            start=parse_id(params.get("start", "0")) or 0,
            liveness=_one_of(LIVENESS, params.get("liveness")),
            sort=_one_of(SORTS, params.get("sort")),
            descending=params.get("order") == "descending",
            page=page or 1,
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of `query`."""
        return {
            "label": self.label,
            "token": self.token,
            "liveness": self.liveness,
            "sort": self.sort,
            "descending": self.descending,
            "per_page": PER_PAGE,
            "skipped": (self.page - 1) * PER_PAGE,
        }

    @property
    def query(self) -> str:
        """The question that finds these features: a faster one where neither label nor token is asked about."""
        labels = self.label or self.token or self.sort not in BY_FIRING
        return "features" if labels else "features_by_firing"

    def last_page(self, n: int) -> int:
        """The number of the last page, where n features are found; an empty table has one page."""
        return max(1, -(-n // PER_PAGE))

    def address(self, **changed: Any) -> str:
        """The query string of this table, or of one that differs in what is given."""
        params = {
            "label": self.label,
            "token": self.token,
            "example": self.example,
            "liveness": self.liveness,
            "sort": self.sort,
            "order": "descending" if self.descending else "ascending",
            "page": self.page,
        }
        return "?" + urlencode(params | changed) + "#features"

    def sort_link(self, sort: str) -> str:
        """Where the head of a column leads: sorted by it, or the other way round."""
        order = "ascending" if self.sort == sort and self.descending else "descending"
        if sort in ("feature_id", "label") and self.sort != sort:
            order = "ascending"
        return self.address(sort=sort, order=order, page=1)


def _one_of(choices: tuple[str, ...], choice: str | None) -> str:
    """What is asked for if it is known, else the first of what is."""
    return choice if choice in choices else choices[0]
