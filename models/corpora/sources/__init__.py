"""Corpora: the standard library, files of text or rows (local or S3), and datasets of the Hugging Face hub."""

from models.corpora.sources.base import CorpusSource, ReadReport
from models.corpora.sources.files import find_files, stdlib
from models.corpora.sources.hf_datasets import HubDataset

__all__ = ["ReadReport", "CorpusSource", "open_source"]


def open_source(spec: str, *, text_column: str | None = None) -> CorpusSource:
    """The corpus that a card names; nothing of it is read yet.

    Args:
        spec: `stdlib`; a file, folder or glob, local or `s3://…`; or `hf:name[/config][:split]`.
        text_column: Column of JSONL, Parquet or hub rows that holds the text; "text" where none is named.

    Raises:
        ValueError: If the kind is unknown, the path does not exist or holds no file, or a package is missing.
    """
    column = text_column or "text"
    if spec == "stdlib":
        return stdlib()
    if spec.startswith("hf:"):
        return HubDataset.parse(spec, column)
    return find_files(spec, column)
