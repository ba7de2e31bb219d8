"""Pages of lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from web.api.endpoint import object_schema
from web.api.parameters import Paged
from web.error_pages import NotFound


def page_of(rows: Sequence[Any], asked: Paged) -> dict[str, Any]:
    """A page of a whole list.

    Raises:
        NotFound: If it is past the end.
    """
    start = (asked.page - 1) * asked.per_page
    return page_envelope(rows[start : start + asked.per_page], asked, len(rows))


def page_envelope(items: Sequence[Any], asked: Paged, total: int) -> dict[str, Any]:
    """A page and where it stands; the same where only this page was read.

    Raises:
        NotFound: If it is past the end.
    """
    pages = max(1, -(-total // asked.per_page))
    if asked.page > pages:
        raise NotFound(
            f"page {asked.page:,} is past the end: {total:,} items are {pages:,} page{'s' if pages > 1 else ''} of "
            f"{asked.per_page}",
            [],
        )
    more = asked.page + 1 if asked.page < pages else None
    return {"items": items, "page": asked.page, "per_page": asked.per_page, "total": total, "next_page": more}


def page_schema(items: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of a page whose items have this one."""
    return object_schema(
        items={"type": "array", "items": items},
        page={"type": "integer"},
        per_page={"type": "integer"},
        total={"type": "integer", "description": "Items on all pages."},
        next_page={"type": ["integer", "null"], "description": "null on the last page."},
    )
