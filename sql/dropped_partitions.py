"""Partitions that a publication would take out of the published file, because the store no longer has them.

A store that was emptied and one that is half mounted look alike: most of what is published goes only where somebody
says so.
"""

from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sql.warehouse import connect

PublishedPartition = tuple[str, str]
"""Table and partition, such as `feature` and `model_id=a/recipe_id=b`."""


class MostWouldBeDropped(ValueError):
    """A publication would drop more than half of the published partitions. See that the store is whole, or allow it."""


@dataclass(frozen=True, slots=True)
class AllowedDrops:
    """What a publication may take out of the published file."""

    everything: bool = False
    removed: frozenset[PublishedPartition] = frozenset()
    """Partitions that somebody has just removed from the store: they are not counted."""

    def check(self, published: Set[PublishedPartition], stored: Set[PublishedPartition], url: str) -> None:
        """Refuses to drop most of what is published.

        Raises:
            MostWouldBeDropped: If more than half would go, both counts named.
        """
        counted = published - self.removed
        lost = counted - stored
        if self.everything or 2 * len(lost) <= len(counted):
            return
        named = ", ".join("/".join(place) for place in sorted(lost)[:3])
        raise MostWouldBeDropped(
            f"{len(lost):,} of {len(counted):,} published partitions are not in {url}, or cannot be read there (such "
            f"as {named}), and would be dropped: nothing was published. See that this is the right store and that "
            "it is whole (GLASSHOUSE_HOME, glasshouse verify); "
            "if they are to go, say so: glasshouse publish --allow-drop, or allow_drop: true in the configuration of "
            "`published_warehouse`"
        )


AT_MOST_HALF = AllowedDrops()
"""What any publication may drop."""


def published_partitions(published: Path) -> frozenset[PublishedPartition]:
    """What a published file holds; nothing where there is none.

    Raises:
        ValueError: If it cannot be opened.
    """
    if not published.exists():
        return frozenset()
    with closing(connect(published)) as con:
        return frozenset(con.execute("select table_name, partition from _partition").fetchall())
