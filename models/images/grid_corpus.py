"""Images as contexts of positions, so that whatever reads contexts of tokens reads patches.

An image is a document and one context; a position of the site's grid is a token, and its id is its place. Which kinds
of positions are read is the card's choice, as special tokens are left out of text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from models.corpora.context_frame import NO_FRAME
from models.corpora.contexts import DOCUMENT_SCHEMA, PER_SHARD, Context, TokenizedCorpus
from models.corpora.token_filter import TokenFilter
from models.images.image_corpus import ImageCorpus
from models.language_model.token_strings import TokenStrings
from models.vision_model.token_grid import KINDS, Kind, TokenGrid


@dataclass(frozen=True)
class GridCorpus(TokenizedCorpus):
    """A corpus of images, cut by the grid of one site."""

    images: ImageCorpus
    grid: TokenGrid
    kinds: tuple[Kind, ...]
    """Of the positions that are read."""

    @classmethod
    def of(cls, images: ImageCorpus, grid: TokenGrid, kinds: Iterable[Kind]) -> "GridCorpus":
        """The images of a corpus as contexts of a grid.

        Raises:
            ValueError: If the grid has no position of the kinds.
        """
        kinds = tuple(kinds)
        counts = dict(zip(KINDS, (grid.n_cls, grid.n_registers, grid.n_patches), strict=True))
        n_read = sum(counts[kind] for kind in kinds)
        if not n_read:
            raise ValueError(
                f"images.kinds asks for {', '.join(kinds)}, and this site has {grid.n_patches} patches, {grid.n_cls} "
                f"CLS tokens and {grid.n_registers} registers: name a kind that it has"
            )
        facts = images.manifest.facts | {
            "context_length": grid.n_positions,
            "n_tokens": images.n_images * n_read,
            "n_special": images.n_images * (grid.n_positions - n_read),
            "n_skipped": 0,
        }
        return cls(images.folder, replace(images.manifest, facts=facts), images, grid, kinds)

    @property
    def n_shards(self) -> int:
        return -(-self.images.n_images // PER_SHARD)

    @cached_property
    def token_filter(self) -> TokenFilter:
        unread = [n for n, kind in enumerate(KINDS) if kind not in self.kinds]
        return TokenFilter(frozenset(np.flatnonzero(np.isin(self.grid.kind_ids(), unread)).tolist()), NO_FRAME)

    @cached_property
    def document_ids(self) -> list[str]:
        return self.images.index.column("document_id").to_pylist()

    @cached_property
    def documents(self) -> pa.Table:
        index, n_read = self.images.index, self.manifest.facts["n_tokens"] // max(self.images.n_images, 1)
        names = index.column("document_id")
        columns = [names, [n_read] * len(names), names, index.column("is_held_out")]
        return pa.table(columns, schema=DOCUMENT_SCHEMA)

    def rows(self, context_ids: Iterable[int]) -> list[Context]:
        positions = np.arange(self.grid.n_positions, dtype=np.int32)
        return [Context(i, self.document_ids[i], 0, positions) for i in context_ids]

    def shard(self, number: int) -> list[Context]:
        first = number * PER_SHARD
        return self.rows(range(first, min(first + PER_SHARD, self.images.n_images)))

    def __iter__(self) -> Iterator[Context]:
        yield from self.rows(range(self.images.n_images))

    def window_widths(self, asked: int) -> tuple[int, int]:
        """An example shows its position alone; a control is an image in which the feature is silent."""
        return 1, 2 * self.grid.n_positions


def position_names(grid: TokenGrid) -> TokenStrings:
    """What each position is called where tokens have texts."""
    names = [f"CLS {n}" if grid.n_cls > 1 else "CLS" for n in range(grid.n_cls)]
    names += [f"register {n}" for n in range(grid.n_registers)]
    names += [f"row {row}, column {col}" for row in range(grid.rows) for col in range(grid.cols)]
    return TokenStrings(names, names)
